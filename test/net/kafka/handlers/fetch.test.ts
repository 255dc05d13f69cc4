// Fetch as clients rely on it: when it answers, how much, and in which order among the other requests of a connection.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deleteTopicsApi } from '../../../../src/net/kafka/schema/generated/delete-topics.ts';
import { describeClusterApi } from '../../../../src/net/kafka/schema/generated/describe-cluster.ts';
import { fetchApi } from '../../../../src/net/kafka/schema/generated/fetch.ts';
import { metadataApi } from '../../../../src/net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import {
  DEADLINE_MS,
  eventually,
  fetch,
  fetchRequest,
  produce,
  produceRequest,
  type RawClient,
  brokerKinds,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

/** Longer than any test waits: who answers before was woken. */
const FOR_EVER_MS = DEADLINE_MS * 20;

/** The batch as the log keeps it: with its offset and the leader's epoch. */
function stored(batch: Uint8Array, offset: number): Buffer {
  const bytes = Buffer.from(batch);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeInt32BE(0, 12);
  return bytes;
}

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topic = '';
  let made = 0;

  beforeAll(async () => {
    broker = await startTestBroker({ kind, config: { 'ringlog.fsync': 'never' } });
  });
  beforeEach(async () => {
    client = await broker.client();
    topic = `t${made++}`;
    await broker.createTopic(topic, 3);
  });
  afterAll(() => broker.stop());

  const append = (batch: Uint8Array, partition = 0): Promise<unknown> => broker.ask((one) => produce(one, topic, batch, { partition }));

  /** A topic whose partitions one request can name, whoever leads them. */
  async function together(): Promise<void> {
    topic = `t${made++}`;
    await broker.createTopic(topic, 3, {}, true);
  }

  /** Nothing is on its way: the broker has seen the request and has answered others since. */
  async function staysParked(): Promise<void> {
    for (let i = 0; i < 3; i++) await broker.ask((one) => one.call(metadataApi, 12, { topics: [] }));
    expect(client.takeFrame()).toBeNull();
  }

  test('what was appended comes back byte for byte', async () => {
    const batches = [textBatch(['a']), textBatch(['b', 'c']), textBatch(['d'.repeat(300_000)]), textBatch(['e'])];
    for (const batch of batches) await append(batch);
    const { records, highWatermark } = await fetch(client, topic);
    const wanted = [stored(batches[0]!, 0), stored(batches[1]!, 1), stored(batches[2]!, 3), stored(batches[3]!, 4)];
    expect(highWatermark).toBe(5);
    expect(Buffer.from(records!).equals(Buffer.concat(wanted))).toBe(true);
  });

  test('from the middle of a batch: the whole batch', async () => {
    await append(textBatch(['a', 'b', 'c']));
    const second = textBatch(['d', 'e']);
    await append(second);
    expect(Buffer.from((await fetch(client, topic, { offset: 4 })).records!).equals(stored(second, 3))).toBe(true);
  });

  test('at the end of the log without patience: empty, with the high watermark', async () => {
    await append(textBatch(['a']));
    expect(await fetch(client, topic, { offset: 1 })).toMatchObject({
      errorCode: 0,
      highWatermark: 1,
      lastStableOffset: 1,
      logStartOffset: 0,
    });
  });

  test('a parked fetch is woken by an append', async () => {
    const id = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    await staysParked();
    const batch = textBatch(['news']);
    await append(batch);
    const answer = await client.answer(fetchApi, 12, id);
    expect(Buffer.from(answer.responses[0]!.partitions[0]!.records!).equals(stored(batch, 0))).toBe(true);
  });

  test('three hundred times woken: nothing is lost or doubled', async () => {
    const producer = await broker.client();
    for (let offset = 0; offset < 300; offset++) {
      const id = client.request(fetchApi, 12, fetchRequest(topic, { offset, maxWaitMs: FOR_EVER_MS }));
      const batch = textBatch([`record ${offset} ${'.'.repeat(offset)}`]);
      await produce(producer, topic, batch);
      const { records } = (await client.answer(fetchApi, 12, id)).responses[0]!.partitions[0]!;
      expect(Buffer.from(records!).equals(stored(batch, offset))).toBe(true);
    }
  });

  test('a parked fetch is not woken by another partition', async () => {
    const id = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    await append(textBatch(['elsewhere']), 1);
    await staysParked();
    await append(textBatch(['here']));
    expect((await client.answer(fetchApi, 12, id)).responses[0]!.partitions[0]!.highWatermark).toBe(1);
  });

  test('a parked fetch gives up after max wait, not before', async () => {
    const waited = async (): Promise<number> => {
      const started = performance.now();
      const { errorCode, records } = await fetch(client, topic, { maxWaitMs: 150 });
      expect([errorCode, records?.length ?? 0]).toEqual([0, 0]);
      return performance.now() - started;
    };
    // A thread that loses the CPU between its look at the clock and its look at the sockets waits less by that: not each time.
    await eventually(
      async () => ((await waited()) >= 145 ? true : undefined),
      () => 'every one gave up early',
    );
  });

  test('min bytes: parked until enough is there', async () => {
    const one = textBatch(['x'.repeat(100)]);
    const id = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS, minBytes: one.length * 2 }));
    await append(one);
    await staysParked();
    await append(one);
    expect((await client.answer(fetchApi, 12, id)).responses[0]!.partitions[0]!.records!.length).toBe(one.length * 2);
  });

  test('min bytes, and max wait passes first: what there is', async () => {
    const one = textBatch(['x']);
    await append(one);
    expect((await fetch(client, topic, { maxWaitMs: 50, minBytes: 1 << 20 })).records!.length).toBe(one.length);
  });

  test('min bytes over several partitions together', async () => {
    const one = textBatch(['x'.repeat(100)]);
    await together();
    const partitions = [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 20 }));
    const request = { ...fetchRequest(topic, { maxWaitMs: FOR_EVER_MS, minBytes: one.length * 2 }), topics: [{ topic, partitions }] };
    const id = client.request(fetchApi, 12, request);
    await append(one, 2);
    await staysParked();
    await append(one, 1);
    const answered = (await client.answer(fetchApi, 12, id)).responses[0]!.partitions;
    expect(answered.map(({ records }) => records?.length ?? 0)).toEqual([0, one.length, one.length]);
  });

  test('partition max bytes: the first batch whole, later ones only as they fit', async () => {
    const batch = textBatch(['x'.repeat(1000)]);
    for (let i = 0; i < 5; i++) await append(batch);
    expect((await fetch(client, topic, { partitionMaxBytes: 1 })).records!.length).toBe(batch.length);
    expect((await fetch(client, topic, { partitionMaxBytes: batch.length })).records!.length).toBe(batch.length);
    const { records } = await fetch(client, topic, { partitionMaxBytes: batch.length * 2 + 10 });
    expect(records!.length).toBeLessThanOrEqual(batch.length * 2 + 10);
    expect(records!.length).toBeGreaterThanOrEqual(batch.length * 2);
  });

  test('response max bytes: only the first batch of all is always whole', async () => {
    await together();
    const batch = textBatch(['x'.repeat(1000)]);
    for (const partition of [0, 1, 2]) await append(batch, partition);
    const partitions = [0, 1, 2].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 20 }));
    const sizes = async (maxBytes: number): Promise<number[]> => {
      const answer = await client.call(fetchApi, 12, { ...fetchRequest(topic, { maxBytes }), topics: [{ topic, partitions }] });
      return answer.responses[0]!.partitions.map(({ records }) => records?.length ?? 0);
    };
    expect(await sizes(1)).toEqual([batch.length, 0, 0]);
    expect(await sizes(batch.length * 2)).toEqual([batch.length, batch.length, 0]);
    expect(await sizes(1 << 20)).toEqual([batch.length, batch.length, batch.length]);
  });

  test('by topic id', async () => {
    const { topicId } = (await client.call(metadataApi, 12, { topics: [{ name: topic }] })).topics[0]!;
    const batch = textBatch(['by id']);
    await append(batch);
    const topics = [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }];
    for (const version of [13, 14, 15, 16, 17, 18]) {
      const answer = await client.call(fetchApi, version, { maxWaitMs: 0, minBytes: 1, topics });
      expect(answer.responses[0]!.topicId).toBe(topicId);
      expect(Buffer.from(answer.responses[0]!.partitions[0]!.records!).equals(stored(batch, 0))).toBe(true);
    }
  });

  test('a parked fetch whose topic is deleted is told so', async () => {
    const id = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    await staysParked();
    await broker.ask((one) => one.call(deleteTopicsApi, 5, { topicNames: [topic], timeoutMs: 1000 }));
    expect((await client.answer(fetchApi, 12, id)).responses[0]!.partitions[0]!.errorCode).toBe(3);
  });

  test('a client that leaves its parked fetch behind', async () => {
    client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    await staysParked();
    client.destroy();
    await append(textBatch(['nobody waits']));
    expect((await broker.ask((one) => fetch(one, topic))).highWatermark).toBe(1);
  });

  test('requests of all kinds in one packet are answered in their order, behind a parked fetch', async () => {
    const batch = textBatch(['p']);
    client = await broker.leaderClient(topic);
    const parked = client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: FOR_EVER_MS }));
    const metadata = client.request(metadataApi, 12, { topics: [{ name: topic }] });
    // This one is not answered before the fetch it wakes.
    const produced = client.request(produceApi, 9, produceRequest(topic, batch, { acks: -1 }));
    const fetched = client.request(fetchApi, 12, fetchRequest(topic));
    const described = client.request(describeClusterApi, 0, { includeClusterAuthorizedOperations: false });
    expect((await client.answer(fetchApi, 12, parked)).responses[0]!.partitions[0]!.records!.length).toBe(batch.length);
    expect((await client.answer(metadataApi, 12, metadata)).topics[0]!.name).toBe(topic);
    expect((await client.answer(produceApi, 9, produced)).responses[0]!.partitionResponses[0]!.baseOffset).toBe(0);
    expect((await client.answer(fetchApi, 12, fetched)).responses[0]!.partitions[0]!.highWatermark).toBe(1);
    expect((await client.answer(describeClusterApi, 0, described)).errorCode).toBe(0);
  });

  test('more requests at once than a connection may have in line', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 3000; i++) {
      ids.push(
        i % 2 === 0 ? client.request(metadataApi, 12, { topics: [] }) : client.request(fetchApi, 12, fetchRequest(topic, { maxWaitMs: 1 })),
      );
    }
    for (const [i, id] of ids.entries()) {
      if (i % 2 === 0) await client.answer(metadataApi, 12, id);
      else await client.answer(fetchApi, 12, id);
    }
  });
});
