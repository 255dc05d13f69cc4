// A whole run over a system in the same process: it counts right, it notices every way a system can lie, and it keeps what
// it has when it is cut short.
import { expect, test } from 'vitest';
import type { Progress } from '../../src/run/run-workload.ts';
import { STAMP_BYTES } from '../../src/load/record-stamp.ts';
import { type Fault, FakeSystem } from '../support/fake-system.ts';
import { runSample, samplePlan } from '../support/sample-run.ts';

const codes = (reasons: readonly { code: string }[]): string[] => reasons.map(({ code }) => code);
/** The generator shares a thread with everything else here: whether it was late is not what these tests are about. */
const timing = ['generator-late', 'generator-core', 'rate-not-held', 'delay-grows', 'delay-stands'];

test('a run counts every record once for each subscription, in the phase it was due in', async () => {
  const system = new FakeSystem({ delayMs: 2 });
  const result = await runSample(system);
  const total = result.phases[result.measuredPhase!]!;
  expect(total.phase.label).toBe('measured');
  expect(total.counters.due).toBe(2000);
  expect(total.counters.acked).toBe(2000);
  expect(total.counters.received).toBe(4000);
  expect(total.counters.receivedBytes).toBe(400_000);
  expect(result.delivery).toMatchObject({
    lostRecords: 0,
    duplicatedRecords: 0,
    reorderedRecords: 0,
    corruptRecords: 0,
    uncheckedRecords: 0,
  });
  expect(result.delivery.ackedRecords).toBe(system.taken);
  expect(codes(result.verdict.reasons).filter((code) => !timing.includes(code))).toEqual([]);
  expect(result.intervals.filter(({ phaseId }) => phaseId === total.phase.id).reduce((sum, { counters }) => sum + counters.acked, 0)).toBe(
    2000,
  );
  expect(result.partial).toBe(false);
  expect(system.topics.size).toBe(0);
});

test('messages too small for the stamp carry it in a header', async () => {
  const result = await runSample(new FakeSystem(), samplePlan({ messageSize: STAMP_BYTES - 1 }, 0.3));
  expect(result.phases[result.measuredPhase!]!.counters.received).toBe(1200);
  expect(result.delivery.lostRecords).toBe(0);
});

const faults: readonly (readonly [Fault, string])[] = [
  ['lose', 'lostRecords'],
  ['duplicate', 'duplicatedRecords'],
  ['reorder', 'reorderedRecords'],
  ['corrupt', 'corruptRecords'],
];
test.each(faults)('a system that does this to one record is caught: %s', async (kind, field) => {
  const plan = samplePlan({ subscriptionsPerTopic: 1, producersPerTopic: 1 }, 0.5);
  const result = await runSample(new FakeSystem({ faults: [{ kind, at: 500 }] }), plan, { drainMs: 500 });
  expect(result.verdict.standing).toBe('INVALID');
  expect(result.delivery).toMatchObject({ [field]: 1 });
  // What is corrupt cannot be told from what is missing.
  const others = faults.map(([, name]) => name).filter((name) => name !== field && !(kind === 'corrupt' && name === 'lostRecords'));
  for (const name of others) expect(result.delivery).toMatchObject({ [name]: 0 });
});

test('the same place of the log read again is redelivery: in no figure, and no fault', async () => {
  const plan = samplePlan({ subscriptionsPerTopic: 1, producersPerTopic: 1 }, 0.5);
  const result = await runSample(new FakeSystem({ faults: [{ kind: 'redeliver', at: 500 }] }), plan);
  const none = { lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, corruptRecords: 0 };
  expect(result.delivery).toMatchObject({ ...none, redeliveredRecords: 1 });
  expect(result.phases.reduce((sum, { counters }) => sum + counters.received, 0)).toBe(result.delivery.ackedRecords);
  expect(codes(result.verdict.reasons).filter((code) => !timing.includes(code))).toEqual([]);
  expect(codes(result.verdict.warnings)).toContain('redelivered');
});

test('due records that find the queue full are counted, not forgotten', async () => {
  const plan = samplePlan({}, 0.5);
  const small = { ...plan, producerLoads: plan.producerLoads.map((load) => ({ ...load, queueRecordsMax: 10 })) };
  const result = await runSample(new FakeSystem({ delayMs: 50, room: 1 }), small, { drainMs: 1000 });
  const { counters } = result.phases[result.measuredPhase!]!;
  expect(counters.overflowed).toBeGreaterThan(0);
  expect(codes(result.verdict.reasons)).toContain('overflow');
  expect(result.delivery.lostRecords).toBe(0);
});

test('a system that goes away mid-run leaves an INVALID partial result', async () => {
  const result = await runSample(new FakeSystem({ diesAt: 1500 }), samplePlan({}, 30), { drainMs: 500 });
  expect(result.partial).toBe(true);
  expect(result.verdict.reasons[0]).toMatchObject({
    code: 'system-lost',
    text: expect.stringContaining('closed the connection') as string,
  });
  expect(result.delivery.ackedRecords).toBe(1500);
  expect(result.delivery.lostRecords).toBe(0);
});

test('a signal ends the run with what there is', async () => {
  const stop = new AbortController();
  const onProgress = ({ what, record }: Progress): void => {
    if (what === 'measured' && record !== null && record.counters.acked > 0) stop.abort();
  };
  const result = await runSample(new FakeSystem(), samplePlan({}, 30), { signal: stop.signal, onProgress });
  expect(result.partial).toBe(true);
  expect(codes(result.verdict.reasons)).toContain('interrupted');
  expect(result.phases.at(-1)!.counters.acked).toBeGreaterThan(0);
  expect(result.phases.at(-1)!.seconds).toBeLessThan(30);
});

test('a topic that is refused ends it before anything is sent', async () => {
  await expect(runSample(new FakeSystem({ refuseTopics: true }))).rejects.toThrow('POLICY_VIOLATION');
});

test('rate 0 finds a rate and measures at it', async () => {
  const result = await runSample(new FakeSystem(), samplePlan({ producerRate: 0 }, 0.3), {
    objective: { kind: 'endToEnd', percentile: 99, maxMs: 1e6 },
  });
  expect(result.rateFinding!.ratePerSecond).toBe(2000);
  expect(result.targetRatePerSecond).toBe(2000);
  expect(result.phases[result.measuredPhase!]!.counters.due).toBe(600);
});
