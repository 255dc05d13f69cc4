// The harness held against systems whose figures are known in closed form, in time that the test makes pass: what it says of a
// stall, of a queue, of a generator that is late, of one bad record in a million, and of a wall clock that is set.
import { afterEach, expect, test, vi } from 'vitest';
import type { LatencyKind } from '../../src/contracts/interval-record.ts';
import type { RunResult } from '../../src/contracts/run-result.ts';
import { monotonicClock } from '../../src/run/monotonic-clock.ts';
import { LatencyHistogram } from '../../src/stats/latency-histogram.ts';
import { SeededRandom } from '../../src/stats/seeded-random.ts';
import { type FakeOptions, FakeSystem } from '../support/fake-system.ts';
import { runSample, samplePlan } from '../support/sample-run.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const one = { topics: 1, partitionsPerTopic: 1, producersPerTopic: 1, subscriptionsPerTopic: 1, consumerPerSubscription: 1 };

interface Given extends Omit<FakeOptions, 'clock'> {
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly stepNs: number;
  readonly deaf?: boolean;
}

async function measured({ ratePerSecond, seconds, stepNs, deaf, ...system }: Given): Promise<RunResult> {
  const clock = new VirtualClock(stepNs, deaf);
  const plan = samplePlan({ ...one, producerRate: ratePerSecond }, seconds);
  // Consumers report by the machine's time, while a drain waits by the test's.
  const soon = { ...plan, consumerLoads: plan.consumerLoads.map((load) => ({ ...load, intervalMs: 5 })), warmupMaxSeconds: 0 };
  try {
    return await runSample(new FakeSystem({ ...system, clock }), soon, { clock, drainMs: 600_000 });
  } finally {
    clock.stop();
  }
}

function latency(result: RunResult, kind: LatencyKind): LatencyHistogram {
  return LatencyHistogram.decode(result.phases[result.measuredPhase!]!.latencies[kind]!);
}

const TENTH_MS = 100_000;
const STALL_FROM_S = 40;

/** Answers after a tenth of a millisecond, but nothing for a second, `from` after its first record. */
function stalling(from: number): (nowNs: number) => number {
  let began: number | null = null;
  return (nowNs) => {
    began ??= nowNs;
    const since = nowNs - began;
    const stalled = since >= from * 1e9 && since < (from + 1) * 1e9;
    return (stalled ? began + (from + 1) * 1e9 : nowNs) + TENTH_MS;
  };
}

test('a stall of one second in a hundred: p99.5 near half a second, p99.9 near nine tenths, in publish and end to end', async () => {
  const result = await measured({ ratePerSecond: 200, seconds: 100, stepNs: 1e6, answerAtNs: stalling(STALL_FROM_S) });
  for (const kind of ['publishResponse', 'endToEnd'] as const) {
    const histogram = latency(result, kind);
    expect(histogram.count).toBe(20_000);
    expect(histogram.percentileNs(98.9)).toBeLessThan(2e6);
    expect(Math.abs(histogram.percentileNs(99.5) / 1e9 - 0.5)).toBeLessThan(0.02);
    expect(Math.abs(histogram.percentileNs(99.9) / 1e9 - 0.9)).toBeLessThan(0.02);
    expect(histogram.maxNs / 1e9).toBeLessThan(1.01);
  }
  expect(result.delivery.lostRecords).toBe(0);
}, 600_000);

test('behind a client that takes one record at a time the uncorrected figure hides the stall, the corrected one does not', async () => {
  const stall = stalling(STALL_FROM_S);
  const result = await measured({ ratePerSecond: 200, seconds: 100, stepNs: 1e6, room: 1, answerAtNs: stall });
  expect(latency(result, 'publishUncorrected').percentileNs(99.5)).toBeLessThan(2e6);
  expect(latency(result, 'publishResponse').percentileNs(99.5)).toBeGreaterThan(0.4e9);
  // All of it is waiting before the send: no fault of the generator's own.
  expect(latency(result, 'publishDelay').percentileNs(99.5)).toBeGreaterThan(0.4e9);
  expect(latency(result, 'generatorLag').maxNs).toBeLessThan(1e6);
}, 600_000);

test('exponential service behind evenly spaced arrivals reproduces the queueing formula within 5 %', async () => {
  const random = new SeededRandom(5);
  const meanServiceNs = 0.6e6;
  const gapNs = 1e6;
  let freeNs = 0;
  const answerAtNs = (nowNs: number): number => (freeNs = Math.max(freeNs, nowNs) + random.exponential(meanServiceNs));
  const result = await measured({ ratePerSecond: 1e9 / gapNs, seconds: 20, stepNs: 20_000, answerAtNs });
  // D/M/1: response is exponential, its rate (1 - s) / service, where s is what solves s = exp(-(1 - s) gap / service).
  let s = 0.5;
  for (let round = 0; round < 200; round++) s = Math.exp((-(1 - s) * gapNs) / meanServiceNs);
  const meanNs = meanServiceNs / (1 - s);
  const histogram = latency(result, 'publishResponse');
  expect(histogram.count).toBe(20_000);
  expect(Math.abs(histogram.meanNs / meanNs - 1)).toBeLessThan(0.05);
  for (const percentile of [50, 90, 99])
    expect(Math.abs(histogram.percentileNs(percentile) / (-meanNs * Math.log(1 - percentile / 100)) - 1)).toBeLessThan(0.05);
}, 600_000);

test('a generator that gets its core only every 50 ms is told to be late, and the run is INVALID', async () => {
  const answerAtNs = (nowNs: number): number => nowNs + 1e6;
  const starved = await measured({ ratePerSecond: 1000, seconds: 10, stepNs: 50e6, deaf: true, answerAtNs });
  expect(starved.verdict.standing).toBe('INVALID');
  expect(starved.verdict.reasons.map(({ code }) => code)).toContain('generator-late');
  expect(latency(starved, 'generatorLag').count).toBe(10_000);
  const fed = await measured({ ratePerSecond: 1000, seconds: 2, stepNs: 5000, answerAtNs });
  expect(fed.verdict.reasons.map(({ code }) => code)).not.toContain('generator-late');
}, 600_000);

test('of a million records one is lost, one comes twice, one comes late and one is broken: each is counted once', async () => {
  const faults = (['lose', 'duplicate', 'reorder', 'corrupt'] as const).map((kind, at) => ({ kind, at: 200_000 * (at + 1) }));
  const answerAtNs = (nowNs: number): number => nowNs + 1e6;
  const result = await measured({ ratePerSecond: 100_000, seconds: 10, stepNs: 1e6, answerAtNs, faults });
  expect(result.phases[result.measuredPhase!]!.counters.acked).toBe(1_000_000);
  // The broken one cannot be told from a missing one.
  expect(result.delivery).toMatchObject({ lostRecords: 2, duplicatedRecords: 1, reorderedRecords: 1, corruptRecords: 1 });
  expect(result.verdict.standing).toBe('INVALID');
  expect(result.verdict.reasons.map(({ code }) => code)).toEqual(expect.arrayContaining(['lost', 'duplicated', 'reordered', 'corrupt']));
}, 900_000);

afterEach(() => void vi.useRealTimers());

test('a wall clock that is set back and forth bends no latency', async () => {
  const given = { ratePerSecond: 500, seconds: 5, stepNs: 250_000 };
  const still = await measured({ ...given, answerAtNs: (nowNs) => nowNs + 1e6 });
  vi.useFakeTimers({ toFake: ['Date'] });
  let hours = 0;
  const setting = (nowNs: number): number => {
    vi.setSystemTime(Date.UTC(2026, 0, 1, (hours = (hours + 7) % 24)));
    return nowNs + 1e6;
  };
  const set = await measured({ ...given, answerAtNs: setting });
  for (const kind of ['publishResponse', 'publishDelay', 'endToEnd'] as const)
    for (const percentile of [0, 50, 99, 100])
      expect(Math.abs(latency(set, kind).percentileNs(percentile) - latency(still, kind).percentileNs(percentile))).toBeLessThan(1e6);
  // The machine's own clock, too, takes no notice.
  const before = monotonicClock.nowNs();
  vi.setSystemTime(0);
  expect(monotonicClock.nowNs()).toBeGreaterThanOrEqual(before);
  expect(monotonicClock.nowNs() - before).toBeLessThan(3600e9);
}, 600_000);
