// KIP-951: who asks the wrong node, or with an old epoch, is told in the same answer who leads and where that is.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import { type RawClient, startTestBroker, type TestBroker, textBatch, topologyKinds } from '../../../support/broker.ts';

const NOT_LEADER_OR_FOLLOWER = 6;
const FENCED_LEADER_EPOCH = 74;
const NO_HINT = { leaderId: -1, leaderEpoch: -1 };
const PARTITIONS = 4;
const SPAN = Array.from({ length: PARTITIONS }, (_, index) => index);

function fetchAll(topicId: string, currentLeaderEpoch: number) {
  const partitions = SPAN.map((partition) => ({ partition, currentLeaderEpoch, fetchOffset: 0, partitionMaxBytes: 1000 }));
  return { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, sessionEpoch: -1, topics: [{ topicId, topic: 't', partitions }] };
}

function produceAll(topicId: string) {
  const partitionData = SPAN.map((index) => ({ index, records: textBatch(['a']) }));
  return { acks: 1, timeoutMs: 10_000, topicData: [{ topicId, name: 't', partitionData }] };
}

describe('per-shard: the wrong shard names the right one', () => {
  let broker: TestBroker;
  let clients: RawClient[];
  let topicId: string;
  let leaders: number[];
  let nodes: { nodeId: number; host: string; port: number; rack: string | null }[];

  beforeAll(async () => {
    broker = await startTestBroker({ kind: 'per-shard' });
    topicId = await broker.createTopic('t', PARTITIONS);
    clients = await broker.nodeClients();
    const { brokers, topics } = await clients[0]!.call(metadataApi, 12, { topics: [{ name: 't' }] });
    nodes = brokers;
    leaders = SPAN.map((index) => topics[0]!.partitions.find(({ partitionIndex }) => partitionIndex === index)!.leaderId);
    expect(new Set(leaders)).toEqual(new Set(nodes.map(({ nodeId }) => nodeId)));
  });
  afterAll(() => broker.stop());

  test.each([10, 11, 12, 13])('Produce version %i', async (version) => {
    for (const [at, client] of clients.entries()) {
      const { responses, nodeEndpoints } = await client.call(produceApi, version, produceAll(topicId));
      for (const { index, errorCode, currentLeader } of responses[0]!.partitionResponses) {
        const wrong = leaders[index] !== nodes[at]!.nodeId;
        expect(errorCode).toBe(wrong ? NOT_LEADER_OR_FOLLOWER : 0);
        expect(currentLeader).toEqual(wrong ? { leaderId: leaders[index], leaderEpoch: 0 } : NO_HINT);
      }
      expect(nodeEndpoints).toEqual(nodes.filter((_, i) => i !== at));
    }
  });

  test.each([16, 17, 18])('Fetch version %i', async (version) => {
    for (const [at, client] of clients.entries()) {
      const { responses, nodeEndpoints } = await client.call(fetchApi, version, fetchAll(topicId, -1));
      for (const { partitionIndex, errorCode, currentLeader } of responses[0]!.partitions) {
        const wrong = leaders[partitionIndex] !== nodes[at]!.nodeId;
        expect(errorCode).toBe(wrong ? NOT_LEADER_OR_FOLLOWER : 0);
        expect(currentLeader).toEqual(wrong ? { leaderId: leaders[partitionIndex], leaderEpoch: 0 } : NO_HINT);
      }
      expect(nodeEndpoints).toEqual(nodes.filter((_, i) => i !== at));
    }
  });

  test('earlier versions have no room for it', async () => {
    const produced = await clients[0]!.call(produceApi, 9, produceAll(topicId));
    const fetched = await clients[0]!.call(fetchApi, 15, fetchAll(topicId, -1));
    const { partitionResponses } = produced.responses[0]!;
    const { partitions } = fetched.responses[0]!;
    for (const answer of [...partitionResponses, ...partitions]) expect(answer.currentLeader).toEqual(NO_HINT);
    expect(partitionResponses.some(({ errorCode }) => errorCode === NOT_LEADER_OR_FOLLOWER)).toBe(true);
    expect(partitions.some(({ errorCode }) => errorCode === NOT_LEADER_OR_FOLLOWER)).toBe(true);
    expect([...produced.nodeEndpoints, ...fetched.nodeEndpoints]).toEqual([]);
  });
});

describe.each(topologyKinds())('%s: an old epoch is told the new one', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topicId: string;

  beforeAll(async () => {
    const before = await startTestBroker({ kind: 'per-shard', config: { 'ringlog.shards': '3' } });
    topicId = await before.createTopic('t', PARTITIONS);
    await before.halt();
    // What the third node led has moved.
    broker = await startTestBroker({ kind, dir: before.dir });
    client = await broker.client();
  });
  afterAll(() => broker.stop());

  test('Fetch', async () => {
    const { brokers, topics } = await client.call(metadataApi, 12, { topics: [{ name: 't' }] });
    const moved = topics[0]!.partitions.find(({ leaderEpoch }) => leaderEpoch > 0)!;
    const partitions = [{ partition: moved.partitionIndex, currentLeaderEpoch: 0, fetchOffset: 0, partitionMaxBytes: 1000 }];
    const request = { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, sessionEpoch: -1, topics: [{ topicId, partitions }] };
    const { responses, nodeEndpoints } = await client.call(fetchApi, 17, request);
    expect(responses[0]!.partitions[0]).toMatchObject({
      errorCode: FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: moved.leaderId, leaderEpoch: moved.leaderEpoch },
    });
    expect(nodeEndpoints).toEqual(brokers.filter(({ nodeId }) => nodeId === moved.leaderId));
  });
});
