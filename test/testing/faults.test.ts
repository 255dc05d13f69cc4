// Faults of a test broker: as our own wire client sees them, the code in its place in every API and version and what is carried
// out beside it; and as kafkajs meets them, which is what an application would. One file, because most of its time is loading.

import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../src/engine/base/error-code.ts';
import { createTopicsApi } from '../../src/net/kafka/schema/generated/create-topics.ts';
import { fetchApi } from '../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../src/net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../../src/net/kafka/schema/generated/offset-commit.ts';
import { produceApi } from '../../src/net/kafka/schema/generated/produce.ts';
import { errorApis } from '../../src/testing/error-answers.ts';
import type { FaultOptions } from '../../src/testing/faults.ts';
import type { TestBroker } from '../../src/testing/test-broker.ts';
import { errorsIn, plausibleRequests, preparedBy } from '../net/kafka/handlers/plausible-requests.ts';
import { eventually, produce, produceRequest, requestFrame, textBatch } from '../support/broker.ts';
import { atEnd, kafkaOf, rawClient, started, valuesOf } from './rig.ts';

const CODE = ErrorCode.POLICY_VIOLATION;

/** How many errors an answer to the plausible request has when all of it is refused. */
function refusals(api: string, version: number): number {
  switch (api) {
    case 'Fetch':
      return 2;
    case 'ListOffsets':
    case 'DescribeGroups':
      return 3;
    case 'FindCoordinator':
      return version >= 4 ? 2 : 1;
    case 'OffsetFetch':
      return version === 1 || version >= 8 ? 2 : 1;
    // All topics: that of the groups too.
    case 'Metadata':
      return version === 0 ? 2 : 1;
    default:
      return 1;
  }
}

test('an error stands in its place in the answer of every API and version, and nothing is carried out', async () => {
  const broker = await started({ topics: { things: 2 } });
  const client = await rawClient(broker);
  const prepared = await preparedBy(client, 'things', broker.admin.describeTopic('things').id);
  const topics = broker.admin.listTopics().length;
  const offsets = await broker.admin.groupOffsets('empty');
  for (const api of errorApis) {
    const { api: schema, requestOf } = plausibleRequests.find((row) => row.api.name === api)!;
    const fault = broker.faults.add({ api, error: 'POLICY_VIOLATION', times: Infinity });
    for (let version = schema.minVersion; version <= schema.maxStableVersion; version++) {
      const answer = await client.call(schema, version, requestOf(version, prepared) as never).catch((error: Error) => {
        throw new Error(`${api} v${version}: ${error.message}`);
      });
      const codes = errorsIn(answer).filter((code) => code !== 0);
      expect(codes, `${api} v${version}: ${JSON.stringify(answer)}`).toEqual(Array.from({ length: refusals(api, version) }, () => CODE));
    }
    expect(fault.hits).toBe(schema.maxStableVersion - schema.minVersion + 1);
    fault.remove();
  }
  expect(await valuesOf(broker, 'things')).toEqual(['x', 'y', 'z']);
  expect(broker.admin.listTopics()).toHaveLength(topics);
  expect(await broker.admin.groupOffsets('empty')).toEqual(offsets);
  expect(await broker.group('members')).toMatchObject({ state: 'Stable' });
});

describe('what a fault does not name is carried out', () => {
  test.each([9, 13])('Produce v%d', async (version) => {
    const broker = await started({ topics: { a: 2, b: 1 } });
    const client = await rawClient(broker);
    const named = (name: string) => (version >= 13 ? { topicId: broker.admin.describeTopic(name).id } : { name });
    const rows = (name: string, indexes: number[]) => ({
      ...named(name),
      partitionData: indexes.map((index) => ({ index, records: textBatch([`${name}${index}`]) })),
    });
    broker.faults.add({ api: 'Produce', topic: 'a', partition: 1, error: 'NOT_LEADER_OR_FOLLOWER' });
    broker.faults.add({ api: 'Produce', topic: 'b', error: 'KAFKA_STORAGE_ERROR' });
    const ask = { acks: 1, timeoutMs: 1000, topicData: [rows('a', [0, 1]), rows('b', [0])] };
    const answer = await client.call(produceApi, version, ask);
    const codes = answer.responses.flatMap(({ name, topicId, partitionResponses }) =>
      partitionResponses.map(({ index, errorCode, baseOffset }) => [
        broker.admin.listTopics().find((one) => one.id === topicId)?.name ?? name,
        index,
        errorCode,
        baseOffset,
      ]),
    );
    expect(codes.sort()).toEqual([
      ['a', 0, 0, 0],
      ['a', 1, ErrorCode.NOT_LEADER_OR_FOLLOWER, -1],
      ['b', 0, ErrorCode.KAFKA_STORAGE_ERROR, -1],
    ]);
    expect([await valuesOf(broker, 'a'), await valuesOf(broker, 'b')]).toEqual([['a0'], []]);
    // Each was there once.
    expect(errorsIn(await client.call(produceApi, version, ask))).toEqual([0, 0, 0]);
    expect(broker.requests.filter(({ api }) => api === 'Produce')).toMatchObject([
      {
        version,
        topics: ['a', 'b'],
        partitions: [
          { topic: 'a', partition: 0 },
          { topic: 'a', partition: 1 },
          { topic: 'b', partition: 0 },
        ],
      },
      { version, topics: ['a', 'b'] },
    ]);
  });

  test('Fetch, OffsetCommit, CreateTopics, Metadata', async () => {
    const broker = await started({ topics: { a: 2 } });
    const client = await rawClient(broker);
    await produce(client, 'a', textBatch(['x']), { partition: 1 });
    broker.faults.add({ api: 'Fetch', topic: 'a', partition: 0, error: 'OFFSET_OUT_OF_RANGE' });
    const parts = [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 16 }));
    const fetched = await client.call(fetchApi, 12, { maxWaitMs: 600_000, minBytes: 1 << 20, topics: [{ topic: 'a', partitions: parts }] });
    const rows = fetched.responses[0]!.partitions;
    expect(rows.map(({ errorCode, records }) => [errorCode, (records?.length ?? 0) > 0])).toEqual([
      [ErrorCode.OFFSET_OUT_OF_RANGE, false],
      [0, true],
    ]);

    broker.faults.add({ api: 'OffsetCommit', group: 'g', partition: 1, topic: 'a', error: 'INVALID_COMMIT_OFFSET_SIZE' });
    const commit = (groupId: string) =>
      client.call(offsetCommitApi, 8, {
        groupId,
        memberId: '',
        topics: [
          { name: 'a', partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, committedOffset: 1, committedMetadata: '' })) },
        ],
      });
    await broker.admin.setGroupOffsets('g', []);
    expect(errorsIn(await commit('other'))).toEqual([0, 0]);
    expect(errorsIn(await commit('g'))).toEqual([0, ErrorCode.INVALID_COMMIT_OFFSET_SIZE]);
    expect((await broker.admin.groupOffsets('g')).map(({ partition }) => partition)).toEqual([0]);

    broker.faults.add({ api: 'CreateTopics', topic: 'c', error: 'POLICY_VIOLATION' });
    const topics = ['b', 'c'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }));
    expect(errorsIn(await client.call(createTopicsApi, 7, { topics })).sort()).toEqual([0, ErrorCode.POLICY_VIOLATION]);
    expect(broker.admin.listTopics().map(({ name }) => name)).toEqual(['a', 'b']);

    broker.faults.add({ api: 'Metadata', topic: 'a', partition: 1, error: 'LEADER_NOT_AVAILABLE' });
    const metadata = await client.call(metadataApi, 9, { topics: [{ name: 'a' }, { name: 'b' }] });
    expect(metadata.topics.map(({ errorCode, partitions }) => [errorCode, partitions.map((one) => one.errorCode)])).toEqual([
      [0, [0, ErrorCode.LEADER_NOT_AVAILABLE]],
      [0, [0]],
    ]);
  });
});

test('a connection is dropped before or after the append, or in the midst of the answer', async () => {
  const broker = await started({ topics: ['t'] });
  const sent = async (fault: Omit<FaultOptions, 'api'>, acks = 1): Promise<number> => {
    broker.faults.add({ api: 'Produce', ...fault });
    const client = await rawClient(broker);
    await client.send(requestFrame(produceApi, 9, produceRequest('t', textBatch([JSON.stringify(fault)]), { acks })));
    await client.closed();
    expect(client.takeFrame()).toBeNull();
    return client.bytesHeld;
  };
  expect(await sent({ drop: 'before' })).toBe(0);
  expect(await valuesOf(broker, 't')).toEqual([]);
  expect(await sent({ drop: 'after-append' })).toBe(0);
  expect(await sent({ torn: 7 })).toBe(7);
  // Never the whole of it.
  expect(await sent({ torn: 1_000_000 })).toBeGreaterThan(7);
  expect(await valuesOf(broker, 't')).toHaveLength(3);
  // Whoever wants no answer learns of an error by the end of the connection.
  expect(await sent({ error: 'MESSAGE_TOO_LARGE' }, 0)).toBe(0);
  expect(await valuesOf(broker, 't')).toHaveLength(3);
  expect(await sent({ drop: 'after-append' }, 0)).toBe(0);
  expect(await valuesOf(broker, 't')).toHaveLength(4);
});

test('a delayed answer holds those behind it, until its time has come', async () => {
  const broker = await started({ topics: ['t'], clock: 'manual' });
  broker.faults.add({ api: 'Produce', topic: 't', delayMs: 60_000 });
  const client = await rawClient(broker);
  const late = client.request(produceApi, 9, produceRequest('t', textBatch(['late'])));
  const asked = broker.nextRequest({ api: 'Metadata' });
  const behind = client.request(metadataApi, 9, { topics: [] });
  await asked;
  await broker.clock.advance(59_999);
  expect(await valuesOf(broker, 't')).toEqual(['late']);
  // Another connection does not wait.
  expect((await produce(await rawClient(broker), 't', textBatch(['other']))).errorCode).toBe(0);
  expect(client.takeFrame()).toBeNull();
  await broker.clock.advance(1);
  expect(errorsIn(await client.answer(produceApi, 9, late))).toEqual([0]);
  expect((await client.answer(metadataApi, 9, behind)).topics).toEqual([]);
});

test('faults that make no sense are refused with what would', async () => {
  const { faults } = await started();
  const refusal = (options: object): string => {
    try {
      faults.add(options as FaultOptions);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error(`accepted: ${JSON.stringify(options)}`);
  };
  expect(refusal({ api: 'Produse', error: 'NONE' })).toContain('is it Produce?');
  expect(refusal({ api: 'Produce', error: 'NOT_LEADER' })).toContain('NOT_LEADER is not known');
  expect(refusal({ api: 'Produce', error: 'NONE' })).toContain('NONE is not known');
  expect(refusal({ api: 'Produce', eror: 'NOT_LEADER' })).toContain('is it error?');
  expect(refusal({ api: 'Produce' })).toContain('nothing is to happen');
  expect(refusal({ api: 'Produce', partition: 1, error: 'NOT_LEADER_OR_FOLLOWER' })).toContain('name it');
  expect(refusal({ api: 'Heartbeat', topic: 't', delayMs: 1 })).toContain('name no topic');
  expect(refusal({ api: 'CreateTopics', topic: 't', partition: 1, delayMs: 1 })).toContain('has no partitions');
  expect(refusal({ api: 'Produce', group: 'g', delayMs: 1 })).toContain('name no group');
  expect(refusal({ api: 'DescribeLogDirs', error: 'KAFKA_STORAGE_ERROR' })).toContain('only delayMs, drop and torn');
  expect(refusal({ api: 'Produce', drop: 'after' })).toContain("'before' or 'after-append'");
  expect(refusal({ api: 'Produce', drop: 'before', torn: 1 })).toContain('different faults');
  expect(refusal({ api: 'Produce', delayMs: -1 })).toContain('delayMs=-1');
  expect(refusal({ api: 'Produce', delayMs: 1, times: 0 })).toContain('times=0');
  expect(faults.active).toEqual([]);
});

test('the newest requests are kept, no more than asked for', async () => {
  const broker = await started({ requestsKept: 3 });
  const client = await rawClient(broker);
  for (let version = 4; version <= 12; version++) await client.call(metadataApi, version, { topics: [] });
  expect(broker.requests.map(({ version }) => version)).toEqual([10, 11, 12]);
  expect(broker.requests[0]).toEqual({
    api: 'Metadata',
    version: 10,
    clientId: 'test',
    topics: [],
    partitions: [],
    groups: [],
    atMs: expect.any(Number),
  });
});

const ONCE: readonly { fault: FaultOptions; stored: string[]; idempotent: boolean }[] = [
  { fault: { api: 'Produce', topic: 't', partition: 0, error: 'NOT_LEADER_OR_FOLLOWER' }, stored: ['one'], idempotent: false },
  { fault: { api: 'Produce', topic: 't', drop: 'before' }, stored: ['one'], idempotent: false },
  // Appended, and not known to be: a producer that is not idempotent writes it again.
  { fault: { api: 'Produce', topic: 't', drop: 'after-append' }, stored: ['one', 'one'], idempotent: false },
  { fault: { api: 'Produce', topic: 't', drop: 'after-append' }, stored: ['one'], idempotent: true },
  { fault: { api: 'Produce', topic: 't', torn: 9 }, stored: ['one', 'one'], idempotent: false },
  { fault: { api: 'Metadata', topic: 't', error: 'LEADER_NOT_AVAILABLE' }, stored: ['one'], idempotent: false },
  { fault: { api: 'InitProducerId', error: 'COORDINATOR_LOAD_IN_PROGRESS' }, stored: ['one'], idempotent: true },
];

test('a producer gets over each fault, and what it wrote is what its guarantees say', async () => {
  for (const { fault, stored, idempotent } of ONCE) {
    const broker = await started({ topics: ['t'] });
    const added = broker.faults.add(fault);
    const producer = kafkaOf(broker).producer({ idempotent, maxInFlightRequests: 1 });
    await producer.connect();
    atEnd(() => producer.disconnect());
    await producer.send({ topic: 't', messages: [{ value: 'one' }] });
    expect(added.hits, JSON.stringify(fault)).toBe(1);
    expect(await valuesOf(broker, 't'), JSON.stringify(fault)).toEqual(stored);
  }
});

test('an error that is not retried reaches the application under its name', async () => {
  const broker = await started({ topics: ['t'] });
  broker.faults.add({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', times: Infinity });
  const producer = kafkaOf(broker).producer();
  await producer.connect();
  atEnd(() => producer.disconnect());
  await expect(producer.send({ topic: 't', messages: [{ value: 'x' }] })).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' });
  expect(await valuesOf(broker, 't')).toEqual([]);
});

/** A consumer of `t` in group g that notes what it gets. */
async function consumed(broker: TestBroker): Promise<string[]> {
  const values: string[] = [];
  const consumer = kafkaOf(broker).consumer({ groupId: 'g', heartbeatInterval: 50, maxWaitTimeInMs: 100, sessionTimeout: 10_000 });
  await consumer.connect();
  atEnd(() => consumer.disconnect());
  await consumer.subscribe({ topic: 't', fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void values.push(message.value!.toString()) });
  return values;
}

async function send(broker: TestBroker, value: string): Promise<void> {
  const producer = kafkaOf(broker).producer();
  await producer.connect();
  await producer.send({ topic: 't', messages: [{ value }] });
  await producer.disconnect();
}

test('a consumer gets over errors of Fetch, JoinGroup, Heartbeat and OffsetCommit, and misses nothing', async () => {
  const broker = await started({ topics: ['t'] });
  const { faults } = broker;
  faults.add({ api: 'FindCoordinator', group: 'g', error: 'COORDINATOR_NOT_AVAILABLE' });
  faults.add({ api: 'JoinGroup', group: 'g', error: 'COORDINATOR_LOAD_IN_PROGRESS' });
  faults.add({ api: 'Fetch', topic: 't', error: 'NOT_LEADER_OR_FOLLOWER' });
  faults.add({ api: 'Fetch', topic: 't', torn: 20 });
  faults.add({ api: 'Heartbeat', group: 'g', error: 'REBALANCE_IN_PROGRESS' });
  faults.add({ api: 'OffsetCommit', topic: 't', error: 'COORDINATOR_LOAD_IN_PROGRESS' });
  await send(broker, 'a');
  const values = await consumed(broker);
  await eventually(
    () => (faults.active.length === 0 ? true : undefined),
    () => `still to come: ${JSON.stringify(faults.active.map(({ options }) => options))}`,
  );
  await send(broker, 'b');
  await eventually(
    () => (values.includes('b') ? true : undefined),
    () => `got ${values.join()}`,
  );
  expect(values[0]).toBe('a');
  expect(new Set(values)).toEqual(new Set(['a', 'b']));
  expect(broker.requests.filter(({ api, groups }) => api === 'JoinGroup' && groups[0] === 'g').length).toBeGreaterThan(1);
});

test('a member whose session ends by the clock joins again and goes on', async () => {
  const broker = await started({ topics: ['t'] });
  const values = await consumed(broker);
  await send(broker, 'a');
  await eventually(
    () => (values.length > 0 ? true : undefined),
    () => 'nothing was read',
  );
  const [before] = (await broker.group('g')).members;
  await broker.clock.advance(10_001);
  await eventually(
    async () => {
      const { members } = await broker.group('g');
      return members.length === 1 && members[0]!.memberId !== before!.memberId ? true : undefined;
    },
    () => 'the same member, or none',
  );
  await send(broker, 'b');
  await eventually(
    () => (values.includes('b') ? true : undefined),
    () => `got ${values.join()}`,
  );
});
