// What workloads of OMB's forks ask for, in runs over a system in the same process: topics that differ, sizes that are drawn, a
// rate that changes, a warm-up at another rate, topics that are there, a drain without producers, and what earlier runs left.
import { expect, test } from 'vitest';
import type { TopicSpec } from '../../src/contracts/driver.ts';
import type { Workload } from '../../src/contracts/workload.ts';
import { meanSizeOf } from '../../src/formats/message-sizes.ts';
import { FakeSystem } from '../support/fake-system.ts';
import { runSample, samplePlan } from '../support/sample-run.ts';

const clean = { lostRecords: 0, duplicatedRecords: 0, reorderedRecords: 0, corruptRecords: 0 };
const topic = (name: string, partitions = 2): TopicSpec => ({ name, partitions, replicationFactor: 1, configs: {} });

test('partitions and producers that differ from topic to topic', async () => {
  const plan = samplePlan({ partitionsPerTopicList: [1, 5], producersPerTopicList: [3, 1] }, 0.3);
  expect(plan.topics.map(({ partitions }) => partitions)).toEqual([1, 5]);
  const { producers } = plan.producerLoads[0]!;
  expect(producers.map(({ topic: name }) => plan.topics.findIndex((one) => one.name === name))).toEqual([0, 1, 0, 0]);
  // No two share a lane.
  expect(producers.map(({ firstLane }) => firstLane)).toEqual([0, 1, 6, 7]);
  const result = await runSample(new FakeSystem(), plan);
  expect(result.phases[result.measuredPhase!]!.counters).toMatchObject({ due: 600, acked: 600, received: 1200 });
  expect(result.delivery).toMatchObject(clean);
});

test('sizes come in the shares of their weights, in an order that the seed decides', async () => {
  const messageSizeDistribution = [
    { minBytes: 0, maxBytes: 100, weight: 3 },
    { minBytes: 300, maxBytes: 500, weight: 1 },
  ];
  const sizes = { messageSizeDistribution, messageSize: meanSizeOf(messageSizeDistribution) };
  expect(sizes.messageSize).toBe(137);
  const plan = samplePlan(sizes, 0.3);
  const { pool, order, stampIn } = plan.producerLoads[0]!.payload;
  const bytes = order!.map((i) => Buffer.from(pool[i]!, 'base64').length);
  expect([bytes.length, bytes.filter((size) => size === 50).length, bytes.filter((size) => size === 400).length]).toEqual([
    10_000, 7500, 2500,
  ]);
  expect(stampIn).toBe('value');
  expect(samplePlan(sizes, 0.3).producerLoads[0]!.payload.order).toEqual(order);
  expect(bytes.slice(0, 100).some((size) => size === 400)).toBe(true);
  const result = await runSample(new FakeSystem(), plan);
  const { received, receivedBytes } = result.phases[result.measuredPhase!]!.counters;
  expect(received).toBe(1200);
  expect(Math.abs(receivedBytes / received - 137.5)).toBeLessThan(20);
  expect(result.delivery).toMatchObject(clean);
});

test('drawn sizes of random bytes have many payloads of each, and one that is too small for a stamp puts it in a header', () => {
  const messageSizeDistribution = [
    { minBytes: 20, maxBytes: 20, weight: 1 },
    { minBytes: 400_000, maxBytes: 400_000, weight: 1 },
  ];
  const random = { useRandomizedPayloads: true, randomBytesRatio: 0.5, randomizedPayloadPoolSize: 100 };
  const { payload } = samplePlan({ messageSizeDistribution, ...random }).producerLoads[0]!;
  expect(payload.stampIn).toBe('header');
  // The large ones share a megabyte.
  expect(payload.pool).toHaveLength(100 + 3);
  expect(new Set(payload.order!).size).toBe(103);
});

test('a rate that rises through the measured time: what is due is what lies below the line', async () => {
  const points = [
    { minute: 0, ratePerSecond: 0 },
    { minute: 0.01, ratePerSecond: 4000 },
  ];
  const plan = samplePlan({ producerRate: 0, producerRateList: { since: 'beginning', points } }, 0.6);
  const result = await runSample(new FakeSystem(), plan);
  const { counters, phase } = result.phases[result.measuredPhase!]!;
  expect(phase.ratePerSecond).toBeCloseTo(2000, 6);
  expect(result.targetRatePerSecond).toBeCloseTo(2000, 6);
  expect(counters).toMatchObject({ due: 1200, acked: 1200, received: 2400 });
  expect(result.rateFinding).toBeNull();
});

test('a warm-up at another rate is parted from what is measured', async () => {
  const parted = { warmupProducerRate: 500, warmupProducerRateSeparationMinutes: 0.005 };
  const result = await runSample(new FakeSystem(), samplePlan(parted, 0.3));
  expect(result.phases.map(({ phase }) => [phase.label, phase.ratePerSecond])).toEqual([
    ['warm-up', 500],
    ['warm-up', 2000],
    ['measured', 2000],
  ]);
  expect(result.phases[1]!.counters.due).toBe(600);
});

const existing: Partial<Workload> = { topics: 0, partitionsPerTopic: 0 };
const kept = async (changes: Partial<Workload>, partitions: Record<string, number>) => {
  const system = new FakeSystem();
  await system.createTopics(Object.entries(partitions).map(([name, count]) => topic(name, count)));
  const result = await runSample(system, samplePlan({ ...existing, ...changes }, 0.3, undefined, 'partition', partitions));
  expect([...system.topics.keys()]).toEqual(Object.keys(partitions));
  return result;
};

test('topics that are there are written and read as they are, and left', async () => {
  const result = await kept({ existingTopicList: ['one', 'two'] }, { one: 1, two: 4 });
  expect(result.phases[result.measuredPhase!]!.counters).toMatchObject({ due: 600, acked: 600, received: 1200 });
  expect(result.delivery).toMatchObject(clean);
  expect(result.subscriptions).toBe(2);
});

test('topics that are only written are not waited for', async () => {
  const lists = { existingProduceTopicList: ['out'], existingConsumeTopicList: ['in'] };
  const result = await kept(lists, { out: 3, in: 1 });
  expect(result.phases[result.measuredPhase!]!.counters).toMatchObject({ due: 600, acked: 600, received: 0 });
  expect(result.delivery).toMatchObject({ ...clean, uncheckedRecords: 0 });
  expect(result.verdict.warnings.map(({ text }) => text).join()).toContain('nobody reads what is written');
});

test('the three lists together: what is written and read is owed and checked, the rest is only written or only read', async () => {
  const lists = { existingTopicList: ['both'], existingProduceTopicList: ['out', 'again'], existingConsumeTopicList: ['in', 'again'] };
  const result = await kept(lists, { both: 2, out: 1, again: 1, in: 1 });
  // Two of three topics that are written are read, twice each.
  expect(result.phases[result.measuredPhase!]!.counters).toMatchObject({ due: 600, acked: 600, owed: 400, received: 800 });
  expect(result.delivery).toMatchObject({ ...clean, uncheckedRecords: 0 });
  expect(result.intervals.at(-1)!.backlogRecords).toBe(0);
  expect(result.verdict.warnings.map(({ text }) => text).join()).toContain('written to out: it is not checked');
});

test('a cold read: what was there before is read to its end by every subscription, and nothing is written', async () => {
  const system = new FakeSystem();
  await system.createTopics([topic('old', 2)]);
  // Of an earlier run; nobody's, and large enough for a stamp.
  for (let i = 0; i < 700; i++) system.put('old', i % 2, Buffer.alloc(100, i));
  const cold = { ...existing, existingConsumeTopicList: ['old'], consumerOnly: true, testDurationMinutes: 0 };
  const result = await runSample(system, samplePlan(cold, 600, undefined, 'partition', { old: 2 }));
  expect(result.phases.map(({ phase }) => [phase.label, phase.ratePerSecond])).toEqual([['measured', 0]]);
  const { counters, seconds } = result.phases[0]!;
  expect(counters).toMatchObject({ due: 0, foreign: 1400, foreignBytes: 140_000, received: 0, corrupt: 0 });
  expect(seconds).toBeLessThan(600);
  expect([result.verdict.reasons, result.partial]).toEqual([[], false]);
  expect(system.taken).toBe(700);
});

test('a cold read of what is empty is INVALID', async () => {
  const cold = { existingTopicList: ['none'], consumerOnly: true };
  const system = new FakeSystem();
  await system.createTopics([topic('none')]);
  const plan = samplePlan({ ...existing, ...cold }, 600, undefined, 'partition', { none: 2 });
  const result = await runSample(system, plan, { drainMs: 200 });
  expect(result.verdict.reasons.map(({ code }) => code)).toEqual(['nothing-read']);
});

test('a drain without producers: nothing is due in it, and nothing is measured after it', async () => {
  const backlog = { consumerOnly: true, consumerBacklogSizeGB: (4000 * 100) / 2 ** 30, backlogProducerRate: 8000 };
  const result = await runSample(new FakeSystem(), samplePlan({ ...backlog, testDurationMinutes: 0 }, 0.5));
  expect(result.phases.map(({ phase }) => [phase.label, phase.ratePerSecond])).toEqual([
    ['warm-up', 2000],
    ['backlog-fill', 8000],
    ['backlog-drain', 0],
  ]);
  expect(result.phases[2]!.counters.due).toBe(0);
  expect(result.backlog).toMatchObject({ drained: true });
  expect(result.measuredPhase).toBe(1);
  expect(result.partial).toBe(false);
  expect(result.delivery).toMatchObject({ ...clean, uncheckedRecords: 0 });
});

test('reset deletes what earlier runs left, and nothing else', async () => {
  const system = new FakeSystem();
  await system.createTopics([topic('test-topic-0000000-old'), topic('orders'), topic('my-test-topic')]);
  const plan = samplePlan({}, 0.3);
  const seen: string[][] = [];
  const onProgress = (): void => void seen.push([...system.topics.keys()]);
  await runSample(system, { ...plan, driver: { ...plan.driver, reset: true } }, { onProgress });
  expect(seen[0]).toEqual(['orders', 'my-test-topic', ...plan.topics.map(({ name }) => name)]);
  expect([...system.topics.keys()]).toEqual(['orders', 'my-test-topic']);
});
