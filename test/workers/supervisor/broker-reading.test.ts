// What the supervisor reads of its shards without asking them, against what clients did: on every way to put a broker together.

import { afterEach, describe, expect, test } from 'vitest';
import { ZERO_UUID } from '../../../src/engine/base/uuid.ts';
import type { BrokerReading } from '../../../src/engine/metadata/broker-reading.ts';
import { fetchApi } from '../../../src/net/kafka/schema/generated/fetch.ts';
import { offsetCommitApi } from '../../../src/net/kafka/schema/generated/offset-commit.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import { findCoordinatorApi } from '../../../src/net/kafka/schema/generated/find-coordinator.ts';
import {
  brokerKinds,
  eventually,
  fetchRequest,
  produceRequest,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../support/broker.ts';

const PRODUCE = 0;
const FETCH = 1;

let broker: TestBroker;
afterEach(() => broker.stop());

/** The first reading that `look` finds something in. */
function reading<T>(look: (read: BrokerReading) => T | undefined): Promise<T> {
  return eventually(
    () => look(broker.running.read()),
    () => `not in ${JSON.stringify(broker.running.read())}`,
  );
}

function requests(read: BrokerReading, apiKey: number): number {
  return read.shards.reduce((sum, shard) => sum + (shard!.requestUs.get(apiKey)?.count ?? 0), 0);
}

describe.each(brokerKinds())('%s', (kind) => {
  test('topics, partitions, requests and connections are counted', async () => {
    broker = await startTestBroker({ kind });
    await broker.createTopic('clicks', 2);
    const client = await broker.leaderClient('clicks', 1);
    const batch = textBatch(['a', 'b', 'c']);
    await client.call(produceApi, 9, produceRequest('clicks', batch, { acks: -1, partition: 1 }));
    await client.call(produceApi, 9, produceRequest('clicks', batch, { acks: 1, partition: 1 }));
    await client.call(produceApi, 9, produceRequest('clicks', batch, { acks: 1, partition: 7 }));
    await client.call(fetchApi, 12, fetchRequest('clicks', { partition: 1 }));
    const topic = await reading(({ topics }) => topics.find(({ topic: name, fetches }) => name === 'clicks' && fetches > 0));
    expect(topic).toMatchObject({ recordsIn: 6, batchesIn: 2, bytesIn: 2 * batch.length, bytesOut: 2 * batch.length });
    expect(topic).toMatchObject({ produces: 3, producesFailed: 1, fetches: 1, fetchesFailed: 0, internal: false });
    const partitions = await reading(({ partitions: all }) => {
      const own = all.filter(({ topic: name }) => name === 'clicks');
      return own.some(({ highWatermark }) => highWatermark === 6) ? own : undefined;
    });
    expect(partitions).toMatchObject([
      { index: 0, startOffset: 0, highWatermark: 0, endOffset: 0, sizeBytes: 0, segments: 1, failed: false },
      { index: 1, startOffset: 0, highWatermark: 6, endOffset: 6, sizeBytes: 2 * batch.length, segments: 1, failed: false },
    ]);
    const read = await reading((now) => (requests(now, PRODUCE) >= 3 && requests(now, FETCH) >= 1 ? now : undefined));
    expect([requests(read, PRODUCE), requests(read, FETCH)]).toEqual([3, 1]);
    for (const shard of read.shards) {
      expect(shard!.tickUs.count).toBeGreaterThan(0);
      expect(shard!.tickRing.size).toBeGreaterThan(0);
      expect(shard!.arena.size).toBeGreaterThan(0);
      expect(shard!.writtenWallMs).toBeGreaterThan(0);
    }
    const sum = (of: (shard: NonNullable<BrokerReading['shards'][number]>) => number): number =>
      read.shards.reduce((total, shard) => total + of(shard!), 0);
    expect(sum(({ connections }) => connections)).toBeGreaterThan(0);
    expect(sum(({ connectionsAccepted }) => connectionsAccepted)).toBeGreaterThanOrEqual(sum(({ connections }) => connections));
    // acks=all was made durable by a record of the journal or by a sync.
    expect(sum(({ commitUs, syncUs }) => commitUs.count + syncUs.count)).toBeGreaterThan(0);
    expect(sum(({ readsFile, readsMemory }) => readsFile + readsMemory)).toBe(1);
  });

  test('a group is known by its offsets and lag', async () => {
    broker = await startTestBroker({ kind });
    await broker.createTopic('clicks', 1);
    const client = await broker.client();
    await client.call(produceApi, 9, produceRequest('clicks', textBatch(['a', 'b', 'c']), { acks: 1 }));
    await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: ['readers'] });
    const commit = {
      groupId: 'readers',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      topics: [
        { name: 'clicks', partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }] },
      ],
    };
    await eventually(
      async () => {
        const answer = await client.call(offsetCommitApi, 8, commit);
        return answer.topics[0]!.partitions[0]!.errorCode === 0 ? true : undefined;
      },
      () => 'no offset was committed',
    );
    const group = await reading(({ groups }) => groups.find(({ groupId, offsets }) => groupId === 'readers' && offsets[0]?.lag === 2));
    expect(group).toMatchObject({ state: 'Empty', members: 0, offsets: [{ topic: 'clicks', partition: 0, offset: 1, lag: 2 }] });
  });
});

test('a topic that is deleted is not told of any more', async () => {
  broker = await startTestBroker();
  await broker.createTopic('gone');
  await reading(({ partitions }) => partitions.find(({ topic }) => topic === 'gone'));
  await broker.running.controller.deleteTopics({ topics: [{ name: 'gone', topicId: ZERO_UUID }] });
  const { topics, partitions } = broker.running.read();
  expect([...topics, ...partitions].filter(({ topic }) => topic === 'gone')).toEqual([]);
});
