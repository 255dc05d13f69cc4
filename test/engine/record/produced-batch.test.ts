// What a produced batch may be, and the order in which wrong ones are refused.
import { expect, test } from 'vitest';
import { BatchStatus, DESC_WORDS, Desc } from '../../../src/engine/io/tick-layout.ts';
import { describeProducedBatch } from '../../../src/engine/record/produced-batch.ts';
import { sampleBatch, sampleRecord, sampleRecords, seal, varint } from './sample-batch.ts';

function describe(records: Uint8Array): { desc: Int32Array; descF64: Float64Array } {
  const words = new ArrayBuffer(DESC_WORDS * 4 * 2);
  const desc = new Int32Array(words);
  const descF64 = new Float64Array(words);
  const arena = Buffer.concat([Buffer.alloc(5, 0xee), records]);
  const view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
  describeProducedBatch({ arena, view, desc, descF64 }, 5, records.length, DESC_WORDS);
  expect([...desc.subarray(0, DESC_WORDS)].every((word) => word === 0)).toBe(true);
  return { desc: desc.subarray(DESC_WORDS), descF64: descF64.subarray(DESC_WORDS / 2) };
}

const statusOf = (records: Uint8Array): number => describe(records).desc[Desc.STATUS]!;

/** A good batch, changed and sealed again: what is wrong is not its length or CRC. */
function statusAfter(change: (view: DataView, bytes: Uint8Array) => void, bytes = sampleBatch()): number {
  change(new DataView(bytes.buffer), bytes);
  return statusOf(seal(bytes));
}

test('describes the header', () => {
  const { desc, descF64 } = describe(
    sampleBatch({ attributes: 0x10, producerId: 2n ** 62n, producerEpoch: 4, baseSequence: 9, maxTimestamp: -(2n ** 63n), baseOffset: 8n }),
  );
  expect(desc[Desc.STATUS]).toBe(BatchStatus.OK);
  expect(desc[Desc.ATTRIBUTES]).toBe(0x10);
  expect([desc[Desc.LAST_OFFSET_DELTA], desc[Desc.RECORD_COUNT], desc[Desc.MAGIC]]).toEqual([2, 3, 2]);
  expect([desc[Desc.PRODUCER_EPOCH], desc[Desc.BASE_SEQUENCE]]).toEqual([4, 9]);
  expect(descF64[Desc.BASE_TIMESTAMP_F64]).toBe(1_700_000_000_000);
  expect(descF64[Desc.MAX_TIMESTAMP_F64]).toBe(-(2 ** 63));
  expect(descF64[Desc.PRODUCER_ID_F64]).toBe(2 ** 62);
  expect(descF64[Desc.BASE_OFFSET_F64]).toBe(8);
});

test('nothing, and less than a batch', () => {
  expect(statusOf(new Uint8Array(0))).toBe(BatchStatus.EMPTY);
  const good = sampleBatch();
  for (let length = 1; length < good.length; length++) {
    const { desc } = describe(good.subarray(0, length));
    expect(desc[Desc.STATUS]).toBe(BatchStatus.BAD_LENGTH);
    expect(desc[Desc.MAGIC]).toBe(length > 16 ? 2 : -1);
    expect(desc[Desc.RECORD_COUNT]).toBe(length >= 61 ? 3 : 0);
  }
});

test('length, magic and CRC, in this order', () => {
  for (const length of [0, 48, 0x7fffffff, -1, -2147483648]) {
    const bytes = sampleBatch();
    new DataView(bytes.buffer).setInt32(8, length);
    expect(statusOf(bytes), String(length)).toBe(BatchStatus.BAD_LENGTH);
  }
  expect(statusOf(Buffer.concat([sampleBatch(), Buffer.alloc(1)]))).toBe(BatchStatus.BAD_LENGTH);
  for (const magic of [0, 1, 3, 255]) {
    const bytes = sampleBatch();
    bytes[16] = magic;
    bytes[70]! ^= 1;
    expect(statusOf(bytes)).toBe(BatchStatus.BAD_MAGIC);
  }
  const good = sampleBatch();
  for (let at = 17; at < good.length; at++) {
    const bytes = good.slice();
    bytes[at]! ^= 0x20;
    expect(statusOf(bytes), `byte ${at}`).toBe(BatchStatus.BAD_CRC);
  }
});

test('one batch only', () => {
  const two = Buffer.concat([sampleBatch(), sampleBatch()]);
  expect(statusOf(two)).toBe(BatchStatus.SEVERAL_BATCHES);
  two[30]! ^= 1;
  expect(statusOf(two)).toBe(BatchStatus.BAD_CRC);
});

test('the count is the span of the offsets and what the body holds', () => {
  const counts = (count: number, lastOffsetDelta: number): number =>
    statusAfter((view) => {
      view.setInt32(57, count);
      view.setInt32(23, lastOffsetDelta);
    });
  expect(counts(3, 2)).toBe(BatchStatus.OK);
  for (const [count, delta] of [
    [0, -1],
    [4, 2],
    [3, 3],
    [4, 3],
    [2, 1],
    [-2147483648, 2147483647],
    [2147483647, 2147483646],
  ] as const) {
    expect(counts(count, delta), `${count}, ${delta}`).toBe(BatchStatus.BAD_COUNT);
  }
});

test('records fill the body exactly, with consecutive offset deltas', () => {
  const value = Buffer.from('value');
  const body = (...records: Uint8Array[]): number => statusOf(sampleBatch({ records, recordCount: 3, lastOffsetDelta: 2 }));
  expect(body(sampleRecord(0, value), sampleRecord(1, value), sampleRecord(2, value))).toBe(BatchStatus.OK);
  expect(body(sampleRecord(0, value), sampleRecord(0, value), sampleRecord(2, value))).toBe(BatchStatus.BAD_COUNT);
  expect(body(...sampleRecords(3), Buffer.alloc(1))).toBe(BatchStatus.BAD_COUNT);
  expect(body(...sampleRecords(2))).toBe(BatchStatus.BAD_COUNT);
  for (const length of [0, -1, 1, 2, 1000, 2147483647, -2147483648]) {
    const wrong = Buffer.concat([Uint8Array.from(varint(length)), sampleRecord(0, value).subarray(1)]);
    expect(body(wrong, sampleRecord(1, value), sampleRecord(2, value)), String(length)).toBe(BatchStatus.BAD_COUNT);
  }
  for (const overlong of [
    [0xff, 0xff, 0xff, 0xff, 0x1f],
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  ]) {
    expect(body(Uint8Array.from(overlong), ...sampleRecords(3))).toBe(BatchStatus.BAD_COUNT);
  }
});

test('a varint may be longer than it needs, and no more than five bytes or 32 bits', () => {
  const first = sampleRecord(0, Buffer.from('value'));
  const withLength = (...length: number[]): number =>
    statusOf(sampleBatch({ records: [Buffer.concat([Uint8Array.from(length), first.subarray(1)])] }));
  const low = first[0]! | 0x80;
  expect(withLength(low, 0x00)).toBe(BatchStatus.OK);
  expect(withLength(low, 0x80, 0x80, 0x80, 0x00)).toBe(BatchStatus.OK);
  expect(withLength(low, 0x80, 0x80, 0x80, 0x10)).toBe(BatchStatus.BAD_COUNT);
  expect(withLength(low, 0x80, 0x80, 0x80, 0x80, 0x00)).toBe(BatchStatus.BAD_COUNT);
});

test('a compressed body is not opened; unknown codecs and reserved bits are refused last', () => {
  const body = Buffer.from('not records at all');
  for (const codec of [1, 2, 3, 4]) expect(statusOf(sampleBatch({ attributes: codec, body }))).toBe(BatchStatus.OK);
  for (const attributes of [5, 6, 7, 0x80, 0x100, -32768]) expect(statusOf(sampleBatch({ attributes }))).toBe(BatchStatus.BAD_ATTRIBUTES);
  expect(statusOf(sampleBatch({ attributes: 0x80, body }))).toBe(BatchStatus.BAD_COUNT);
  expect(describe(sampleBatch({ attributes: -32768 })).desc[Desc.ATTRIBUTES]).toBe(-32768);
});

test('a record without a key is told of uncompressed batches, whatever its place', () => {
  const value = Buffer.from('value');
  const keylessOf = (keys: readonly (string | null)[], attributes = 0): number => {
    const records = keys.map((key, i) => sampleRecord(i, value, 0, key === null ? null : Buffer.from(key)));
    const { desc } = describe(sampleBatch({ records, attributes, recordCount: keys.length, lastOffsetDelta: keys.length - 1 }));
    expect(desc[Desc.STATUS]).toBe(BatchStatus.OK);
    return desc[Desc.KEYLESS]!;
  };
  expect(keylessOf(['a', '', 'c'])).toBe(0);
  for (const keys of [
    [null, 'b', 'c'],
    ['a', null, 'c'],
    ['a', 'b', null],
  ])
    expect(keylessOf(keys), String(keys)).toBe(1);
  expect(keylessOf(['a', 'b', 'c'])).toBe(0);
  expect(keylessOf([null], 1)).toBe(0);
});

test('a record that ends before its key is none', () => {
  const record = Uint8Array.from([...varint(3), 0, ...varint(0), ...varint(0)]);
  expect(statusOf(sampleBatch({ records: [record] }))).toBe(BatchStatus.BAD_COUNT);
});
