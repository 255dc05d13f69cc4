// What the storage table makes of its runs.

import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { rows } = await benchModule('storage/rows.mjs');
const { rowLines, summarizeRow } = await benchModule('storage/summary.mjs');

interface Row {
  id: string;
  contenders: string[];
  figures: { name: string }[];
  ratios: { figure: string; over: string; under: string; floor?: number; aim?: number; atMost?: boolean }[];
}

const row = {
  id: 'r',
  title: 'a row',
  contenders: ['us', 'them', 'absent'],
  figures: [{ name: 'n/s', of: (result: { n: number }) => result.n }],
  ratios: [
    { figure: 'n/s', over: 'us', under: 'them', floor: 2, aim: 4 },
    { figure: 'n/s', over: 'absent', under: 'us', floor: 2 },
  ],
};

test('every row names figures and contenders that it has, and goals that a better result passes one after the other', () => {
  expect(new Set(rows.map(({ id }: Row) => id)).size).toBe(rows.length);
  for (const { id, contenders, figures, ratios } of rows as Row[]) {
    for (const { figure, over, under, floor, aim, atMost } of ratios) {
      expect(contenders, id).toContain(over);
      expect(contenders, id).toContain(under);
      expect(
        figures.map(({ name }) => name),
        id,
      ).toContain(figure);
      if (floor !== undefined && aim !== undefined) expect(atMost ? aim <= floor : aim >= floor, id).toBe(true);
    }
  }
});

test('a ratio is the median of ratios within pairs, not the ratio of medians', () => {
  const n = (...values: number[]): { n: number }[] => values.map((value) => ({ n: value }));
  // The machine slows down from pair to pair: the medians are of different pairs, and their ratio would be 4.
  const { ratios, medians } = summarizeRow(row, { us: n(300, 40, 3), them: n(100, 10, 1.5) });
  expect(ratios[0].ratio).toMatchObject({ median: 3, min: 2, max: 4, count: 3 });
  expect(ratios[0].verdict).toBe('floor');
  expect(medians).toEqual([
    { contender: 'us', values: [40] },
    { contender: 'them', values: [10] },
  ]);
});

test('a contender that did not run is left out, with the ratios that need it', () => {
  const summary = summarizeRow(row, { us: [{ n: 4 }], them: [{ n: 2 }], absent: [] });
  expect(summary.ratios).toHaveLength(1);
  expect(summary.medians.map(({ contender }: { contender: string }) => contender)).toEqual(['us', 'them']);
  const text = rowLines(summary, { us: 'acks=all' }).join('\n');
  expect(text).toContain('acks=all');
  expect(text).not.toContain('absent');
});

test('a figure that was not measured is a dash', () => {
  const summary = summarizeRow({ ...row, ratios: [] }, { us: [{}], them: [{ n: 1 }] });
  expect(rowLines(summary, {})[3]).toMatch(/^us +-$/);
});

test('of quiet pairs a ratio is told once more, with their number, and never in place of that of all', () => {
  const quietRow = { ...row, isQuiet: (result: { isQuiet: boolean }) => result.isQuiet };
  const runs = (...given: [number, boolean][]): object[] => given.map(([n, isQuiet]) => ({ n, isQuiet }));
  const us = runs([40, true], [9, true], [9, false]);
  const { ratios, ...rest } = summarizeRow(quietRow, { us, them: runs([10, true], [3, false], [3, true]) });
  expect(ratios[0]).toMatchObject({ ratio: { median: 3, count: 3 }, verdict: 'floor' });
  expect(ratios[0].quiet).toMatchObject({ ratio: { median: 4, count: 1 }, verdict: 'AIM' });
  const noneQuiet = summarizeRow(quietRow, { us, them: runs([10, false], [3, false], [3, false]) });
  const lines: string[] = rowLines(noneQuiet, {});
  expect(lines.some((line) => /^us \/ them +n\/s +3\.00 .* 3 /.test(line))).toBe(true);
  expect(lines.some((line) => /^ +in quiet pairs +n\/s +- +- +- +0 /.test(line))).toBe(true);
  expect(rowLines({ ratios, ...rest }, {}).join('\n')).toMatch(/in quiet pairs +n\/s +4\.00/);
});
