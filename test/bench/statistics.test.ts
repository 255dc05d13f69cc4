// Medians, intervals and verdicts of the side-by-side benchmarks, and the order in which contenders take turns.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { median, summarize, verdict } = await benchModule('statistics.mjs');
const { chooseRows, interleave } = await benchModule('row-choice.mjs');

test('a median lies between as many values below as above', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('an interval holds the median, lies within the extremes and is the same every time', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 1000, noNaN: true }), { minLength: 1, maxLength: 12 }), (values) => {
      const summary = summarize(values, 200);
      expect(summary.low).toBeLessThanOrEqual(summary.median);
      expect(summary.high).toBeGreaterThanOrEqual(summary.median);
      expect(summary.low).toBeGreaterThanOrEqual(summary.min);
      expect(summary.high).toBeLessThanOrEqual(summary.max);
      expect(summarize(values, 200)).toEqual(summary);
    }),
    { numRuns: 50 },
  );
});

test('a goal holds only when the whole interval clears it', () => {
  const goals = { floor: 8, aim: 25 };
  expect(verdict({ low: 26, high: 30 }, goals)).toBe('AIM');
  expect(verdict({ low: 24, high: 30 }, goals)).toBe('floor');
  expect(verdict({ low: 7, high: 30 }, goals)).toBe('open');
  expect(verdict({ low: 5, high: 7 }, goals)).toBe('BELOW');
  expect(verdict({ low: 5, high: 7 }, {})).toBe('');
});

test('a goal that is a most value is cleared from below', () => {
  const goals = { floor: 1.5, aim: 1.05, atMost: true };
  expect(verdict({ low: 0.98, high: 1.04 }, goals)).toBe('AIM');
  expect(verdict({ low: 1.01, high: 1.2 }, goals)).toBe('floor');
  expect(verdict({ low: 1.4, high: 1.6 }, goals)).toBe('open');
  expect(verdict({ low: 1.6, high: 9 }, goals)).toBe('BELOW');
  expect(verdict({ low: 1, high: 1.1 }, { floor: 1.2, atMost: true })).toBe('floor');
});

test('rows are chosen by whole id before the start of one', () => {
  const rows = ['a-1', 'a-10', 'b'].map((id) => ({ id }));
  const ids = (wanted: string): string[] => chooseRows(rows, wanted).map((row: { id: string }) => row.id);
  expect(ids('')).toEqual(['a-1', 'a-10', 'b']);
  expect(ids('a-1')).toEqual(['a-1']);
  expect(ids('a')).toEqual(['a-1', 'a-10']);
  expect(ids('b,a-10')).toEqual(['a-10', 'b']);
  expect(() => ids('a,c')).toThrow('--rows c: known are a-1 a-10 b');
});

test('contenders take turns forth and back, and each runs once a pair', () => {
  const order = [...interleave(['A', 'B', 'C'], 3)].map(({ pair, contender }) => `${contender}${pair}`);
  expect(order).toEqual(['A0', 'B0', 'C0', 'C1', 'B1', 'A1', 'A2', 'B2', 'C2']);
});
