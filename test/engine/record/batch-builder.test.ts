// buildBatch against bytes spelled out by hand, and against the walker that checks what clients send.
import { expect, test } from 'vitest';
import { crc32c } from '../../../src/engine/base/crc32c.ts';
import { BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { buildBatch } from '../../../src/engine/record/batch-builder.ts';
import { BatchWalker, WalkStatus } from '../../../src/engine/record/batch-walker.ts';

test('one record, byte for byte', () => {
  const batch = buildBatch([{ key: Buffer.from('k'), value: Buffer.from('val'), headers: [{ key: 'h', value: null }] }], {
    timestampMs: 258,
  });
  const record = '001c0000026b0676616c02026801';
  const size = record.length / 2 - 1;
  const tail =
    '0000' +
    '00000000' +
    '0000000000000102' +
    '0000000000000102' +
    'ff'.repeat(8) +
    'ffff' +
    'ffffffff' +
    '00000001' +
    (size * 2).toString(16).padStart(2, '0') +
    record.slice(4).replace(/^/, '00');
  const body = Buffer.from(tail, 'hex');
  const crc = crc32c(body, 0, body.length).toString(16).padStart(8, '0');
  const length = (body.length + 9).toString(16).padStart(8, '0');
  expect(Buffer.from(batch).toString('hex')).toBe('0'.repeat(16) + length + 'ffffffff02' + crc + tail);
});

test('what it builds is valid, with its fields in place', () => {
  const batch = buildBatch(
    [
      { key: null, value: Buffer.alloc(300, 1), timestamp: 50 },
      { key: Buffer.alloc(0), value: null, timestamp: 90 },
      { key: Buffer.from('k'), value: Buffer.from('v') },
    ],
    { timestampMs: 70, producerId: 5_000_000_000, producerEpoch: 3, baseSequence: 11, transactional: true },
  );
  const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: 1 << 20 });
  walker.wrap(batch, 0, batch.length, 0);
  expect(walker.next()).toBe(WalkStatus.BATCH);
  const { header } = walker;
  expect([header.baseOffset, header.lastOffsetDelta, header.recordCount]).toEqual([0, 2, 3]);
  expect([header.baseTimestamp, header.maxTimestamp]).toEqual([50, 90]);
  expect([header.producerId, header.producerEpoch, header.baseSequence]).toEqual([5_000_000_000, 3, 11]);
  expect([header.isTransactional, header.isControl, header.codec]).toEqual([true, false, 0]);
  expect(walker.next()).toBe(WalkStatus.END);
});

test('control batches carry their bit; no records is no batch', () => {
  const batch = buildBatch([{ key: Buffer.alloc(4), value: Buffer.alloc(6) }], { timestampMs: 1, control: true });
  expect(new BatchHeader(new DataView(batch.buffer, batch.byteOffset)).isControl).toBe(true);
  expect(() => buildBatch([], { timestampMs: 1 })).toThrow('at least one');
});
