// The leader epoch a client believes in, older and newer than the leader's: FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH
// from every API that checks it. An epoch rises when a partition moves, here by a start with fewer shards.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listOffsetsApi } from '../../../../src/net/kafka/schema/generated/list-offsets.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { offsetForLeaderEpochApi } from '../../../../src/net/kafka/schema/generated/offset-for-leader-epoch.ts';
import {
  topologyKinds,
  DEADLINE_MS,
  fetch,
  produce,
  type RawClient,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

const NONE = 0;
const FENCED_LEADER_EPOCH = 74;
const UNKNOWN_LEADER_EPOCH = 75;

describe.each(topologyKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let partition = -1;

  beforeAll(async () => {
    const before = await startTestBroker({ kind: 'per-shard', config: { 'ringlog.shards': '3' } });
    await before.createTopic('t', 4);
    for (const index of [0, 1, 2, 3]) await before.ask((one) => produce(one, 't', textBatch(['a']), { partition: index, acks: -1 }));
    await before.halt();
    // What the third node led has moved.
    broker = await startTestBroker({ kind, dir: before.dir });
    client = await broker.client();
    const { topics } = await client.call(metadataApi, 12, { topics: [{ name: 't' }] });
    partition = topics[0]!.partitions.find(({ leaderEpoch }) => leaderEpoch === 1)?.partitionIndex ?? -1;
    expect(partition).toBeGreaterThanOrEqual(0);
  });
  afterAll(() => broker.stop());

  const cases = [
    ['the one before', 0, FENCED_LEADER_EPOCH],
    ['its own', 1, NONE],
    ['the one to come', 2, UNKNOWN_LEADER_EPOCH],
    ['none', -1, NONE],
  ] as const;

  test.each(cases)('Fetch with %s', async (_name, leaderEpoch, error) => {
    // An error does not wait.
    const maxWaitMs = error === NONE ? 0 : DEADLINE_MS * 10;
    const answer = await fetch(client, 't', { partition, leaderEpoch, maxWaitMs, minBytes: 1 << 20 });
    expect(answer.errorCode).toBe(error);
    expect((answer.records?.length ?? 0) > 0).toBe(error === NONE);
  });

  test.each(cases)('ListOffsets with %s', async (_name, currentLeaderEpoch, error) => {
    for (const timestamp of [-1, -2, -3, 0]) {
      const topics = [{ name: 't', partitions: [{ partitionIndex: partition, currentLeaderEpoch, timestamp }] }];
      const answer = await client.call(listOffsetsApi, 7, { replicaId: -1, isolationLevel: 0, topics });
      expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(error);
    }
  });

  test.each(cases)('OffsetForLeaderEpoch with %s', async (_name, currentLeaderEpoch, error) => {
    const topics = [{ topic: 't', partitions: [{ partition, currentLeaderEpoch, leaderEpoch: 0 }] }];
    const answer = await client.call(offsetForLeaderEpochApi, 4, { replicaId: -1, topics });
    const ended = error === NONE ? { leaderEpoch: 0, endOffset: 1 } : { leaderEpoch: -1, endOffset: -1 };
    expect(answer.topics[0]!.partitions[0]).toMatchObject({ errorCode: error, ...ended });
  });
});
