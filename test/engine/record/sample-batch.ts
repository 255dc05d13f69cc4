// Builds record batches field by field, apart from the code under test: for tests of whatever reads them.
import { portableCrc32c } from '../../../src/engine/base/crc32c.ts';

interface SampleBatch {
  baseOffset?: bigint;
  leaderEpoch?: number;
  attributes?: number;
  records?: readonly Uint8Array[];
  lastOffsetDelta?: number;
  recordCount?: number;
  baseTimestamp?: bigint;
  maxTimestamp?: bigint;
  producerId?: bigint;
  producerEpoch?: number;
  baseSequence?: number;
  /** Bytes instead of the records: a compressed body, or a wrong one. */
  body?: Uint8Array;
}

function uvarint(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  return [...out, rest];
}

export function varint(value: number): number[] {
  return uvarint((value << 1) ^ (value >> 31));
}

export function sampleRecord(offsetDelta: number, value: Uint8Array, timestampDelta = 0, key: Uint8Array | null = null): Uint8Array {
  const keyed = key === null ? varint(-1) : [...varint(key.length), ...key];
  const rest = [0, ...varint(timestampDelta), ...varint(offsetDelta), ...keyed, ...varint(value.length), ...value, ...varint(0)];
  return Uint8Array.from([...varint(rest.length), ...rest]);
}

export function sampleRecords(count: number, valueBytes = 10): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => sampleRecord(i, new Uint8Array(valueBytes).fill(97 + (i % 26)), i * 2));
}

/** Makes the length and the CRC right again. */
export function seal(batch: Uint8Array): Uint8Array {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  view.setInt32(8, batch.length - 12);
  view.setUint32(17, portableCrc32c(batch, 21, batch.length - 21));
  return batch;
}

export function sampleBatch(batch: SampleBatch = {}): Uint8Array {
  const records = batch.records ?? sampleRecords(3);
  const body = batch.body ?? Buffer.concat(records);
  const bytes = new Uint8Array(61 + body.length);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, batch.baseOffset ?? 0n);
  view.setInt32(12, batch.leaderEpoch ?? -1);
  view.setInt8(16, 2);
  view.setInt16(21, batch.attributes ?? 0);
  view.setInt32(23, batch.lastOffsetDelta ?? records.length - 1);
  view.setBigInt64(27, batch.baseTimestamp ?? 1_700_000_000_000n);
  view.setBigInt64(35, batch.maxTimestamp ?? 1_700_000_000_004n);
  view.setBigInt64(43, batch.producerId ?? -1n);
  view.setInt16(51, batch.producerEpoch ?? -1);
  view.setInt32(53, batch.baseSequence ?? -1);
  view.setInt32(57, batch.recordCount ?? records.length);
  bytes.set(body, 61);
  return seal(bytes);
}
