// Requests sent behind others on one connection, before those are answered: each sees what the ones before it did.
//
// Kafka does one request of a connection at a time (it mutes the channel until the answer is out). Here only Produce and
// Fetch start at once; everything else waits for its turn.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { coordinatorPartitionIndex } from '../../../../src/engine/coordinator/coordinator-partition-index.ts';
import { createTopicsApi } from '../../../../src/net/kafka/schema/generated/create-topics.ts';
import { deleteRecordsApi } from '../../../../src/net/kafka/schema/generated/delete-records.ts';
import { describeGroupsApi } from '../../../../src/net/kafka/schema/generated/describe-groups.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { findCoordinatorApi } from '../../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { heartbeatApi } from '../../../../src/net/kafka/schema/generated/heartbeat.ts';
import { joinGroupApi } from '../../../../src/net/kafka/schema/generated/join-group.ts';
import { listOffsetsApi } from '../../../../src/net/kafka/schema/generated/list-offsets.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetCommitApi } from '../../../../src/net/kafka/schema/generated/offset-commit.ts';
import { offsetFetchApi } from '../../../../src/net/kafka/schema/generated/offset-fetch.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import { syncGroupApi } from '../../../../src/net/kafka/schema/generated/sync-group.ts';
import {
  brokerKinds,
  DEADLINE_MS,
  fetchRequest,
  produce,
  produceRequest,
  type RawClient,
  requestFrame,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

const FOR_EVER_MS = DEADLINE_MS * 20;

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topic = '';
  let made = 0;

  beforeAll(async () => {
    broker = await startTestBroker({ kind });
  });
  beforeEach(async () => {
    topic = `t${made++}`;
    await broker.createTopic(topic);
    client = await broker.leaderClient(topic);
  });
  afterAll(() => broker.stop());

  const latest = () => ({
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  });
  const topicNames = async (): Promise<(string | null)[]> =>
    (await broker.ask((one) => one.call(metadataApi, 12, { topics: null }))).topics.map(({ name }) => name);

  test.each([1, -1])('ListOffsets behind a Produce with acks=%i tells the end with its records', async (acks) => {
    for (let end = 1; end <= 50; end++) {
      // One packet, so that both are there in one tick.
      const frames = [
        requestFrame(produceApi, 9, produceRequest(topic, textBatch(['x']), { acks }), 1),
        requestFrame(listOffsetsApi, 7, latest(), 2),
      ];
      await client.send(Buffer.concat(frames));
      expect((await client.answer(produceApi, 9, 1)).responses[0]!.partitionResponses[0]).toMatchObject({
        errorCode: 0,
        baseOffset: end - 1,
      });
      expect((await client.answer(listOffsetsApi, 7, 2)).topics[0]!.partitions[0]!.offset).toBe(end);
    }
  });

  test('DeleteRecords between two ListOffsets, behind a Produce', async () => {
    const range = { ...latest(), topics: [{ name: topic, partitions: [-2, -1].map((timestamp) => ({ partitionIndex: 0, timestamp })) }] };
    const emptied = { topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: -1 }] }], timeoutMs: 1000 };
    const frames = [
      requestFrame(produceApi, 9, produceRequest(topic, textBatch(['a', 'b']), { acks: -1 }), 1),
      requestFrame(listOffsetsApi, 7, range, 2),
      requestFrame(deleteRecordsApi, 2, emptied, 3),
      requestFrame(listOffsetsApi, 7, range, 4),
    ];
    await client.send(Buffer.concat(frames));
    await client.answer(produceApi, 9, 1);
    expect((await client.answer(listOffsetsApi, 7, 2)).topics[0]!.partitions.map(({ offset }) => offset)).toEqual([0, 2]);
    expect((await client.answer(deleteRecordsApi, 2, 3)).topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: 2 });
    expect((await client.answer(listOffsetsApi, 7, 4)).topics[0]!.partitions.map(({ offset }) => offset)).toEqual([2, 2]);
  });

  test('behind a parked Fetch nothing begins until it has answered', async () => {
    const parked = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    const named = client.request(metadataApi, 12, { topics: [{ name: `${topic}-by-metadata` }], allowAutoTopicCreation: true });
    const row = { name: `${topic}-created`, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    const created = client.request(createTopicsApi, 7, { topics: [row] });
    for (let i = 0; i < 5; i++) expect(await topicNames()).not.toContain(`${topic}-by-metadata`);
    await broker.ask((one) => produce(one, topic, textBatch(['wake'])));
    expect((await client.answer(fetchApi, 12, parked)).responses[0]!.partitions[0]!.highWatermark).toBe(1);
    expect((await client.answer(metadataApi, 12, named)).topics[0]!.errorCode).toBe(0);
    expect((await client.answer(createTopicsApi, 7, created)).topics[0]!.errorCode).toBe(0);
    expect(await topicNames()).toEqual(expect.arrayContaining([`${topic}-by-metadata`, `${topic}-created`]));
  });

  test('what waits behind a Fetch of a client that left is done all the same', async () => {
    const row = { name: `${topic}-last-will`, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    await client.send(requestFrame(createTopicsApi, 7, { topics: [row] }));
    for (let i = 0; i < 3; i++) await topicNames();
    client.destroy();
    await expect.poll(topicNames, { timeout: DEADLINE_MS }).toContain(`${topic}-last-will`);
  });

  test('more than may wait stays in the socket, and is answered in order later', async () => {
    const parked = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    const groups = ['a', 'b', 'c'].map((letter) => letter.repeat(32_000));
    const ids = Array.from({ length: 200 }, (_, i) => i);
    let sent = 0;
    const sending = (async () => {
      for (const id of ids) {
        await client.send(requestFrame(describeGroupsApi, 5, { groups }, id));
        sent++;
      }
    })();
    // In every round trip the broker could have read more; what it leaves fills the kernel's buffers.
    for (let before = -1, same = 0; same < 20; same = sent === before ? same + 1 : 0) {
      before = sent;
      await broker.ask((one) => one.call(metadataApi, 12, { topics: [] }));
    }
    expect(sent).toBeLessThan(ids.length);
    await broker.ask((one) => produce(one, topic, textBatch(['wake'])));
    await client.answer(fetchApi, 12, parked);
    for (const id of ids) expect((await client.answer(describeGroupsApi, 5, id)).groups).toHaveLength(3);
    await sending;
  });

  describe('groups', () => {
    const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
    const groupId = 'g';
    const join = (memberId: string) => ({
      groupId,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      memberId,
      protocolType: 'consumer',
      protocols,
    });
    let coordinator: RawClient;
    let second: RawClient;

    beforeAll(async () => {
      const { coordinators } = await broker.ask((one) => one.call(findCoordinatorApi, 4, { coordinatorKeys: [groupId] }));
      const open = async (): Promise<RawClient> => {
        const clients = await broker.nodeClients();
        return clients[broker.running.facts.addresses.findIndex(({ nodeId }) => nodeId === coordinators[0]!.nodeId)]!;
      };
      coordinator = await open();
      second = await open();
    });

    test('Heartbeat behind a JoinGroup that waits for another member', async () => {
      const first = await coordinator.call(joinGroupApi, 3, join(''));
      const { memberId } = first;
      const assignments = [{ memberId, assignment: Buffer.from('a') }];
      await coordinator.call(syncGroupApi, 3, { groupId, generationId: 1, memberId, assignments });
      // The group is stable: the second member waits until the first has joined again, and then is generation 2.
      const joining = second.request(joinGroupApi, 3, join(''));
      const beating = second.request(heartbeatApi, 3, { groupId, generationId: 2, memberId });
      await expect
        .poll(async () => (await coordinator.call(heartbeatApi, 3, { groupId, generationId: 1, memberId })).errorCode, {
          timeout: DEADLINE_MS,
        })
        .toBe(27);
      expect(second.takeFrame()).toBeNull();
      expect(await coordinator.call(joinGroupApi, 3, join(memberId))).toMatchObject({ errorCode: 0, generationId: 2 });
      expect(await second.answer(joinGroupApi, 3, joining)).toMatchObject({ errorCode: 0, generationId: 2 });
      // Asked before the generation was made, it would have been an unknown one.
      expect((await second.answer(heartbeatApi, 3, beating)).errorCode).toBe(0);
    });

    test('OffsetFetch behind an OffsetCommit tells what was committed', async () => {
      // Without members, and with the same coordinator.
      const same = Array.from({ length: 100 }, (_, i) => `simple-${i}`).find(
        (name) => coordinatorPartitionIndex(name, 2) === coordinatorPartitionIndex(groupId, 2),
      )!;
      for (let offset = 1; offset <= 20; offset++) {
        const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }];
        const committed = coordinator.request(offsetCommitApi, 8, { groupId: same, memberId: '', topics: [{ name: topic, partitions }] });
        const fetched = coordinator.request(offsetFetchApi, 7, { groupId: same, topics: [{ name: topic, partitionIndexes: [0] }] });
        const errorCode = (await coordinator.answer(offsetCommitApi, 8, committed)).topics[0]!.partitions[0]!.errorCode;
        const { partitions: found } = (await coordinator.answer(offsetFetchApi, 7, fetched)).topics[0] ?? { partitions: [] };
        expect(errorCode).toBe(0);
        expect(found[0]!.committedOffset).toBe(offset);
      }
    });
  });
});
