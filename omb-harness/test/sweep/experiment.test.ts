// Experiments over a system that is made up: order, going on, what is claimed of differences, and what is not.
import { expect, test } from 'vitest';
import type { Trial } from '../../src/contracts/trial.ts';
import type { Cell } from '../../src/sweep/cell.ts';
import { runExperiment } from '../../src/sweep/experiment.ts';
import { cautions, comparisonTable } from '../../src/sweep/figure-table.ts';
import { figuresOf } from '../../src/sweep/figures.ts';
import { differences, summarise } from '../../src/sweep/summary.ts';
import { madeRun } from '../support/made-run.ts';
import { madeTrial } from '../support/made-trials.ts';
import { samplePlan } from '../support/sample-run.ts';

const { workload, driver } = samplePlan();
const cells = ['a', 'b', 'c'].map((id): Cell => ({
  id,
  levels: {},
  workload,
  driver,
  broker: { kind: 'at', bootstrap: 'nowhere:0' },
  warmupSecondsMin: null,
}));

async function sitting(
  before: readonly Trial[],
  stopAfter = Infinity,
): Promise<{ trials: Trial[]; order: string[]; left: (number | null)[] }> {
  const stop = new AbortController();
  const order: string[] = [];
  const left: (number | null)[] = [];
  const trials = await runExperiment(cells, 3, before, {
    signal: stop.signal,
    onStart: ({ secondsLeft }) => void left.push(secondsLeft),
    run: (cell, repeat) => {
      order.push(`${cell.id}${repeat}`);
      if (order.length > stopAfter) stop.abort();
      return Promise.resolve(madeTrial(cell.id, repeat));
    },
  });
  return { trials, order, left };
}

test('cells run there and back, and the time left is told from the first run on', async () => {
  const { order, left } = await sitting([]);
  expect(order).toEqual(['a0', 'b0', 'c0', 'c1', 'b1', 'a1', 'a2', 'b2', 'c2']);
  expect(left).toEqual([null, 16, 14, 12, 10, 8, 6, 4, 2]);
});

test('a sweep that was stopped goes on where it was; the run that was cut short is made again', async () => {
  const first = await sitting([], 4);
  expect(first.order).toHaveLength(5);
  expect(first.trials).toHaveLength(4);
  const second = await sitting(first.trials);
  expect([...first.order.slice(0, 4), ...second.order]).toEqual((await sitting([])).order);
  expect(second.trials).toHaveLength(9);
  expect((await sitting(second.trials)).order).toEqual([]);
});

/** Runs of two cells with these p99s. */
const pairs = (a: readonly number[], b: readonly number[], changes: Partial<Trial> = {}): Trial[] =>
  [a, b].flatMap((values, cell) =>
    values.map((value, repeat) =>
      madeTrial('ab'[cell]!, repeat, { figures: { publishP99Ms: value, megabytesPerSecond: 100 / value }, ...changes }),
    ),
  );
const claims = (trials: readonly Trial[]): Record<string, string> =>
  Object.fromEntries(differences('a', 'b', trials).map(({ figure, claim }) => [figure, claim]));

test('better and worse go by the figure: a lower p99 and a higher throughput are both better', () => {
  expect(claims(pairs([10, 11, 10, 12, 11], [5, 5.5, 5, 6, 5.2]))).toEqual({ publishP99Ms: 'better', megabytesPerSecond: 'better' });
  expect(claims(pairs([5, 5.5, 5, 6, 5.2], [10, 11, 10, 12, 11]))).toEqual({ publishP99Ms: 'worse', megabytesPerSecond: 'worse' });
});

test('what is inside the noise, what has too few runs and what is INVALID is called that', () => {
  expect(claims(pairs([10, 12, 9, 11, 10], [11, 10, 10, 12, 9])).publishP99Ms).toBe('inside the noise');
  expect(claims(pairs([10, 10, 10], [1, 1, 1])).publishP99Ms).toBe('too few runs');
  expect(claims(pairs([10, 10, 10, 10, 10], [1, 1, 1, 1, 1], { standing: 'INVALID' })).publishP99Ms).toBe('not sound');
});

test('an INVALID run is left out, and its pair with it', () => {
  const trials = [...pairs([10, 10, 10, 10, 10, 10], [5, 5, 5, 5, 5, 5])];
  trials[2] = madeTrial('a', 2, { standing: 'INVALID', reasons: ['generator-late'], figures: { publishP99Ms: 9000 } });
  expect(summarise('a', trials)).toMatchObject({ runs: 6, invalid: 1, unsound: false, reasons: { 'generator-late': 1 } });
  expect(summarise('a', trials).estimates.publishP99Ms).toMatchObject({ median: 10, high: 10, runs: 5 });
  const [difference] = differences('a', 'b', trials).filter(({ figure }) => figure === 'publishP99Ms');
  expect(difference).toMatchObject({ claim: 'better', comparison: { ratio: { runs: 5, median: 0.5 } } });
});

test('different promises of an ack and different regimes of memory are said before any figure', () => {
  const trials = [madeTrial('a', 0), madeTrial('b', 0, { durability: 'acks=all: on the disk', memoryRegime: 'as found: not prepared' })];
  const said = cautions(['a', 'b'], trials, false).join('\n');
  expect(said).toContain('do not promise the same');
  expect(said).toContain('conditioned, as found');
  expect(said).toContain('fewer than 5 runs');
  expect(cautions(['a', 'b'], trials, true).join('\n')).not.toContain('do not promise the same');
  expect(cautions(['a'], [madeTrial('a', 0, { standing: 'INVALID', reasons: ['lost'] })], false).join('\n')).toContain('lost (1 of 1)');
});

test('the figures of a run are those of its measured time; a percentile of luck is none', () => {
  const figures = figuresOf(madeRun());
  expect(figures).toMatchObject({ acknowledgedPerSecond: 1000, brokerCpuUsPerRecord: 400, deviceFlushesPerSecond: 4 });
  // A tenth of the records of the run waited up to a second.
  expect(figures.publishP99Ms).toBeGreaterThan(850);
  expect(figures.publishP999Ms).toBeDefined();
  expect(figures.publishP9999Ms).toBeUndefined();
  expect(figuresOf(madeRun({ measuredPhase: null }))).toEqual({});
});

test('the table has a column a cell and the ratio behind each but the first', () => {
  const { head, rows } = comparisonTable(['a', 'b'], pairs([10, 10, 10, 10, 10], [5, 5, 5, 5, 5]));
  expect(head).toEqual(['', 'a', 'b', 'by a']);
  expect(rows.find(([name]) => name === 'publish p99, ms')).toEqual([
    ...['publish p99, ms', '10.0 [10.0..10.0]', '5.00 [5.00..5.00]', '0.500x [0.500..0.500] better'],
  ]);
});
