// Produce requests with something wrong in them: Kafka's error for each, nothing appended, and the next good request on
// the same connection is stored. Both reactors, because each walks batches with code of its own.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { crc32c } from '../../../../src/engine/base/crc32c.ts';
import { BatchAttribute, BatchField, writeInt64 } from '../../../../src/engine/record/batch-header.ts';
import { produceApi } from '../../../../src/net/kafka/schema/generated/produce.ts';
import {
  fetch,
  produce,
  produceRequest,
  type RawClient,
  brokerKinds,
  startTestBroker,
  type TestBroker,
  textBatch,
} from '../../../support/broker.ts';

const NONE = 0;
const CORRUPT_MESSAGE = 2;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const MESSAGE_TOO_LARGE = 10;
const INVALID_REQUIRED_ACKS = 21;
const INVALID_TIMESTAMP = 32;
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45;
const INVALID_PRODUCER_EPOCH = 47;
const INVALID_TXN_STATE = 48;
const UNSUPPORTED_COMPRESSION_TYPE = 76;
const INVALID_RECORD = 87;
const UNKNOWN_TOPIC_ID = 100;

/** The batch with something written over it; its checksum made right again. */
function altered(batch: Uint8Array, change: (view: DataView, bytes: Uint8Array) => void, sealed = true): Uint8Array {
  const bytes = Uint8Array.from(batch);
  const view = new DataView(bytes.buffer);
  change(view, bytes);
  if (sealed) view.setUint32(BatchField.CRC, crc32c(bytes, BatchField.ATTRIBUTES, bytes.length - BatchField.ATTRIBUTES));
  return bytes;
}

const good = textBatch(['one', 'two', 'three']);
/** First record of `good`: length, attributes, timestamp delta, offset delta, key length, value length. */
const RECORD = 61;

const badBatches: readonly (readonly [name: string, error: number, records: Uint8Array | null])[] = [
  ['no records', INVALID_RECORD, null],
  ['empty records', INVALID_RECORD, new Uint8Array(0)],
  ['rubbish', CORRUPT_MESSAGE, new Uint8Array(200).fill(0x55)],
  ['a batch shorter than its header', CORRUPT_MESSAGE, good.subarray(0, 60)],
  ['a batch cut at its end', CORRUPT_MESSAGE, good.subarray(0, good.length - 1)],
  ['rubbish behind a batch', CORRUPT_MESSAGE, Buffer.concat([good, Buffer.alloc(9)])],
  ['a batch length of zero', CORRUPT_MESSAGE, altered(good, (view) => view.setInt32(BatchField.LENGTH, 0), false)],
  ['a negative batch length', CORRUPT_MESSAGE, altered(good, (view) => view.setInt32(BatchField.LENGTH, -1), false)],
  ['a batch length one too small', CORRUPT_MESSAGE, altered(good, (view) => view.setInt32(BatchField.LENGTH, good.length - 13), false)],
  ['a wrong checksum', CORRUPT_MESSAGE, altered(good, (view) => view.setUint32(BatchField.CRC, view.getUint32(BatchField.CRC) ^ 1), false)],
  ['a flipped bit in a record', CORRUPT_MESSAGE, altered(good, (_view, bytes) => void (bytes[70]! ^= 4), false)],
  ['magic 0', INVALID_RECORD, altered(good, (view) => view.setInt8(BatchField.MAGIC, 0))],
  ['magic 1', INVALID_RECORD, altered(good, (view) => view.setInt8(BatchField.MAGIC, 1))],
  ['a short message of magic 0', INVALID_RECORD, oldMessage(0)],
  ['a short message of magic 1', INVALID_RECORD, oldMessage(1)],
  ['magic 3', CORRUPT_MESSAGE, altered(good, (view) => view.setInt8(BatchField.MAGIC, 3))],
  ['two batches', INVALID_RECORD, Buffer.concat([good, good])],
  ['a base offset of its own', INVALID_RECORD, altered(good, (view) => writeInt64(view, BatchField.BASE_OFFSET, 7), false)],
  ['no records in a batch', INVALID_RECORD, altered(good, (view) => view.setInt32(BatchField.RECORD_COUNT, 0))],
  ['a negative record count', INVALID_RECORD, altered(good, (view) => view.setInt32(BatchField.RECORD_COUNT, -1))],
  ['a count below the last offset delta', INVALID_RECORD, altered(good, (view) => view.setInt32(BatchField.RECORD_COUNT, 2))],
  ['a last offset delta above the count', INVALID_RECORD, altered(good, (view) => view.setInt32(BatchField.LAST_OFFSET_DELTA, 3))],
  ['a negative last offset delta', INVALID_RECORD, altered(good, (view) => view.setInt32(BatchField.LAST_OFFSET_DELTA, -1))],
  ['more records announced than there are', INVALID_RECORD, recount(4)],
  ['fewer records announced than there are', INVALID_RECORD, recount(2)],
  ['two billion records announced', INVALID_RECORD, recount(0x7fff_ffff)],
  ['a record of negative length', INVALID_RECORD, altered(good, (_view, bytes) => void (bytes[RECORD] = 1))],
  ['a record longer than its batch', INVALID_RECORD, altered(good, (_view, bytes) => void (bytes[RECORD] = 0x7e))],
  ['offset deltas out of order', INVALID_RECORD, altered(good, (_view, bytes) => void (bytes[RECORD + 3] = 2))],
  ['an unknown codec', INVALID_RECORD, altered(good, (view) => view.setInt16(BatchField.ATTRIBUTES, 5))],
  ['reserved attributes', INVALID_RECORD, altered(good, (view) => view.setInt16(BatchField.ATTRIBUTES, 0x100))],
  ['a control batch', INVALID_RECORD, altered(good, (view) => view.setInt16(BatchField.ATTRIBUTES, BatchAttribute.CONTROL))],
  ['a transactional batch', INVALID_TXN_STATE, textBatch(['a'], { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 })],
  ['a timestamp a day ahead', INVALID_TIMESTAMP, textBatch(['a'], { timestampMs: Date.now() + 86_400_000 })],
  ['a negative timestamp', INVALID_TIMESTAMP, textBatch(['a'], { timestampMs: -7 })],
  ['log append time set by the client', INVALID_TIMESTAMP, altered(good, (view) => view.setInt16(BatchField.ATTRIBUTES, 8))],
  ['a producer id without a sequence', INVALID_RECORD, textBatch(['a'], { producerId: 9, producerEpoch: 0, baseSequence: -1 })],
  ['a producer id without an epoch', INVALID_RECORD, textBatch(['a'], { producerId: 9, producerEpoch: -1, baseSequence: 0 })],
  // What is kept of producers would not fit any file, and closing the log would fail for it.
  ['a producer id beyond 2^53', INVALID_RECORD, textBatch(['a'], { producerId: 2 ** 60, producerEpoch: 0, baseSequence: 0 })],
  ['more than max.message.bytes', MESSAGE_TOO_LARGE, textBatch(['x'.repeat(3000)])],
];

/** A message of the formats before batches, shorter than a batch's header. */
function oldMessage(magic: number): Uint8Array {
  const bytes = Buffer.alloc(40);
  bytes.writeInt32BE(bytes.length - 12, BatchField.LENGTH);
  bytes.writeInt8(magic, BatchField.MAGIC);
  return bytes;
}

function tooMany(): { index: number; records: null }[] {
  return Array.from({ length: 70_000 }, (_, index) => ({ index: index + 10, records: null }));
}

function recount(count: number): Uint8Array {
  return altered(good, (view) => {
    view.setInt32(BatchField.RECORD_COUNT, count);
    view.setInt32(BatchField.LAST_OFFSET_DELTA, count - 1);
  });
}

describe.each(brokerKinds())('%s', (kind) => {
  let broker: TestBroker;
  let client: RawClient;
  let topicId: string;
  /** What `t` should hold. */
  let end = 0;

  beforeAll(async () => {
    broker = await startTestBroker({ kind, config: { 'ringlog.fsync': 'never' } });
    topicId = await broker.createTopic('t', 2, { 'max.message.bytes': '2000' }, true);
  });
  beforeEach(async () => {
    client = await broker.client();
    end = await broker.endOffset('t');
  });
  afterAll(() => broker.stop());

  /** Nothing was appended; this connection and a new one go on. */
  async function goesOn(): Promise<void> {
    expect(await broker.endOffset('t')).toBe(end);
    const { errorCode, baseOffset } = await produce(client, 't', good);
    expect({ errorCode, baseOffset }).toEqual({ errorCode: NONE, baseOffset: end });
    end += 3;
    expect(await broker.endOffset('t')).toBe(end);
  }

  test.each(badBatches)('%s: error %i', async (_name, error, records) => {
    for (const acks of [1, -1]) {
      const answer = await produce(client, 't', records, { acks });
      expect(answer).toMatchObject({ errorCode: error, baseOffset: -1 });
    }
    await goesOn();
  });

  test.each(badBatches)('%s, acks=0: the connection closes', async (_name, _error, records) => {
    client.request(produceApi, 9, produceRequest('t', records, { acks: 0 }));
    await client.closed();
    expect(client.takeFrame()).toBeNull();
    client = await broker.client();
    await goesOn();
  });

  test('the log says why a connection closed', async () => {
    // A broker of its own: lines about bad clients are limited, and the tests before this one used them up.
    const quiet = await startTestBroker({ kind, config: { 'ringlog.fsync': 'never' } });
    try {
      await quiet.createTopic('t');
      for (const [topic, records, reason] of [
        ['t', recount(9), 't-0 failed: INVALID_RECORD'],
        ['missing', good, 'missing-0 failed: UNKNOWN_TOPIC_OR_PARTITION'],
      ] as const) {
        const one = await quiet.client();
        one.request(produceApi, 9, produceRequest(topic, records, { acks: 0 }));
        await one.closed();
        expect(await quiet.logged(new RegExp(`${topic}-0`))).toMatch(
          new RegExp(`^closed 127\\.0\\.0\\.1:\\d+: Produce with acks=0 to ${reason}$`),
        );
      }
      const large = await quiet.client();
      large.request(produceApi, 9, { acks: 1, timeoutMs: 1000, topicData: [{ name: 't', partitionData: tooMany() }] });
      await large.closed();
      await quiet.logged(/too many partitions/);
      const byId = await quiet.client();
      const topicId = Buffer.alloc(16, 7).toString('base64url');
      byId.request(produceApi, 13, { acks: 0, timeoutMs: 1000, topicData: [{ topicId, partitionData: [{ index: 3, records: good }] }] });
      await byId.closed();
      expect(await quiet.logged(/UNKNOWN_TOPIC_ID/)).toContain(`to ${topicId}-3 failed`);
    } finally {
      await quiet.stop();
    }
  });

  test.each([3, 6])('zstd in Produce version %i', async (version) => {
    const zstd = altered(good, (view) => view.setInt16(BatchField.ATTRIBUTES, 4));
    const answer = await client.call(produceApi, version, produceRequest('t', zstd));
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: UNSUPPORTED_COMPRESSION_TYPE, baseOffset: -1 });
    await goesOn();
  });

  test('a compressed batch whose header disagrees with itself', async () => {
    for (const count of [2, 4]) {
      const zipped = altered(good, (view) => {
        view.setInt16(BatchField.ATTRIBUTES, 1);
        view.setInt32(BatchField.RECORD_COUNT, count);
      });
      expect(await produce(client, 't', zipped)).toMatchObject({ errorCode: INVALID_RECORD, baseOffset: -1 });
    }
    await goesOn();
  });

  test.each([2, -2, 0x7fff])('acks=%i', async (acks) => {
    expect(await produce(client, 't', good, { acks })).toMatchObject({ errorCode: INVALID_REQUIRED_ACKS, baseOffset: -1 });
    await goesOn();
  });

  test('a topic nobody created is not created by Produce', async () => {
    expect(await produce(client, 'missing', good)).toMatchObject({ errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1 });
    expect(await produce(client, '', good)).toMatchObject({ errorCode: UNKNOWN_TOPIC_OR_PARTITION });
    await goesOn();
  });

  test('a topic id nobody knows', async () => {
    const unknown = Buffer.alloc(16, 7).toString('base64url');
    const partitionData = [{ index: 0, records: good }];
    const answer = await client.call(produceApi, 13, { acks: 1, timeoutMs: 1000, topicData: [{ topicId: unknown, partitionData }] });
    expect(answer.responses[0]!.topicId).toBe(unknown);
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: UNKNOWN_TOPIC_ID, baseOffset: -1 });
    const known = await client.call(produceApi, 13, { acks: 1, timeoutMs: 1000, topicData: [{ topicId, partitionData }] });
    expect(known.responses[0]!.topicId).toBe(topicId);
    expect(known.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: NONE, baseOffset: end });
    end += 3;
    await goesOn();
  });

  test.each([2, -1, 0x7fff_ffff, -0x8000_0000])('partition %i of two', async (partition) => {
    expect(await produce(client, 't', good, { partition })).toMatchObject({ errorCode: UNKNOWN_TOPIC_OR_PARTITION, baseOffset: -1 });
    await goesOn();
  });

  test('a transactional id without transactions', async () => {
    const answer = await client.call(produceApi, 9, { ...produceRequest('t', good), transactionalId: 'tx' });
    expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: INVALID_TXN_STATE, baseOffset: -1 });
    await goesOn();
  });

  test('good and bad entries in one request: each has its own fate', async () => {
    const records = [good, recount(9), good, null];
    const answer = await client.call(produceApi, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [
        { name: 't', partitionData: records.map((one, i) => ({ index: i % 2 === 0 ? 0 : 1, records: one })) },
        { name: 'missing', partitionData: [{ index: 0, records: good }] },
        { name: 't', partitionData: [{ index: 5, records: good }] },
      ],
    });
    expect(answer.responses.map(({ name }) => name)).toEqual(['t', 'missing', 't']);
    const outcomes = answer.responses.flatMap(({ partitionResponses }) =>
      partitionResponses.map(({ errorCode, baseOffset }) => [errorCode, baseOffset]),
    );
    expect(outcomes).toEqual([
      [NONE, end],
      [INVALID_RECORD, -1],
      [NONE, end + 3],
      [INVALID_RECORD, -1],
      [UNKNOWN_TOPIC_OR_PARTITION, -1],
      [UNKNOWN_TOPIC_OR_PARTITION, -1],
    ]);
    end += 6;
    expect(await broker.endOffset('t', 1)).toBe(0);
    await goesOn();
  });

  test('two hundred unknown topics with the longest names there can be', async () => {
    const name = (i: number): string => `${'n'.repeat(0x7fff - 4)}${String(i).padStart(4, '0')}`;
    const topicData = Array.from({ length: 200 }, (_, i) => ({ name: name(i), partitionData: [{ index: 0, records: good }] }));
    const answer = await client.call(produceApi, 9, { acks: 1, timeoutMs: 1000, topicData });
    expect(answer.responses.map((topic) => topic.name)).toEqual(topicData.map((topic) => topic.name));
    expect(answer.responses.every(({ partitionResponses }) => partitionResponses[0]!.errorCode === UNKNOWN_TOPIC_OR_PARTITION)).toBe(true);
    await goesOn();
  });

  test('more partition entries than there are descriptors', async () => {
    client.request(produceApi, 9, { acks: 1, timeoutMs: 1000, topicData: [{ name: 't', partitionData: tooMany() }] });
    await client.closed();
    client = await broker.client();
    await goesOn();
  });

  describe('idempotent producers', () => {
    /** A partition for each test. */
    let topic = '';
    let made = 0;
    beforeEach(async () => {
      topic = `idempotent-${made++}`;
      await broker.createTopic(topic);
    });

    const batch = (baseSequence: number, count = 1, producerEpoch = 0, producerId = 77): Uint8Array =>
      textBatch(
        Array.from({ length: count }, (_, i) => `${baseSequence + i}`),
        { producerId, producerEpoch, baseSequence },
      );
    const outcome = async (records: Uint8Array): Promise<[number, number]> => {
      const { errorCode, baseOffset } = await produce(client, topic, records);
      return [errorCode, baseOffset];
    };

    test('in order', async () => {
      expect(await outcome(batch(0, 2))).toEqual([NONE, 0]);
      expect(await outcome(batch(2, 3))).toEqual([NONE, 2]);
      expect(await broker.endOffset(topic)).toBe(5);
    });

    test('a gap', async () => {
      await outcome(batch(0));
      expect(await outcome(batch(2))).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1]);
      expect(await broker.endOffset(topic)).toBe(1);
      expect(await outcome(batch(1))).toEqual([NONE, 1]);
    });

    test('each of the last five batches again: its first offset, nothing appended', async () => {
      for (let i = 0; i < 7; i++) expect(await outcome(batch(i * 2, 2))).toEqual([NONE, i * 2]);
      for (let i = 2; i < 7; i++) expect(await outcome(batch(i * 2, 2))).toEqual([NONE, i * 2]);
      expect(await outcome(batch(2, 2))).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1]);
      // Same first sequence, other length: not the same batch.
      expect(await outcome(batch(12, 1))).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1]);
      expect(await broker.endOffset(topic)).toBe(14);
    });

    test('an old epoch; a new one begins at sequence 0', async () => {
      await outcome(batch(0, 1, 3));
      expect(await outcome(batch(1, 1, 2))).toEqual([INVALID_PRODUCER_EPOCH, -1]);
      expect(await outcome(batch(1, 1, 4))).toEqual([OUT_OF_ORDER_SEQUENCE_NUMBER, -1]);
      expect(await outcome(batch(0, 1, 4))).toEqual([NONE, 1]);
      expect(await outcome(batch(1, 1, 3))).toEqual([INVALID_PRODUCER_EPOCH, -1]);
      expect(await broker.endOffset(topic)).toBe(2);
    });

    test('sequences go on at 0 after the highest', async () => {
      expect(await outcome(batch(0x7fff_fffe, 3))).toEqual([NONE, 0]);
      expect(await outcome(batch(1, 1))).toEqual([NONE, 3]);
      expect(await outcome(batch(0x7fff_fffe, 3))).toEqual([NONE, 0]);
    });

    test('a retry in flight behind its original, in one write', async () => {
      const ids = [0, 0, 1, 0, 3].map((sequence) => client.request(produceApi, 9, produceRequest(topic, batch(sequence), { acks: -1 })));
      const outcomes: number[][] = [];
      for (const id of ids) {
        const { errorCode, baseOffset } = (await client.answer(produceApi, 9, id)).responses[0]!.partitionResponses[0]!;
        outcomes.push([errorCode, baseOffset]);
      }
      expect(outcomes).toEqual([
        [NONE, 0],
        [NONE, 0],
        [NONE, 1],
        [NONE, 0],
        [OUT_OF_ORDER_SEQUENCE_NUMBER, -1],
      ]);
      expect(await broker.endOffset(topic)).toBe(2);
    });
  });

  test('what was stored is what was sent, batch for batch', async () => {
    const { records } = await fetch(client, 't', { partitionMaxBytes: 1 << 24, maxBytes: 1 << 24 });
    expect(records!.length).toBe((end / 3) * good.length);
    for (let at = 0, offset = 0; at < records!.length; at += good.length, offset += 3) {
      const stored = Buffer.from(records!.subarray(at, at + good.length));
      expect(stored.readBigInt64BE(0)).toBe(BigInt(offset));
      expect(stored.readInt32BE(12)).toBe(0);
      expect(stored.subarray(16).equals(good.subarray(16))).toBe(true);
    }
  });
});
