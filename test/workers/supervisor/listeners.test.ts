// Who answers for what, with shards on threads: in `per-shard` each is a node, says who leads and refuses what it does not;
// in `single` all are one node, and every connection is served whole.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coordinatorPartitionIndex } from '../../../src/engine/coordinator/coordinator-partition-index.ts';
import { deleteRecordsApi } from '../../../src/net/kafka/schema/generated/delete-records.ts';
import { describeClusterApi } from '../../../src/net/kafka/schema/generated/describe-cluster.ts';
import { describeGroupsApi } from '../../../src/net/kafka/schema/generated/describe-groups.ts';
import { describeProducersApi } from '../../../src/net/kafka/schema/generated/describe-producers.ts';
import { findCoordinatorApi } from '../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { heartbeatApi } from '../../../src/net/kafka/schema/generated/heartbeat.ts';
import { joinGroupApi } from '../../../src/net/kafka/schema/generated/join-group.ts';
import { listGroupsApi } from '../../../src/net/kafka/schema/generated/list-groups.ts';
import { listOffsetsApi } from '../../../src/net/kafka/schema/generated/list-offsets.ts';
import { metadataApi } from '../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../../../src/net/kafka/schema/generated/offset-commit.ts';
import { offsetFetchApi } from '../../../src/net/kafka/schema/generated/offset-fetch.ts';
import { offsetForLeaderEpochApi } from '../../../src/net/kafka/schema/generated/offset-for-leader-epoch.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import {
  brokerKinds,
  DEADLINE_MS,
  fetch,
  produce,
  produceRequest,
  type RawClient,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../support/broker.ts';

const NONE = 0;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const NOT_LEADER_OR_FOLLOWER = 6;
const NOT_COORDINATOR = 16;
/** Fits every version used here. */
const JOIN = {
  sessionTimeoutMs: 60_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('m') }],
};

async function listOffset(client: RawClient, partitionIndex: number, timestamp = -1) {
  const topics = [{ name: 't', partitions: [{ partitionIndex, timestamp }] }];
  return (await client.call(listOffsetsApi, 7, { replicaId: -1, isolationLevel: 0, topics })).topics[0]!.partitions[0]!;
}

async function commit(client: RawClient, groupId: string, offset: number): Promise<number> {
  const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }];
  const answer = await client.call(offsetCommitApi, 8, { groupId, memberId: '', topics: [{ name: 't', partitions }] });
  return answer.topics[0]!.partitions[0]!.errorCode;
}

/** A group for each partition of the offsets topic. */
const groups = [0, 1].map((partition) =>
  Array.from({ length: 100 }, (_, i) => `group-${i}`).find((name) => coordinatorPartitionIndex(name, 2) === partition)!,
);

describe('per-shard', () => {
  let broker: TestBroker;
  let nodes: RawClient[];
  let nodeIds: number[];

  beforeAll(async () => {
    broker = await startTestBroker({ kind: 'per-shard' });
    await broker.createTopic('t', 4);
    nodes = await broker.nodeClients();
    nodeIds = broker.running.facts.addresses.map(({ nodeId }) => nodeId);
  });
  afterAll(() => broker.stop());

  async function leaders(): Promise<number[]> {
    const { topics } = await nodes[0]!.call(metadataApi, 12, { topics: [{ name: 't' }] });
    return topics[0]!.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ leaderId }) => leaderId);
  }

  test('every node tells the same: all nodes with their ports, and who leads what', async () => {
    const answers = await Promise.all(nodes.map((node) => node.call(metadataApi, 12, { topics: [{ name: 't' }] })));
    expect(answers[1]).toEqual(answers[0]);
    const { addresses } = broker.running.facts;
    expect(new Set(addresses.map(({ port }) => port)).size).toBe(2);
    expect(answers[0]!.brokers.map(({ nodeId, port }) => ({ nodeId, port }))).toEqual(
      addresses.map(({ nodeId, port }) => ({ nodeId, port })),
    );
    expect((await leaders()).toSorted()).toEqual([nodeIds[0], nodeIds[0], nodeIds[1], nodeIds[1]]);
    const clusters = await Promise.all(
      nodes.map((node) => node.call(describeClusterApi, 0, { includeClusterAuthorizedOperations: false })),
    );
    expect(clusters[1]).toEqual(clusters[0]);
    expect(clusters[0]!.brokers.map(({ brokerId }) => brokerId)).toEqual(nodeIds);
  });

  test('the leader does what the other node refuses', async () => {
    for (const [partition, leader] of (await leaders()).entries()) {
      const right = nodes[nodeIds.indexOf(leader)]!;
      const wrong = nodes[1 - nodeIds.indexOf(leader)]!;
      for (const acks of [1, -1]) {
        expect(await produce(wrong, 't', textBatch(['x']), { acks, partition })).toMatchObject({
          errorCode: NOT_LEADER_OR_FOLLOWER,
          baseOffset: -1,
        });
      }
      expect(await produce(right, 't', textBatch(['x']), { partition })).toMatchObject({ errorCode: NONE, baseOffset: 0 });
      // An error does not wait.
      expect((await fetch(wrong, 't', { partition, maxWaitMs: DEADLINE_MS * 10 })).errorCode).toBe(NOT_LEADER_OR_FOLLOWER);
      expect(await fetch(right, 't', { partition })).toMatchObject({ errorCode: NONE, highWatermark: 1 });
      expect(await listOffset(wrong, partition)).toMatchObject({ errorCode: NOT_LEADER_OR_FOLLOWER, offset: -1 });
      expect(await listOffset(right, partition)).toMatchObject({ errorCode: NONE, offset: 1 });
      for (const [node, errorCode] of [
        [wrong, NOT_LEADER_OR_FOLLOWER],
        [right, NONE],
      ] as const) {
        const epochs = [{ topic: 't', partitions: [{ partition, currentLeaderEpoch: -1, leaderEpoch: 0 }] }];
        const ended = await node.call(offsetForLeaderEpochApi, 4, { replicaId: -1, topics: epochs });
        expect(ended.topics[0]!.partitions[0]!.errorCode).toBe(errorCode);
        const emptied = [{ name: 't', partitions: [{ partitionIndex: partition, offset: 0 }] }];
        const deleted = await node.call(deleteRecordsApi, 2, { topics: emptied, timeoutMs: 1000 });
        expect(deleted.topics[0]!.partitions[0]!.errorCode).toBe(errorCode);
        const described = await node.call(describeProducersApi, 0, { topics: [{ name: 't', partitionIndexes: [partition] }] });
        expect(described.topics[0]!.partitions[0]!.errorCode).toBe(errorCode);
      }
    }
  });

  test('what nobody leads is unknown on every node', async () => {
    for (const node of nodes) {
      expect((await produce(node, 't', textBatch(['x']), { partition: 4 })).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
      expect((await fetch(node, 't', { partition: 4 })).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
      expect((await listOffset(node, 4)).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    }
  });

  test('acks=0 to the wrong node costs the connection, so that the client looks again', async () => {
    const leader = (await leaders())[0]!;
    const wrong = (await broker.nodeClients())[1 - nodeIds.indexOf(leader)]!;
    wrong.request(produceApi, 9, produceRequest('t', textBatch(['x']), { acks: 0 }));
    await wrong.closed();
  });

  test('a group is where FindCoordinator says, and nowhere else', async () => {
    const asked = await Promise.all(nodes.map((node) => node.call(findCoordinatorApi, 4, { coordinatorKeys: groups })));
    expect(asked[1]).toEqual(asked[0]);
    const { coordinators } = asked[0]!;
    expect(coordinators.map(({ nodeId }) => nodeId).toSorted()).toEqual(nodeIds);
    for (const { key, nodeId, port } of coordinators) {
      expect(port).toBe(broker.running.facts.addresses.find((address) => address.nodeId === nodeId)!.port);
      const right = nodes[nodeIds.indexOf(nodeId)]!;
      const wrong = nodes[1 - nodeIds.indexOf(nodeId)]!;
      expect((await wrong.call(joinGroupApi, 3, { ...JOIN, groupId: key })).errorCode).toBe(NOT_COORDINATOR);
      expect(await commit(wrong, key, 7)).toBe(NOT_COORDINATOR);
      expect(await commit(right, key, 7)).toBe(NONE);
      const ask = { groupId: key, topics: [{ name: 't', partitionIndexes: [0] }] };
      expect((await wrong.call(offsetFetchApi, 7, ask)).errorCode).toBe(NOT_COORDINATOR);
      expect((await right.call(offsetFetchApi, 7, ask)).topics[0]!.partitions[0]!.committedOffset).toBe(7);
      expect((await right.call(listGroupsApi, 4, { statesFilter: [] })).groups.map(({ groupId }) => groupId)).toEqual([key]);
    }
  });
});

describe.runIf(brokerKinds().includes('single'))('single', () => {
  let broker: TestBroker;
  /** Enough that both shards have some: the chance that they do not is one in 16 thousand. */
  let connections: RawClient[];

  beforeAll(async () => {
    broker = await startTestBroker({ kind: 'single' });
    await broker.createTopic('t', 4);
    connections = await Promise.all(Array.from({ length: 15 }, () => broker.client()));
  });
  afterAll(() => broker.stop());

  test('one node with one port leads everything', async () => {
    expect(broker.running.facts).toMatchObject({ mode: 'single', shardCount: 2 });
    const [node, ...others] = broker.running.facts.addresses;
    expect(others).toEqual([]);
    for (const client of connections) {
      const answer = await client.call(metadataApi, 12, { topics: [{ name: 't' }] });
      expect(answer.brokers).toEqual([expect.objectContaining({ nodeId: node!.nodeId, port: node!.port })]);
      expect(answer.topics[0]!.partitions.map(({ leaderId }) => leaderId)).toEqual([1, 1, 1, 1].map(() => node!.nodeId));
      const { coordinators } = await client.call(findCoordinatorApi, 4, { coordinatorKeys: groups });
      expect(coordinators.map(({ nodeId, port }) => [nodeId, port])).toEqual(groups.map(() => [node!.nodeId, node!.port]));
    }
  });

  test('every connection writes and reads every partition, and sees what the others wrote', async () => {
    for (const [round, client] of connections.entries()) {
      for (const partition of [0, 1, 2, 3]) {
        const acks = [1, -1][round % 2]!;
        expect(await produce(client, 't', textBatch([`${round}`]), { acks, partition })).toMatchObject({
          errorCode: NONE,
          baseOffset: round,
        });
        const reader = connections[(round * 7 + 3) % connections.length]!;
        const { highWatermark, records } = await fetch(reader, 't', { partition, offset: round });
        expect(highWatermark).toBe(round + 1);
        expect(Buffer.from(records!).includes(Buffer.from(`${round}`))).toBe(true);
        expect(await listOffset(reader, partition)).toMatchObject({ errorCode: NONE, offset: round + 1 });
      }
      expect((await produce(client, 't', textBatch(['x']), { partition: 4 })).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
      expect((await fetch(client, 't', { partition: 4 })).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    }
  });

  test('every connection reaches every group', async () => {
    for (const groupId of groups) {
      const { memberId, generationId } = await connections[0]!.call(joinGroupApi, 3, { ...JOIN, groupId });
      const simple = `${groupId}-simple`;
      for (const [i, client] of connections.entries()) {
        expect((await client.call(heartbeatApi, 3, { groupId, generationId, memberId })).errorCode).toBe(NONE);
        expect(await commit(client, simple, i)).toBe(NONE);
        const reader = connections[(i + 4) % connections.length]!;
        const found = await reader.call(offsetFetchApi, 7, { groupId: simple, topics: [{ name: 't', partitionIndexes: [0] }] });
        expect(found.topics[0]!.partitions[0]!.committedOffset).toBe(i);
      }
    }
    const all = groups.flatMap((groupId) => [groupId, `${groupId}-simple`]).toSorted();
    for (const client of connections) {
      const listed = await client.call(listGroupsApi, 4, { statesFilter: [] });
      expect(listed.groups.map(({ groupId }) => groupId).toSorted()).toEqual(all);
      const described = await client.call(describeGroupsApi, 5, { groups });
      expect(described.groups.map(({ errorCode }) => errorCode)).toEqual([NONE, NONE]);
    }
  });
});
