// A backlog is built while consumers stand still, drained while producers go on, and neither is in the latencies of what is
// measured after it; to OMB's file they are one stretch.
import { expect, test } from 'vitest';
import type { LoadHandle } from '../../src/contracts/load-handle.ts';
import type { Phase } from '../../src/contracts/phase.ts';
import { writeOmbResult } from '../../src/formats/omb-result.ts';
import { HeldConsumer } from '../../src/load/held-consumer.ts';
import { terminalTable } from '../../src/report/terminal-table.ts';
import { buildAndDrain } from '../../src/run/backlog.ts';
import { FakeSystem } from '../support/fake-system.ts';
import { parseOmbResult } from '../support/omb-result-parser.ts';
import { runSample, samplePlan } from '../support/sample-run.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const RECORDS = 4000;
const gibOf = (records: number, bytes: number): number => (records * bytes) / 2 ** 30;

test('built, drained, measured: three phases, everything delivered, and one stretch in the file of OMB', async () => {
  const backlog = { consumerBacklogSizeGB: gibOf(RECORDS, 100), backlogProducerRate: 8000, drainProducerRate: 0 };
  const result = await runSample(new FakeSystem(), samplePlan({ ...backlog, sampleRateMillis: 100 }, 0.5));
  expect(result.phases.map(({ phase }) => phase.label)).toEqual(['warm-up', 'backlog-fill', 'backlog-drain', 'measured']);
  const [, fill, drain, measured] = result.phases;
  expect(result.backlog).toMatchObject({ askedRecords: RECORDS, drained: true });
  expect(result.backlog!.builtRecords).toBeGreaterThanOrEqual(RECORDS);
  expect(result.backlog!.leftRecords).toBeLessThanOrEqual(1000);
  expect(fill!.phase.ratePerSecond).toBe(8000);
  // Two subscriptions.
  expect(fill!.counters.received).toBe(2 * fill!.counters.acked);
  expect(drain!.counters.due).toBe(0);
  expect(measured!.counters.due).toBe(1000);
  expect(result.delivery).toMatchObject({ lostRecords: 0, duplicatedRecords: 0, uncheckedRecords: 0 });
  const { series } = parseOmbResult(writeOmbResult(result));
  const published = series.get('publishRate')!.reduce((sum, rate) => sum + rate * 0.1, 0);
  expect(published).toBeGreaterThan(0.9 * (fill!.counters.acked + measured!.counters.acked));
  expect(Math.max(...series.get('backlog')!)).toBeGreaterThanOrEqual(RECORDS / 2);
  expect(terminalTable(result)).toMatch(/backlog {5}[\d,]+ records owed after .* drained in/);
}, 300_000);

interface Made {
  readonly owed: (nowNs: number, phases: readonly Phase[], paused: boolean) => number;
  readonly stopAtNs?: number;
}

async function built({ owed, stopAtNs }: Made) {
  const clock = new VirtualClock(10e6);
  const stop = new AbortController();
  if (stopAtNs !== undefined) clock.at(clock.nowNs() + stopAtNs, () => stop.abort());
  const phases: Phase[] = [];
  let paused = false;
  const turn = (to: boolean) => (): Promise<void> => {
    paused = to;
    return Promise.resolve();
  };
  const consumer = { pause: turn(true), resume: turn(false) } as LoadHandle;
  const plan = samplePlan({ consumerBacklogSizeGB: gibOf(10_000, 100), backlogDrainRatio: 0.5 });
  const announce = (label: Phase['label'], ratePerSecond: number): Phase => {
    const phase: Phase = { id: phases.length, label, startNs: clock.nowNs(), endNs: null, ratePerSecond, arrivals: 'periodic' };
    phases.push(phase);
    return phase;
  };
  const tools = { clock, consumers: [consumer], owed: () => owed(clock.nowNs(), phases, paused), announce, signal: stop.signal };
  try {
    return { backlog: await buildAndDrain(plan.workload, { ...tools, patienceMs: 1000 }), phases, paused };
  } finally {
    clock.stop();
  }
}

const sinceLast = (nowNs: number, phases: readonly Phase[]): number => (nowNs - phases.at(-1)!.startNs) / 1e9;

test('it ends by the ratio that OMB knows, and its times are those of the clock', async () => {
  const { backlog, phases, paused } = await built({
    owed: (now, all) => (all.length === 0 ? 0 : all.length === 1 ? 1000 * sinceLast(now, all) : 10_000 - 2000 * sinceLast(now, all)),
  });
  expect(backlog).toMatchObject({ drained: true, askedRecords: 10_000 });
  expect(Math.abs(backlog!.fillSeconds - 10)).toBeLessThan(0.2);
  expect(Math.abs(backlog!.drainSeconds - 2.5)).toBeLessThan(0.2);
  expect(phases.map(({ ratePerSecond }) => ratePerSecond)).toEqual([2000, 2000]);
  expect(paused).toBe(false);
});

test('one that does not grow is an error, one that does not shrink is said to stay, one that is stopped is none', async () => {
  await expect(built({ owed: () => 70 })).rejects.toThrow('the backlog stayed at 70 of 10000 records for 1 s');
  const stays = await built({ owed: (_, all) => (all.length === 0 ? 0 : all.length === 1 ? 10_000 : 9000) });
  expect(stays.backlog).toMatchObject({ drained: false, leftRecords: 9000 });
  const growing = await built({ owed: (now, all) => (all.length === 0 ? 0 : sinceLast(now, all)), stopAtNs: 3e9 });
  expect(growing.backlog).toBeNull();
});

test('a consumer with a rate takes no more than that, and stays where it is while it is told to', async () => {
  const clock = new VirtualClock(1e6);
  const beganNs = clock.nowNs();
  const held = new HeldConsumer(1000, clock);
  let paused = false;
  let taken = 0;
  held.consumer = { pause: () => void (paused = true), resume: () => void (paused = false), close: () => Promise.resolve() };
  const takeUntil = async (seconds: number): Promise<void> => {
    while (clock.nowNs() < beganNs + seconds * 1e9) {
      if (!paused)
        for (let i = 0; i < 20; i++) {
          taken++;
          held.took();
        }
      await clock.sleepUntil(clock.nowNs() + 2e6);
    }
  };
  await takeUntil(10);
  expect(taken).toBeGreaterThan(9500);
  expect(taken).toBeLessThan(10_200);
  held.hold(true);
  const before = taken;
  await takeUntil(11);
  expect(taken).toBe(before);
  held.hold(false);
  await takeUntil(12);
  expect(taken).toBeGreaterThan(before + 500);
  expect(taken).toBeLessThan(before + 1200);
  await held.close();
  clock.stop();
});
