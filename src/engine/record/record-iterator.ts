// forEachRecord: the records inside whole, uncompressed batches. Owner: whoever owns the bytes. Not hot: the coordinators
// read their topics with it at a start; Fetch never looks inside a batch.
//
// The batches come from a log that has checked them; a length that does not fit still throws MalformedBytes rather than
// reading its neighbour.

import { ByteReader, MalformedBytes } from '../base/byte-reader.ts';
import type { RecordHeader } from './batch-builder.ts';
import { BATCH_HEADER_BYTES, BATCH_MAGIC, BatchHeader } from './batch-header.ts';

/** Key and value are views into the batch: copy what is to be kept. */
export type RecordVisitor = (
  key: Uint8Array | null,
  value: Uint8Array | null,
  offset: number,
  timestamp: number,
  headers: readonly RecordHeader[],
) => void;

const NO_HEADERS: readonly RecordHeader[] = [];

/** Visits every record of the batches in `batchBytes`, one batch or several; control batches are passed over. */
export function forEachRecord(batchBytes: Uint8Array, visit: RecordVisitor): void {
  const header = new BatchHeader(new DataView(batchBytes.buffer, batchBytes.byteOffset, batchBytes.byteLength));
  for (let at = 0; at < batchBytes.length; at += header.sizeBytes) {
    header.at = at;
    const left = batchBytes.length - at;
    if (left < BATCH_HEADER_BYTES || header.sizeBytes < BATCH_HEADER_BYTES || header.sizeBytes > left) {
      throw new MalformedBytes(`batch of ${left < BATCH_HEADER_BYTES ? '?' : header.sizeBytes} bytes, ${left} left`);
    }
    if (header.magic !== BATCH_MAGIC) throw new MalformedBytes(`batch magic ${header.magic}`);
    if (header.isControl) continue;
    if (header.codec !== 0) throw new MalformedBytes(`batch is compressed with codec ${header.codec}`);
    visitBatch(batchBytes, header, visit);
  }
}

function visitBatch(bytes: Uint8Array, header: BatchHeader, visit: RecordVisitor): void {
  const r = new ByteReader(bytes, header.at + BATCH_HEADER_BYTES, header.at + header.sizeBytes);
  const { baseOffset, baseTimestamp, maxTimestamp, usesLogAppendTime, recordCount } = header;
  for (let i = 0; i < recordCount; i++) {
    const size = r.varint();
    if (size < 0 || size > r.remaining) throw new MalformedBytes(`record of ${size} bytes, ${r.remaining} left`);
    const end = r.position + size;
    r.skip(1);
    const timestampDelta = r.varlong();
    const offsetDelta = r.varint();
    const key = nullableView(r);
    const value = nullableView(r);
    const headers = readHeaders(r);
    if (r.position !== end) throw new MalformedBytes(`record ends at ${r.position}, not ${end}`);
    visit(key, value, baseOffset + offsetDelta, usesLogAppendTime ? maxTimestamp : baseTimestamp + timestampDelta, headers);
  }
}

function nullableView(r: ByteReader): Uint8Array | null {
  const size = r.varint();
  if (size < -1) throw new MalformedBytes(`length ${size}`);
  return size < 0 ? null : r.view(size);
}

function readHeaders(r: ByteReader): readonly RecordHeader[] {
  const count = r.varint();
  if (count === 0) return NO_HEADERS;
  // A header takes two bytes at least.
  if (count < 0 || count * 2 > r.remaining) throw new MalformedBytes(`${count} headers, ${r.remaining} bytes left`);
  const headers: RecordHeader[] = [];
  for (let i = 0; i < count; i++) {
    const key = nullableView(r);
    if (key === null) throw new MalformedBytes('header without a key');
    headers.push({ key: Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8'), value: nullableView(r) });
  }
  return headers;
}
