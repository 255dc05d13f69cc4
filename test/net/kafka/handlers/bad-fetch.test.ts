// Fetch requests that ask for what is not there: Kafka's error for each at once, however long they would wait, and the
// same connection goes on.

import { ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import {
  brokerKinds,
  DEADLINE_MS,
  fetch,
  fetchRequest,
  framed,
  produce,
  type RawClient,
  requestFrame,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const UNKNOWN_LEADER_EPOCH = 75;
const UNKNOWN_TOPIC_ID = 100;

/** An error does not wait: these would, far beyond the deadline. */
const PATIENT = { maxWaitMs: DEADLINE_MS * 10, minBytes: 1 << 20 };

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topicId: string;

  beforeAll(async () => {
    broker = await startTestBroker({ kind, config: { 'ringlog.fsync': 'never' } });
    topicId = await broker.createTopic('t', 2);
    await broker.ask((one) => produce(one, 't', textBatch(['a', 'b', 'c'])));
  });
  beforeEach(async () => {
    client = await broker.client();
  });
  afterAll(() => broker.stop());

  async function goesOn(): Promise<void> {
    const { errorCode, highWatermark, records } = await fetch(client, 't');
    expect({ errorCode, highWatermark }).toEqual({ errorCode: 0, highWatermark: 3 });
    expect(records!.length).toBeGreaterThan(0);
    await broker.ask((other) => fetch(other, 't'));
  }

  test.each([
    ['a topic nobody created', 'missing', {}, UNKNOWN_TOPIC_OR_PARTITION],
    ['a topic without a name', '', {}, UNKNOWN_TOPIC_OR_PARTITION],
    ['a partition beyond the last', 't', { partition: 2 }, UNKNOWN_TOPIC_OR_PARTITION],
    ['a negative partition', 't', { partition: -1 }, UNKNOWN_TOPIC_OR_PARTITION],
    ['the greatest partition', 't', { partition: 0x7fff_ffff }, UNKNOWN_TOPIC_OR_PARTITION],
    ['an offset beyond the end', 't', { offset: 4 }, OFFSET_OUT_OF_RANGE],
    ['the greatest offset', 't', { offset: Number.MAX_SAFE_INTEGER }, OFFSET_OUT_OF_RANGE],
    ['a negative offset', 't', { offset: -1 }, OFFSET_OUT_OF_RANGE],
    ['an epoch to come', 't', { leaderEpoch: 1 }, UNKNOWN_LEADER_EPOCH],
  ])('%s', async (_name, topic, ask, error) => {
    const { errorCode, records } = await fetch(client, topic, { ...PATIENT, ...ask });
    expect(errorCode).toBe(error);
    expect(records?.length ?? 0).toBe(0);
    await goesOn();
  });

  test('the leader epoch as it is', async () => {
    expect((await fetch(client, 't', { leaderEpoch: 0 })).errorCode).toBe(0);
  });

  test('a topic id nobody knows, beside one that is known', async () => {
    const unknown = Buffer.alloc(16, 9).toString('base64url');
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }];
    const answer = await client.call(fetchApi, 13, {
      ...PATIENT,
      topics: [
        { topicId: unknown, partitions },
        { topicId, partitions },
      ],
    });
    expect(answer.responses.map((one) => [one.topicId, one.partitions[0]!.errorCode])).toEqual([
      [unknown, UNKNOWN_TOPIC_ID],
      [topicId, 0],
    ]);
    expect(answer.responses[1]!.partitions[0]!.records!.length).toBeGreaterThan(0);
    await goesOn();
  });

  test('two hundred unknown topics with the longest names there can be', async () => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }];
    const topics = Array.from({ length: 200 }, (_, i) => ({ topic: `${'n'.repeat(0x7fff - 4)}${String(i).padStart(4, '0')}`, partitions }));
    const answer = await client.call(fetchApi, 12, { ...fetchRequest('t', PATIENT), topics });
    expect(answer.responses.map(({ topic }) => topic)).toEqual(topics.map(({ topic }) => topic));
    expect(answer.responses.every((one) => one.partitions[0]!.errorCode === UNKNOWN_TOPIC_OR_PARTITION)).toBe(true);
    await goesOn();
  });

  test('sixty thousand partitions, with records among them', async () => {
    const partitions = Array.from({ length: 60_000 }, (_, i) => ({
      partition: i === 30_000 ? 0 : i + 10,
      fetchOffset: 0,
      partitionMaxBytes: 1 << 10,
    }));
    const answer = await client.call(fetchApi, 12, { ...fetchRequest('t', PATIENT), topics: [{ topic: 't', partitions }] });
    const answered = answer.responses[0]!.partitions;
    expect(answered.map(({ partitionIndex }) => partitionIndex)).toEqual(partitions.map(({ partition }) => partition));
    expect(answered[30_000]).toMatchObject({ errorCode: 0, highWatermark: 3 });
    expect(answered[30_000]!.records!.length).toBeGreaterThan(61);
    await goesOn();
  });

  test('a malformed request leaves sessions as they were', async () => {
    const session = { maxWaitMs: 0, sessionEpoch: 0 };
    const opened = await client.call(fetchApi, 12, { ...fetchRequest('t'), ...session, sessionId: 0 });
    expect(opened.sessionId).toBeGreaterThan(0);
    // The last byte of the body is missing, behind a valid partition that the session would have got.
    const next = { ...fetchRequest('t', { partition: 1 }), sessionId: opened.sessionId, sessionEpoch: 1 };
    const frame = requestFrame(fetchApi, 12, next);
    await client.send(framed(frame.subarray(4, frame.length - 1)));
    await client.closed();
    await broker.logged(/malformed/);
    const again = { maxWaitMs: 0, minBytes: 0, topics: [], forgottenTopicsData: [], sessionId: opened.sessionId, sessionEpoch: 1 };
    client = await broker.client();
    let answer = await client.call(fetchApi, 12, again);
    // Behind one port for all shards a session is known to the shard that its connection fell to: try until it is that one.
    for (let attempt = 0; answer.errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND && attempt < 50; attempt++) {
      client.destroy();
      client = await broker.client();
      answer = await client.call(fetchApi, 12, again);
    }
    expect(answer.errorCode).toBe(0);
    await goesOn();
  });

  test('more partitions than one request may name', async () => {
    const partitions = Array.from({ length: 250_000 }, (_, partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 }));
    client.request(fetchApi, 12, { ...fetchRequest('t', PATIENT), topics: [{ topic: 't', partitions }] });
    await client.closed();
    await broker.logged(/more array elements than one request may have/);
    client = await broker.client();
    await goesOn();
  });

  test('limits without sense give nothing and hurt nobody', async () => {
    for (const limits of [
      { maxBytes: 0, partitionMaxBytes: 0, minBytes: 0 },
      { maxBytes: -1, partitionMaxBytes: -1, minBytes: -1, maxWaitMs: -1 },
      { maxBytes: 0x7fff_ffff, partitionMaxBytes: 0x7fff_ffff, minBytes: 0x7fff_ffff, maxWaitMs: 1 },
    ]) {
      expect((await fetch(client, 't', limits)).errorCode).toBe(0);
    }
    await goesOn();
  });
});
