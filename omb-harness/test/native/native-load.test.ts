// Native load workers against a real broker: every record that was due is sent once, acknowledged, consumed once for each
// subscription and found whole, whatever the dials say; and what a worker cannot do is said.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeGroupsApi } from '../../../src/net/kafka/schema/generated/describe-groups.ts';
import { startTestBroker, type TestBroker } from '../../../test/support/broker.ts';
import type { DriverSettings } from '../../src/contracts/driver-settings.ts';
import type { LoadPlan } from '../../src/contracts/load-plan.ts';
import type { RunResult } from '../../src/contracts/run-result.ts';
import type { Workload } from '../../src/contracts/workload.ts';
import { KafkaWireDriver } from '../../src/drivers/kafka-wire/kafka-wire-driver.ts';
import { nativeWorker } from '../../src/drivers/native-worker.ts';
import { STAMP_BYTES } from '../../src/load/record-stamp.ts';
import type { WorkerChoice } from '../../src/plan/run-plan.ts';
import { monotonicClock } from '../../src/run/monotonic-clock.ts';
import type { Progress } from '../../src/run/run-workload.ts';
import { runSample, samplePlan } from '../support/sample-run.ts';

const COMPILE_MS = 600_000;
const RUN_MS = 120_000;
/** Of a run: workers wait for what is due without sleeping. */
const SECONDS = 0.4;
const RECORDS = 400;
let broker: TestBroker;
let worker: ReturnType<typeof nativeWorker>;
beforeAll(async () => {
  worker = nativeWorker(() => undefined);
  broker = await startTestBroker();
}, COMPILE_MS);
afterAll(() => broker.stop());

type Properties = Readonly<Record<string, string>>;

const settingsOf = (producerConfig: Properties, consumerConfig: Properties): DriverSettings => ({
  name: 'test',
  driverClass: 'ringlog',
  replicationFactor: 1,
  topicConfig: {},
  producerConfig,
  consumerConfig,
  adminConfig: {},
  reset: false,
});

async function run(
  producerConfig: Properties,
  workload: Partial<Workload> = {},
  consumerConfig: Properties = {},
  workers?: WorkerChoice,
): Promise<RunResult> {
  const bootstrap = `127.0.0.1:${broker.port}`;
  const settings = settingsOf(producerConfig, consumerConfig);
  const driver = await KafkaWireDriver.open({ settings, bootstrap, clock: monotonicClock, usage: () => null, worker });
  const plan = { ...samplePlan({ producerRate: RECORDS / SECONDS, ...workload }, SECONDS, workers), warmupMaxSeconds: 0 };
  const told = (load: LoadPlan): LoadPlan => ({ ...load, bootstrap, producerSettings: producerConfig, consumerSettings: consumerConfig });
  try {
    const loads = { producerLoads: plan.producerLoads.map(told), consumerLoads: plan.consumerLoads.map(told) };
    return await runSample(driver, { ...plan, ...loads }, { drainMs: 30_000 });
  } finally {
    await driver.close();
  }
}

/**
 * Over all phases. A worker that hears of a phase after its beginning, on a machine that gave it no core, has sent records of
 * both until then; consumers tell phases by when a record was due, so one phase may have more received than was sent in it.
 */
const overall = (result: RunResult, name: 'acked' | 'received'): number =>
  result.phases.reduce((sum, { counters }) => sum + counters[name], 0);

/** On average as much as the others. */
const SIZES = [
  { minBytes: 40, maxBytes: 60, weight: 1 },
  { minBytes: 150, maxBytes: 150, weight: 1 },
];

const dials: readonly (readonly [string, Properties, Partial<Workload>, Properties])[] = [
  ['as they come: idempotent, acks=all', {}, {}, {}],
  [
    'acks=1, one in flight, no linger, unbatched',
    { acks: '1', 'linger.ms': '0', 'batch.size': '1', 'max.in.flight.requests.per.connection': '1' },
    {},
    {},
  ],
  ['acks=0', { acks: '0' }, {}, {}],
  ['gzip and keys', { 'compression.type': 'gzip', 'linger.ms': '20' }, { keyDistributor: 'RANDOM_NANO' }, {}],
  ['round robin, memory for few records', { 'partitioner.class': 'x.RoundRobinPartitioner', 'buffer.memory': '2000' }, {}, {}],
  ['messages too small for a stamp', {}, { messageSize: STAMP_BYTES - 1 }, {}],
  [
    'partitions assigned by hand; topics, producers and sizes that differ',
    {},
    { partitionsPerTopicList: [1, 4], producersPerTopicList: [3, 1], messageSizeDistribution: SIZES },
    { 'group.protocol': 'none' },
  ],
  ['groups of more members than partitions', {}, { consumerPerSubscription: 5 }, {}],
];
test.each(dials)('every record comes through once: %s', { timeout: RUN_MS }, async (_, config, workload, consumers) => {
  if (!worker.ok) return;
  const result = await run(config, workload, consumers);
  const { counters } = result.phases[result.measuredPhase!]!;
  const once = { due: RECORDS, sent: RECORDS, acked: RECORDS };
  expect(counters).toMatchObject({ ...once, errors: 0, overflowed: 0, foreign: 0, negative: 0 });
  expect(overall(result, 'received')).toBe(2 * overall(result, 'acked'));
  if (workload.messageSizeDistribution == null) expect(counters.receivedBytes).toBe(counters.received * (workload.messageSize ?? 100));
  else expect(Math.abs(counters.receivedBytes / counters.received - 100)).toBeLessThan(10);
  const none = { lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, corruptRecords: 0, uncheckedRecords: 0, unconfirmedRecords: 0 };
  expect(result.delivery).toMatchObject(none);
  expect(result.delivery.ackedRecords).toBeGreaterThanOrEqual(RECORDS);
  const { latencies } = result.phases[result.measuredPhase!]!;
  expect(Object.keys(latencies).length).toBe(7);
  expect(result.errorTexts).toEqual({});
  expect(result.partial).toBe(false);
});

test('several workers share the schedule, and what they send is checked as one', { timeout: RUN_MS }, async () => {
  if (!worker.ok) return;
  const result = await run({}, {}, {}, { producers: 3, consumers: 2, cpus: [0] });
  const { counters } = result.phases[result.measuredPhase!]!;
  expect(counters).toMatchObject({ due: RECORDS, sent: RECORDS, acked: RECORDS });
  expect(overall(result, 'received')).toBe(2 * overall(result, 'acked'));
  expect(result.delivery).toMatchObject({ lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, uncheckedRecords: 0 });
});

test('consumers are members of real groups, which divide the partitions by range', { timeout: RUN_MS }, async () => {
  if (!worker.ok) return;
  const bootstrap = `127.0.0.1:${broker.port}`;
  const driver = await KafkaWireDriver.open({ settings: settingsOf({}, {}), bootstrap, clock: monotonicClock, usage: () => null, worker });
  const plan = samplePlan({ topics: 1, subscriptionsPerTopic: 1, consumerPerSubscription: 2, partitionsPerTopic: 5 }, 60);
  const stop = new AbortController();
  const { group } = plan.consumerLoads[0]!.consumers[0]!;
  let asked: Promise<{ state: string; sizes: number[] }> | null = null;
  const onProgress = ({ what, record }: Progress): void => {
    if (what !== 'measured' || record === null) return;
    asked ??= broker
      .ask((client) => client.call(describeGroupsApi, 5, { groups: [group] }))
      .then(({ groups }) => {
        stop.abort();
        const sizes = groups[0]!.members.map(({ memberAssignment }) => memberAssignment.length).sort((a, b) => a - b);
        return { state: groups[0]!.groupState, sizes };
      });
  };
  const result = await runSample(driver, plan, { signal: stop.signal, onProgress });
  await driver.close();
  // version, topics, a name and its length, partitions, 4 bytes each of them, no user data
  const bytes = (partitions: number): number => 2 + 4 + 2 + plan.topics[0]!.name.length + 4 + 4 * partitions + 4;
  expect(await asked).toEqual({ state: 'Stable', sizes: [bytes(2), bytes(3)] });
  expect(result.delivery).toMatchObject({ lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0 });
});

test('records wait for memory, and are counted when too many do', { timeout: RUN_MS }, async () => {
  if (!worker.ok) return;
  const bootstrap = `127.0.0.1:${broker.port}`;
  const config = { 'buffer.memory': '300', 'linger.ms': '0' };
  const driver = await KafkaWireDriver.open({
    settings: settingsOf(config, {}),
    bootstrap,
    clock: monotonicClock,
    usage: () => null,
    worker,
  });
  const plan = samplePlan({ producerRate: 200_000, subscriptionsPerTopic: 0 }, 0.5);
  const producerLoads = plan.producerLoads.map((load) => ({ ...load, producerSettings: config, queueRecordsMax: 10 }));
  const result = await runSample(driver, { ...plan, producerLoads }, { drainMs: 30_000 });
  await driver.close();
  const { counters } = result.phases[result.measuredPhase!]!;
  expect(counters.due).toBe(100_000);
  expect(counters.overflowed).toBeGreaterThan(0);
  expect(counters.acked + counters.overflowed).toBe(100_000);
  expect(result.verdict.reasons.map(({ code }) => code)).toContain('overflow');
});

test('a system that goes away mid-run leaves an INVALID partial result', { timeout: RUN_MS }, async () => {
  if (!worker.ok) return;
  const gone = await startTestBroker();
  const bootstrap = `127.0.0.1:${gone.port}`;
  const driver = await KafkaWireDriver.open({ settings: settingsOf({}, {}), bootstrap, clock: monotonicClock, usage: () => null, worker });
  const plan = samplePlan({}, 60);
  let halted: Promise<void> | null = null;
  const onProgress = ({ what, record }: { what: string; record: { counters: { acked: number } } | null }): void => {
    if (what === 'measured' && record !== null && record.counters.acked > 0) halted ??= gone.stop();
  };
  const result = await runSample(driver, plan, { onProgress, drainMs: 500 });
  await halted;
  await driver.close();
  expect(result.partial).toBe(true);
  expect(result.verdict.standing).toBe('INVALID');
  expect(result.verdict.reasons[0]!.code).toBe('system-lost');
  expect(result.phases.at(-1)!.counters.acked).toBeGreaterThan(0);
  expect(result.delivery.ackedRecords).toBeGreaterThan(0);
});

test('what the workers cannot do is refused before anything is sent', { timeout: RUN_MS }, async () => {
  if (!worker.ok) return;
  await expect(run({ acks: '2' })).rejects.toThrow('acks=2: must be 0, 1, all or -1');
  await expect(run({ 'enable.idempotence': 'true', acks: '1' })).rejects.toThrow('enable.idempotence=true needs acks=all');
  await expect(run({ 'partitioner.class': 'Own' })).rejects.toThrow('partitioner.class=Own: known are');
  await expect(run({ 'transactional.id': 'x' })).rejects.toThrow('transactional');
  const result = await run({ 'compression.type': 'brotli' });
  expect(result.verdict.reasons[0]!.text).toContain('compression.type=brotli: this load worker was built with none, gzip');
});
