// The batch header flyweight reads every field, and patches only what lies outside the CRC.
import { assert, bigInt, maxSafeInteger, property } from 'fast-check';
import { expect, test } from 'vitest';
import { portableCrc32c } from '../../../src/engine/base/crc32c.ts';
import { BatchHeader, readInt64, writeInt64 } from '../../../src/engine/record/batch-header.ts';
import { sampleBatch, sampleRecords } from './sample-batch.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('reads every field', () => {
  const bytes = Buffer.concat([
    Buffer.alloc(3),
    sampleBatch({
      baseOffset: 5_000_000_000n,
      leaderEpoch: 7,
      attributes: 0x38 | 4,
      records: sampleRecords(4),
      producerId: 1234n,
      producerEpoch: 3,
      baseSequence: 2 ** 31 - 2,
    }),
  ]);
  const header = new BatchHeader(new DataView(new ArrayBuffer(61))).wrap(viewOf(bytes), 3);
  expect(header.sizeBytes).toBe(bytes.length - 3);
  expect(header.baseOffset).toBe(5_000_000_000);
  expect(header.lastOffset).toBe(5_000_000_003);
  expect(header.leaderEpoch).toBe(7);
  expect(header.magic).toBe(2);
  expect(header.crc).toBe(portableCrc32c(bytes, 24, bytes.length - 24));
  expect(header.codec).toBe(4);
  expect([header.isTransactional, header.isControl, header.usesLogAppendTime]).toEqual([true, true, true]);
  expect(header.baseTimestamp).toBe(1_700_000_000_000);
  expect(header.maxTimestamp).toBe(1_700_000_000_004);
  expect([header.producerId, header.producerEpoch, header.baseSequence]).toEqual([1234, 3, 2 ** 31 - 2]);
  // Sequences wrap from 2^31-1 to 0.
  expect(header.lastSequence).toBe(1);
  expect(header.recordCount).toBe(4);
});

test('a batch without a producer has no last sequence', () => {
  expect(new BatchHeader(viewOf(sampleBatch())).lastSequence).toBe(-1);
});

test('assigning offset and epoch leaves the CRC right', () => {
  const bytes = sampleBatch();
  const header = new BatchHeader(viewOf(bytes));
  header.baseOffset = 2 ** 52 + 5;
  header.leaderEpoch = 12;
  expect(header.baseOffset).toBe(2 ** 52 + 5);
  expect(header.leaderEpoch).toBe(12);
  expect(header.crc).toBe(portableCrc32c(bytes, 21, bytes.length - 21));
});

test('int64 reads as the nearest number, and writes back exactly up to 2^53', () => {
  const view = new DataView(new ArrayBuffer(8));
  assert(
    property(bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      view.setBigInt64(0, value);
      expect(readInt64(view, 0)).toBe(Number(value));
    }),
  );
  assert(
    property(maxSafeInteger(), (value) => {
      writeInt64(view, 0, value);
      expect(view.getBigInt64(0)).toBe(BigInt(value));
    }),
  );
});
