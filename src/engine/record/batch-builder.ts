// buildBatch: one uncompressed record batch (magic 2) from records, base offset 0, as a producer would send it.
// Owner: whoever calls; pure. Not hot: coordinators, the command line and tests use it; Produce keeps batches as received.

import { ByteWriter, varintSize, varlongSize } from '../base/byte-writer.ts';
import { crc32c } from '../base/crc32c.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchAttribute, BatchField, writeInt64 } from './batch-header.ts';

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export interface NewRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
  /** Milliseconds since the Unix epoch; the batch's `timestampMs` when absent. */
  readonly timestamp?: number;
}

export interface BatchOptions {
  readonly timestampMs: number;
  /** -1 for none, the default of all three. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
}

const NO_HEADERS: readonly RecordHeader[] = [];

/** @param records at least one */
export function buildBatch(records: readonly NewRecord[], options: BatchOptions): Uint8Array {
  if (records.length === 0) throw new RangeError('a batch has at least one record');
  const w = new ByteWriter(BATCH_HEADER_BYTES + records.length * 64);
  const baseTimestamp = records[0]!.timestamp ?? options.timestampMs;
  let maxTimestamp = baseTimestamp;
  w.reserve(BATCH_HEADER_BYTES);
  for (let i = 0; i < records.length; i++) {
    const timestamp = records[i]!.timestamp ?? options.timestampMs;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    writeRecord(w, records[i]!, timestamp - baseTimestamp, i);
  }
  const bytes = w.copy();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  writeInt64(view, BatchField.BASE_OFFSET, 0);
  view.setInt32(BatchField.LENGTH, bytes.length - BATCH_LENGTH_OVERHEAD);
  view.setInt32(BatchField.LEADER_EPOCH, -1);
  view.setInt8(BatchField.MAGIC, BATCH_MAGIC);
  view.setInt16(BatchField.ATTRIBUTES, attributesOf(options));
  view.setInt32(BatchField.LAST_OFFSET_DELTA, records.length - 1);
  writeInt64(view, BatchField.BASE_TIMESTAMP, baseTimestamp);
  writeInt64(view, BatchField.MAX_TIMESTAMP, maxTimestamp);
  writeInt64(view, BatchField.PRODUCER_ID, options.producerId ?? -1);
  view.setInt16(BatchField.PRODUCER_EPOCH, options.producerEpoch ?? -1);
  view.setInt32(BatchField.BASE_SEQUENCE, options.baseSequence ?? -1);
  view.setInt32(BatchField.RECORD_COUNT, records.length);
  view.setUint32(BatchField.CRC, crc32c(bytes, BatchField.ATTRIBUTES, bytes.length - BatchField.ATTRIBUTES));
  return bytes;
}

function attributesOf({ transactional = false, control = false }: BatchOptions): number {
  return (transactional ? BatchAttribute.TRANSACTIONAL : 0) | (control ? BatchAttribute.CONTROL : 0);
}

function writeRecord(w: ByteWriter, record: NewRecord, timestampDelta: number, offsetDelta: number): void {
  const headers = (record.headers ?? NO_HEADERS).map(({ key, value }) => ({ key: Buffer.from(key, 'utf8'), value }));
  let size = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + bytesSize(record.key) + bytesSize(record.value);
  size += varintSize(headers.length);
  for (const { key, value } of headers) size += bytesSize(key) + bytesSize(value);
  w.varint(size);
  // Attributes of a record: none are defined.
  w.int8(0);
  w.varlong(timestampDelta);
  w.varint(offsetDelta);
  writeBytes(w, record.key);
  writeBytes(w, record.value);
  w.varint(headers.length);
  for (const { key, value } of headers) {
    writeBytes(w, key);
    writeBytes(w, value);
  }
}

function bytesSize(bytes: Uint8Array | null): number {
  return bytes === null ? varintSize(-1) : varintSize(bytes.length) + bytes.length;
}

function writeBytes(w: ByteWriter, bytes: Uint8Array | null): void {
  if (bytes === null) {
    w.varint(-1);
    return;
  }
  w.varint(bytes.length);
  w.raw(bytes);
}
