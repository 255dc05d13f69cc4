// Record batches for tests: encoded in full, with a right checksum.

import { ByteWriter, varintSize, varlongSize } from '../../src/engine/base/byte-writer.ts';
import { crc32c } from '../../src/engine/base/crc32c.ts';
import { BATCH_HEADER_BYTES, BATCH_MAGIC, BatchField, writeInt64 } from '../../src/engine/record/batch-header.ts';

export interface BatchSpec {
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
  readonly attributes?: number;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  /** One record a value. */
  readonly values: readonly Uint8Array[];
  /** Timestamps of the records; the first is the base. */
  readonly timestamps: readonly number[];
  /** Instead of records: the block a codec made of them. */
  readonly block?: Uint8Array;
}

export function encodeRecords(spec: BatchSpec): Uint8Array {
  const writer = new ByteWriter();
  const base = spec.timestamps[0] ?? -1;
  spec.values.forEach((value, index) => {
    const delta = (spec.timestamps[index] ?? base) - base;
    const length = 1 + varlongSize(delta) + varintSize(index) + varintSize(-1) + varintSize(value.length) + value.length + varintSize(0);
    writer.varint(length);
    writer.int8(0);
    writer.varlong(delta);
    writer.varint(index);
    writer.varint(-1);
    writer.varint(value.length);
    writer.raw(value);
    writer.varint(0);
  });
  return writer.copy();
}

export function encodeBatch(spec: BatchSpec): Uint8Array {
  const records = spec.block ?? encodeRecords(spec);
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + records.length);
  const view = new DataView(bytes.buffer);
  const base = spec.timestamps[0] ?? -1;
  bytes.set(records, BATCH_HEADER_BYTES);
  writeInt64(view, BatchField.BASE_OFFSET, spec.baseOffset ?? 0);
  view.setInt32(BatchField.LENGTH, bytes.length - 12);
  view.setInt32(BatchField.LEADER_EPOCH, spec.leaderEpoch ?? -1);
  view.setInt8(BatchField.MAGIC, BATCH_MAGIC);
  view.setInt16(BatchField.ATTRIBUTES, spec.attributes ?? 0);
  view.setInt32(BatchField.LAST_OFFSET_DELTA, spec.values.length - 1);
  writeInt64(view, BatchField.BASE_TIMESTAMP, base);
  writeInt64(view, BatchField.MAX_TIMESTAMP, Math.max(base, ...spec.timestamps));
  writeInt64(view, BatchField.PRODUCER_ID, spec.producerId ?? -1);
  view.setInt16(BatchField.PRODUCER_EPOCH, spec.producerEpoch ?? -1);
  view.setInt32(BatchField.BASE_SEQUENCE, spec.baseSequence ?? -1);
  view.setInt32(BatchField.RECORD_COUNT, spec.values.length);
  view.setUint32(BatchField.CRC, crc32c(bytes, BatchField.ATTRIBUTES, bytes.length - BatchField.ATTRIBUTES));
  return bytes;
}
