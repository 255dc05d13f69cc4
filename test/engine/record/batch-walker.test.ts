// Walking stored batches: every batch in order, and for anything else what it is, where, and how many bytes would help.
import { assert, integer, nat, property } from 'fast-check';
import { expect, test } from 'vitest';
import { BatchWalker, WalkStatus } from '../../../src/engine/record/batch-walker.ts';
import { sampleBatch, sampleRecords } from './sample-batch.ts';

const options = { checkCrc: true, batchMaxBytes: 1 << 20 };

/** Batches of 1, 2, 3 … records from offset 100 on. */
function stored(count: number): Uint8Array[] {
  let offset = 100n;
  return Array.from({ length: count }, (_, i) => {
    const bytes = sampleBatch({ baseOffset: offset, leaderEpoch: 1, records: sampleRecords(i + 1) });
    offset += BigInt(i + 1);
    return bytes;
  });
}

function walkAll(walker: BatchWalker): number[] {
  const offsets: number[] = [];
  while (walker.next() === WalkStatus.BATCH) offsets.push(walker.header.baseOffset);
  return offsets;
}

test('every batch, with its place in the buffer and in the file', () => {
  const batches = stored(4);
  const bytes = Buffer.concat([Buffer.alloc(9), ...batches]);
  const walker = new BatchWalker(options);
  walker.wrap(bytes, 9, bytes.length, 70_000);
  let at = 9;
  for (const batch of batches) {
    expect(walker.next()).toBe(WalkStatus.BATCH);
    expect([walker.offset, walker.position, walker.sizeBytes]).toEqual([at, 70_000 + at - 9, batch.length]);
    at += batch.length;
  }
  expect(walker.next()).toBe(WalkStatus.END);
  expect(walker.next()).toBe(WalkStatus.END);
  expect(walker.position).toBe(70_000 + at - 9);
  expect(walker.minOffset).toBe(110);
});

test('an end inside a batch says how many bytes are needed, and reading on goes on', () => {
  const batches = stored(3);
  const bytes = Buffer.concat(batches);
  const walker = new BatchWalker(options);
  for (let length = 0; length < bytes.length; length++) {
    walker.minOffset = 0;
    walker.wrap(bytes, 0, length, 0);
    const found = walkAll(walker).length;
    const start = batches.slice(0, found).reduce((sum, batch) => sum + batch.length, 0);
    expect(walker.position).toBe(start);
    if (length === start) {
      expect(walker.status).toBe(WalkStatus.END);
    } else {
      expect(walker.status).toBe(WalkStatus.SHORT);
      expect(walker.neededBytes).toBe(length - start < 61 ? 61 : batches[found]!.length);
    }
    walker.wrap(bytes, start, bytes.length, start);
    expect(walkAll(walker).length).toBe(3 - found);
    expect(walker.status).toBe(WalkStatus.END);
  }
});

test('each kind of damage has its name, and stops the walk there', () => {
  const damage = (change: (view: DataView, bytes: Buffer) => void, last = stored(2)[1]!, walkerOptions = options): WalkStatus => {
    const first = stored(1)[0]!;
    const bytes = Buffer.concat([first, last]);
    change(new DataView(bytes.buffer, bytes.byteOffset + first.length), bytes);
    const walker = new BatchWalker(walkerOptions);
    walker.wrap(bytes, 0, bytes.length, 0);
    expect(walkAll(walker)).toEqual([100]);
    expect(walker.position).toBe(first.length);
    return walker.status;
  };
  expect(damage((view) => view.setInt32(8, 48))).toBe(WalkStatus.BAD_LENGTH);
  expect(damage((view) => view.setInt32(8, -5))).toBe(WalkStatus.BAD_LENGTH);
  expect(damage((view) => view.setInt32(8, 1 << 20))).toBe(WalkStatus.BAD_LENGTH);
  expect(damage(() => {}, new Uint8Array(200))).toBe(WalkStatus.BAD_LENGTH);
  expect(damage((view) => view.setInt8(16, 1))).toBe(WalkStatus.BAD_MAGIC);
  expect(damage((view) => view.setInt8(75, 1))).toBe(WalkStatus.BAD_CRC);
  expect(damage((view) => view.setBigInt64(0, 100n))).toBe(WalkStatus.BAD_OFFSET);
  expect(damage(() => {}, sampleBatch({ baseOffset: 101n, lastOffsetDelta: -1 }))).toBe(WalkStatus.BAD_OFFSET);
  expect(damage(() => {}, sampleBatch({ baseOffset: 101n, recordCount: 4 }))).toBe(WalkStatus.BAD_COUNT);
  expect(damage(() => {}, sampleBatch({ baseOffset: 101n, recordCount: -1 }))).toBe(WalkStatus.BAD_COUNT);
});

test('what compaction leaves is whole: gaps between batches and within them, even no record', () => {
  const bytes = Buffer.concat([
    sampleBatch({ baseOffset: 10n, lastOffsetDelta: 9, recordCount: 3 }),
    sampleBatch({ baseOffset: 50n, records: [], lastOffsetDelta: 4, recordCount: 0, attributes: 0x40 }),
  ]);
  const walker = new BatchWalker(options);
  walker.wrap(bytes, 0, bytes.length, 0);
  expect(walkAll(walker)).toEqual([10, 50]);
  expect(walker.status).toBe(WalkStatus.END);
  expect(walker.minOffset).toBe(55);
});

test('without the CRC only headers are looked at', () => {
  const batches = stored(2);
  batches[0]![70]! ^= 1;
  const bytes = Buffer.concat(batches);
  const walker = new BatchWalker({ ...options, checkCrc: false });
  walker.wrap(bytes, 0, bytes.length, 0);
  expect(walkAll(walker)).toEqual([100, 101]);
});

test('random bytes never throw, and never pass for a batch they are not', () => {
  const whole = Buffer.concat(stored(3));
  assert(
    property(nat(whole.length - 1), integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= flip;
      const walker = new BatchWalker(options);
      walker.wrap(bytes, 0, bytes.length, 0);
      const found = walkAll(walker).length;
      // Only base offset, leader epoch lie outside the CRC; a raised offset makes the batches after it wrong.
      if (walker.status === WalkStatus.END) expect(found).toBe(3);
      else expect(found).toBeLessThan(3);
    }),
    { numRuns: 500 },
  );
});

test("a range outside the buffer is the caller's bug", () => {
  const walker = new BatchWalker(options);
  expect(() => walker.wrap(new Uint8Array(10), 0, 11, 0)).toThrow(RangeError);
  expect(() => walker.wrap(new Uint8Array(10), 5, 4, 0)).toThrow(RangeError);
});
