// The schedule against its definition, and what measuring from it shows of systems whose latencies are known in closed form.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Phase } from '../../src/contracts/phase.ts';
import { LatencyHistogram } from '../../src/stats/latency-histogram.ts';
import { phaseAt, Schedule } from '../../src/stats/schedule.ts';
import { SeededRandom } from '../../src/stats/seeded-random.ts';

const phaseOf = (changes: Partial<Phase>): Phase => ({
  id: 0,
  label: 'measured',
  startNs: 1e9,
  endNs: 2e9,
  ratePerSecond: 1000,
  arrivals: 'periodic',
  ...changes,
});

function timesOf(schedule: Schedule, limit = 1e6): number[] {
  const times: number[] = [];
  for (let due = schedule.dueNs; due < Infinity && times.length < limit; due = schedule.dueNs) {
    times.push(due);
    schedule.advance();
  }
  return times;
}

test('workers together send each intended time once, and exactly rate x seconds of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 20_000 }), (workers, ratePerSecond) => {
      const all = Array.from({ length: workers }, (_, index) => {
        const schedule = new Schedule({ index, count: workers, seed: 1 });
        schedule.announce(phaseOf({ ratePerSecond }));
        return timesOf(schedule);
      }).flat();
      const expected = Array.from({ length: ratePerSecond }, (_, n) => 1e9 + (n * 1e9) / ratePerSecond);
      expect(all.sort((a, b) => a - b)).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test('a new phase ends an open one and erases nothing that was due in it', () => {
  const schedule = new Schedule({ index: 0, count: 1, seed: 1 });
  schedule.announce(phaseOf({ endNs: null, ratePerSecond: 10 }));
  schedule.announce(phaseOf({ id: 1, startNs: 2e9, endNs: 3e9, ratePerSecond: 20 }));
  expect(timesOf(schedule)).toHaveLength(10 + 20);
});

test('an idle phase is waited out, and a schedule that ran dry goes on with the next phase', () => {
  const schedule = new Schedule({ index: 0, count: 1, seed: 1 });
  schedule.announce(phaseOf({ ratePerSecond: 0 }));
  expect(schedule.dueNs).toBe(Infinity);
  schedule.announce(phaseOf({ id: 1, startNs: 2e9, endNs: 3e9, ratePerSecond: 5 }));
  expect(timesOf(schedule)).toHaveLength(5);
  schedule.announce(phaseOf({ id: 2, startNs: 4e9, endNs: 5e9, ratePerSecond: 7 }));
  expect(timesOf(schedule)[0]).toBe(4e9);
});

test('Poisson arrivals of several workers have the whole rate together', () => {
  const times = [0, 1, 2].flatMap((index) => {
    const schedule = new Schedule({ index, count: 3, seed: 11 + index });
    schedule.announce(phaseOf({ endNs: 101e9, arrivals: 'poisson' }));
    return timesOf(schedule);
  });
  expect(Math.abs(times.length / 100_000 - 1)).toBeLessThan(0.02);
});

test('a time belongs to the phase that began last', () => {
  const phases = [phaseOf({}), phaseOf({ id: 1, startNs: 2e9 })];
  expect([0, 1e9, 1.9e9, 2e9, 9e9].map((ns) => phaseAt(phases, ns))).toEqual([-1, 0, 0, 1, 1]);
});

/** One server, first come first served: when each is done, given when it is due and how long it takes. */
function serve(times: readonly number[], serviceNs: (at: number) => number): number[] {
  let free = 0;
  return times.map((due) => (free = Math.max(free, due) + serviceNs(Math.max(free, due))));
}

test('a stall of 1 s in 100 s shows p99.5 near 0.5 s from intended time; a closed loop would show one slow sample', () => {
  const schedule = new Schedule({ index: 0, count: 1, seed: 1 });
  schedule.announce(phaseOf({ startNs: 0, endNs: 100e9 }));
  const times = timesOf(schedule);
  // Everything that arrives in second 50 is answered at its end.
  const histogram = LatencyHistogram.empty();
  for (const due of times) histogram.record(due >= 50e9 && due < 51e9 ? 51e9 - due : 100_000);
  expect(histogram.count).toBe(100_000);
  expect(histogram.percentileNs(98.9) / 1e6).toBeLessThan(1);
  expect(Math.abs(histogram.percentileNs(99.5) / 1e9 - 0.5)).toBeLessThan(0.01);
  expect(Math.abs(histogram.percentileNs(99.9) / 1e9 - 0.9)).toBeLessThan(0.01);
});

test('an exponential server under Poisson arrivals reproduces the queueing formula within 5 %', () => {
  const schedule = new Schedule({ index: 0, count: 1, seed: 3 });
  schedule.announce(phaseOf({ startNs: 0, endNs: 600e9, arrivals: 'poisson' }));
  const times = timesOf(schedule, 1e7);
  const random = new SeededRandom(5);
  const meanServiceNs = 0.6e6;
  const done = serve(times, () => random.exponential(meanServiceNs));
  const histogram = LatencyHistogram.empty();
  for (let i = 0; i < times.length; i++) histogram.record(done[i]! - times[i]!);
  // M/M/1: response is exponential with mean 1 / (service rate - arrival rate).
  const meanNs = 1e9 / (1e9 / meanServiceNs - 1000);
  expect(Math.abs(histogram.meanNs / meanNs - 1)).toBeLessThan(0.05);
  for (const percentile of [50, 90, 99]) {
    const formula = -meanNs * Math.log(1 - percentile / 100);
    expect(Math.abs(histogram.percentileNs(percentile) / formula - 1)).toBeLessThan(0.05);
  }
});
