// forEachRecord gives back what buildBatch was given, and never reads beyond what it was handed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MalformedBytes } from '../../../src/engine/base/byte-reader.ts';
import { BatchAttribute, BatchField, BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { buildBatch, type NewRecord } from '../../../src/engine/record/batch-builder.ts';
import { forEachRecord } from '../../../src/engine/record/record-iterator.ts';

interface Seen {
  key: string | null;
  value: string | null;
  offset: number;
  timestamp: number;
  headers: [string, string | null][];
}

const show = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));

function seenIn(batches: Uint8Array): Seen[] {
  const seen: Seen[] = [];
  forEachRecord(batches, (key, value, offset, timestamp, headers) => {
    seen.push({
      key: show(key),
      value: show(value),
      offset,
      timestamp,
      headers: headers.map((header) => [header.key, show(header.value)]),
    });
  });
  return seen;
}

const someBytes = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null });
const someHeader = fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 10 }), value: someBytes });
const someRecord: fc.Arbitrary<NewRecord> = fc.record({
  key: someBytes,
  value: someBytes,
  headers: fc.array(someHeader, { maxLength: 3 }),
  timestamp: fc.integer({ min: 0, max: 2 ** 45 }),
});
const someBatches = fc.array(fc.array(someRecord, { minLength: 1, maxLength: 5 }), { maxLength: 4 });

test('every record of every batch, as built', () => {
  fc.assert(
    fc.property(someBatches, fc.nat({ max: 2 ** 40 }), (batches, firstOffset) => {
      let offset = firstOffset;
      const expected: Seen[] = [];
      const built = batches.map((records) => {
        const bytes = buildBatch(records, { timestampMs: 0 });
        new BatchHeader(new DataView(bytes.buffer)).baseOffset = offset;
        for (const { key, value, headers, timestamp } of records) {
          const shown: [string, string | null][] = headers!.map((one) => [one.key, show(one.value)]);
          expected.push({ key: show(key), value: show(value), offset: offset++, timestamp: timestamp!, headers: shown });
        }
        return bytes;
      });
      expect(seenIn(Buffer.concat(built))).toEqual(expected);
    }),
  );
});

test('control batches are passed over, compressed ones refused', () => {
  const control = buildBatch([{ key: Buffer.alloc(4), value: null }], { timestampMs: 1, control: true });
  const plain = buildBatch([{ key: null, value: Buffer.from('v') }], { timestampMs: 1 });
  expect(seenIn(Buffer.concat([control, plain, control])).length).toBe(1);
  plain[BatchField.ATTRIBUTES + 1] = 2;
  expect(() => seenIn(plain)).toThrow(MalformedBytes);
});

test('with log append time every record has the time of the batch', () => {
  const batch = buildBatch([{ key: null, value: null, timestamp: 5 }], { timestampMs: 0 });
  const view = new DataView(batch.buffer);
  view.setInt16(BatchField.ATTRIBUTES, BatchAttribute.LOG_APPEND_TIME);
  view.setBigInt64(BatchField.MAX_TIMESTAMP, 77n);
  expect(seenIn(batch)[0]!.timestamp).toBe(77);
});

test('damaged batches throw and nothing else', () => {
  const batch = buildBatch([{ key: Buffer.from('key'), value: Buffer.from('value'), headers: [{ key: 'h', value: null }] }], {
    timestampMs: 1,
  });
  fc.assert(
    fc.property(fc.nat({ max: batch.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: batch.length }), (at, byte, length) => {
      const damaged = batch.slice(0, length);
      if (at < length) damaged[at] = byte;
      try {
        seenIn(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
      }
    }),
    { numRuns: 3_000 },
  );
});
