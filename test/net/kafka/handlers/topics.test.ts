// Topics while they live: made by Metadata, grown, emptied, deleted and made again; offsets by time; retention.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPartitionsApi } from '../../../../src/net/kafka/schema/generated/create-partitions.ts';
import { deleteRecordsApi } from '../../../../src/net/kafka/schema/generated/delete-records.ts';
import { deleteTopicsApi } from '../../../../src/net/kafka/schema/generated/delete-topics.ts';
import { describeConfigsApi } from '../../../../src/net/kafka/schema/generated/describe-configs.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { incrementalAlterConfigsApi } from '../../../../src/net/kafka/schema/generated/incremental-alter-configs.ts';
import { listOffsetsApi } from '../../../../src/net/kafka/schema/generated/list-offsets.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetForLeaderEpochApi } from '../../../../src/net/kafka/schema/generated/offset-for-leader-epoch.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import {
  eventually,
  fetch,
  produce,
  type RawClient,
  startTestBroker,
  type TestBroker,
  textBatch,
  topologyKinds,
} from '../../../support/broker.ts';

const NONE = 0;
const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const INVALID_TOPIC_EXCEPTION = 17;
const INVALID_PARTITIONS = 37;
const INVALID_REQUEST = 42;
const UNKNOWN_TOPIC_ID = 100;

describe.each(topologyKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topic = '';
  let made = 0;

  beforeAll(async () => {
    broker = await startTestBroker({
      kind,
      config: {
        'ringlog.fsync': 'never',
        'num.partitions': '3',
        'log.initial.task.delay.ms': '0',
        'log.retention.check.interval.ms': '20',
      },
    });
  });
  beforeEach(async () => {
    client = await broker.client();
    topic = `t${made++}`;
  });
  afterAll(() => broker.stop());

  async function listOffset(
    timestamp: number,
    version = 8,
  ): Promise<{ errorCode: number; offset: number; timestamp: number; leaderEpoch: number }> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }];
    return (await client.call(listOffsetsApi, version, { replicaId: -1, isolationLevel: 0, topics })).topics[0]!.partitions[0]!;
  }

  async function alter(configs: Readonly<Record<string, string>>): Promise<void> {
    const rows = Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0, value }));
    const resources = [{ resourceType: 2, resourceName: topic, configs: rows }];
    expect((await client.call(incrementalAlterConfigsApi, 1, { resources, validateOnly: false })).responses[0]!.errorCode).toBe(NONE);
  }

  test('Metadata makes a topic that may be made, and its leader takes records at once', async () => {
    const answer = await client.call(metadataApi, 12, { topics: [{ name: topic }], allowAutoTopicCreation: true });
    expect(answer.topics[0]).toMatchObject({ errorCode: NONE, name: topic });
    expect(answer.topics[0]!.partitions).toHaveLength(3);
    const { addresses } = broker.running.facts;
    expect(answer.brokers).toEqual(addresses.map(({ nodeId, host, port }) => expect.objectContaining({ nodeId, host, port })));
    const leaders = new Set(answer.topics[0]!.partitions.map(({ leaderId }) => leaderId));
    expect([...leaders].sort()).toEqual(addresses.map(({ nodeId }) => nodeId));
    for (const partition of [0, 1, 2]) expect((await produce(client, topic, textBatch(['x']), { partition })).errorCode).toBe(NONE);
  });

  test('many clients make the same topic at the same moment', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        broker.ask((one) => one.call(metadataApi, 12, { topics: [{ name: topic }], allowAutoTopicCreation: true })),
      ),
    );
    expect(new Set(answers.map((answer) => answer.topics[0]!.topicId)).size).toBe(1);
    expect(answers.every((answer) => answer.topics[0]!.errorCode === NONE)).toBe(true);
  });

  test('Metadata makes nothing that it may not', async () => {
    const ask = async (name: string, allowAutoTopicCreation: boolean): Promise<number> =>
      (await client.call(metadataApi, 12, { topics: [{ name }], allowAutoTopicCreation })).topics[0]!.errorCode;
    expect(await ask(topic, false)).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    expect(await ask('not/a/topic', true)).toBe(INVALID_TOPIC_EXCEPTION);
    expect(await ask('x'.repeat(250), true)).toBe(INVALID_TOPIC_EXCEPTION);
    expect(await ask('..', true)).toBe(INVALID_TOPIC_EXCEPTION);
    const all = await client.call(metadataApi, 12, { topics: null });
    expect(all.topics.map(({ name }) => name)).not.toContain(topic);
  });

  test.each([10, 11])('Metadata %i names topics by name only', async (version) => {
    const topicId = await broker.createTopic(topic);
    const zero = 'AAAAAAAAAAAAAAAAAAAAAA';
    for (const [asked, name] of [
      [{ name: null, topicId }, ''],
      [{ name: null, topicId: zero }, ''],
      [{ name: topic, topicId }, topic],
    ] as const) {
      const answer = await client.call(metadataApi, version, { topics: [asked], allowAutoTopicCreation: false });
      expect(answer.topics[0]).toMatchObject({ errorCode: INVALID_REQUEST, name });
    }
    expect((await client.call(metadataApi, version, { topics: [{ name: topic }] })).topics[0]!.errorCode).toBe(NONE);
  });

  test('Metadata by id', async () => {
    const topicId = await broker.createTopic(topic);
    const unknown = Buffer.alloc(16, 3).toString('base64url');
    const answer = await client.call(metadataApi, 12, {
      topics: [
        { name: null, topicId },
        { name: null, topicId: unknown },
      ],
    });
    expect(answer.topics.map(({ errorCode, name }) => [errorCode, name])).toEqual([
      [NONE, topic],
      [UNKNOWN_TOPIC_ID, null],
    ]);
  });

  test('the ends of a log, and offsets by time', async () => {
    await broker.createTopic(topic, 1);
    expect(await listOffset(-1)).toMatchObject({ errorCode: NONE, offset: 0 });
    expect(await listOffset(-2)).toMatchObject({ errorCode: NONE, offset: 0 });
    expect(await listOffset(0)).toMatchObject({ errorCode: NONE, offset: -1, timestamp: -1 });
    expect(await listOffset(-3)).toMatchObject({ errorCode: NONE, offset: -1 });
    const start = Date.now() - 1000;
    for (const [i, timestampMs] of [start, start + 10, start + 500, start + 20].entries()) {
      expect((await produce(client, topic, textBatch(['a', 'b'], { timestampMs }))).baseOffset).toBe(i * 2);
    }
    expect(await listOffset(-1)).toMatchObject({ errorCode: NONE, offset: 8, leaderEpoch: 0 });
    expect(await listOffset(-2)).toMatchObject({ errorCode: NONE, offset: 0, leaderEpoch: 0 });
    expect(await listOffset(-3)).toMatchObject({ errorCode: NONE, offset: 4, timestamp: start + 500 });
    expect(await listOffset(-4)).toMatchObject({ errorCode: NONE, offset: 0 });
    expect(await listOffset(-5, 9)).toMatchObject({ errorCode: NONE, offset: -1 });
    expect(await listOffset(0)).toMatchObject({ offset: 0, timestamp: start });
    expect(await listOffset(start + 1)).toMatchObject({ offset: 2, timestamp: start + 10 });
    expect(await listOffset(start + 11)).toMatchObject({ offset: 4, timestamp: start + 500 });
    expect(await listOffset(start + 501)).toMatchObject({ errorCode: NONE, offset: -1, timestamp: -1 });
    expect((await listOffset(-99)).errorCode).not.toBe(NONE);
  });

  test('offsets of leader epochs', async () => {
    await broker.createTopic(topic, 1);
    await produce(client, topic, textBatch(['a', 'b', 'c']));
    const ask = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
      const topics = [{ topic, partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }];
      return (await client.call(offsetForLeaderEpochApi, 4, { replicaId: -1, topics })).topics[0]!.partitions[0]!;
    };
    expect(await ask(0)).toMatchObject({ errorCode: NONE, leaderEpoch: 0, endOffset: 3 });
    expect(await ask(0, 0)).toMatchObject({ errorCode: NONE, endOffset: 3 });
    expect(await ask(5)).toMatchObject({ errorCode: NONE, leaderEpoch: -1, endOffset: -1 });
    expect((await ask(0, 1)).errorCode).toBe(75);
  });

  test('DeleteRecords', async () => {
    await broker.createTopic(topic, 1);
    for (let i = 0; i < 5; i++) await produce(client, topic, textBatch(['a', 'b']));
    const remove = async (offset: number, partitionIndex = 0) => {
      const topics = [{ name: topic, partitions: [{ partitionIndex, offset }] }];
      return (await client.call(deleteRecordsApi, 2, { topics, timeoutMs: 1000 })).topics[0]!.partitions[0]!;
    };
    expect(await remove(3)).toMatchObject({ errorCode: NONE, lowWatermark: 3 });
    expect(await listOffset(-2)).toMatchObject({ offset: 3 });
    expect((await fetch(client, topic, { offset: 2 })).errorCode).toBe(OFFSET_OUT_OF_RANGE);
    expect(await fetch(client, topic, { offset: 3 })).toMatchObject({ errorCode: NONE, logStartOffset: 3, highWatermark: 10 });
    expect(await remove(1)).toMatchObject({ errorCode: NONE, lowWatermark: 3 });
    expect((await remove(11)).errorCode).toBe(OFFSET_OUT_OF_RANGE);
    expect((await remove(-2)).errorCode).toBe(OFFSET_OUT_OF_RANGE);
    expect((await remove(0, 7)).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    expect(await remove(-1)).toMatchObject({ errorCode: NONE, lowWatermark: 10 });
    expect((await produce(client, topic, textBatch(['c']))).baseOffset).toBe(10);
  });

  test('retention by size takes effect when it is set', async () => {
    await broker.createTopic(topic, 1, { 'segment.bytes': '5000', 'file.delete.delay.ms': '0' });
    for (let i = 0; i < 30; i++) await produce(client, topic, textBatch(['x'.repeat(1000)]));
    expect(await listOffset(-2)).toMatchObject({ offset: 0 });
    await alter({ 'retention.bytes': '6000' });
    const start = await eventually(
      async () => {
        const { offset } = await listOffset(-2);
        return offset >= 20 ? offset : undefined;
      },
      () => 'nothing was removed',
    );
    expect(start).toBeLessThan(30);
    expect((await listOffset(-1)).offset).toBe(30);
    expect((await fetch(client, topic, { offset: start })).errorCode).toBe(NONE);
  });

  test('retention by time takes effect when it is set', async () => {
    await broker.createTopic(topic, 1, { 'segment.bytes': '3000' });
    for (let i = 0; i < 10; i++) await produce(client, topic, textBatch(['x'.repeat(1000)], { timestampMs: Date.now() - 3_600_000 }));
    await alter({ 'retention.ms': '1000' });
    await eventually(
      async () => ((await listOffset(-2)).offset >= 8 ? true : undefined),
      () => 'nothing was removed',
    );
    expect((await produce(client, topic, textBatch(['new']))).baseOffset).toBe(10);
  });

  test('a parked fetch whose records are removed is told that its offset is out of range', async () => {
    await broker.createTopic(topic, 1);
    for (let i = 0; i < 5; i++) await produce(client, topic, textBatch(['a']));
    const parked = await broker.client();
    const partitions = [{ partition: 0, fetchOffset: 2, partitionMaxBytes: 1 << 20 }];
    const request = { replicaId: -1, maxWaitMs: 3_600_000, minBytes: 1 << 20, topics: [{ topic, partitions }] };
    const id = parked.request(fetchApi, 12, request);
    await broker.ask((one) => one.call(metadataApi, 12, { topics: [] }));
    await client.call(deleteRecordsApi, 2, { topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 4 }] }], timeoutMs: 1000 });
    expect((await parked.answer(fetchApi, 12, id)).responses[0]!.partitions[0]!.errorCode).toBe(OFFSET_OUT_OF_RANGE);
  });

  test('CreatePartitions: more of them, at once writable; never fewer', async () => {
    await broker.createTopic(topic, 2);
    const grow = async (count: number) =>
      (
        await client.call(createPartitionsApi, 3, {
          topics: [{ name: topic, count, assignments: null }],
          timeoutMs: 1000,
          validateOnly: false,
        })
      ).results[0]!;
    expect((await produce(client, topic, textBatch(['x']), { partition: 3 })).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    expect((await grow(4)).errorCode).toBe(NONE);
    expect((await produce(client, topic, textBatch(['x']), { partition: 3 })).errorCode).toBe(NONE);
    expect((await fetch(client, topic, { partition: 3 })).highWatermark).toBe(1);
    expect((await grow(4)).errorCode).toBe(INVALID_PARTITIONS);
    expect((await grow(1)).errorCode).toBe(INVALID_PARTITIONS);
    expect((await client.call(metadataApi, 12, { topics: [{ name: topic }] })).topics[0]!.partitions).toHaveLength(4);
  });

  test('a topic deleted and made again is another one', async () => {
    const old = await broker.createTopic(topic, 1);
    await produce(client, topic, textBatch(['a', 'b']));
    const { responses } = await client.call(deleteTopicsApi, 6, {
      topics: [{ name: topic, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
      timeoutMs: 1000,
    });
    expect(responses[0]).toMatchObject({ errorCode: NONE, name: topic });
    expect((await produce(client, topic, textBatch(['x']))).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    const fresh = await broker.createTopic(topic, 1);
    expect(fresh).not.toBe(old);
    expect((await produce(client, topic, textBatch(['c']))).baseOffset).toBe(0);
    const partitionData = [{ index: 0, records: textBatch(['x']) }];
    const stale = await client.call(produceApi, 13, { acks: 1, timeoutMs: 1000, topicData: [{ topicId: old, partitionData }] });
    expect(stale.responses[0]!.partitionResponses[0]!.errorCode).toBe(UNKNOWN_TOPIC_ID);
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }];
    const read = await client.call(fetchApi, 13, { maxWaitMs: 0, minBytes: 1, topics: [{ topicId: old, partitions }] });
    expect(read.responses[0]!.partitions[0]!.errorCode).toBe(UNKNOWN_TOPIC_ID);
    expect((await fetch(client, topic)).highWatermark).toBe(1);
  });

  test('a changed config is told by DescribeConfigs', async () => {
    await broker.createTopic(topic, 1);
    await alter({ 'retention.ms': '12345' });
    const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: ['retention.ms'] }];
    const answer = await client.call(describeConfigsApi, 4, { resources });
    expect(answer.results[0]!.configs).toEqual([expect.objectContaining({ name: 'retention.ms', value: '12345' })]);
  });
});
