// Checks the record bytes of one Produce partition entry and describes them, as native/reactor/batch_walker.cc does.
// Owner: the shard's thread. Hot where the addon is absent: it allocates nothing.
//
// Both write the same numbers; a differential test holds them to it.

import { signedCrc32c } from '../base/crc32c.ts';
import { BatchStatus, Desc } from '../io/tick-layout.ts';
import type { TickMemory } from '../io/tick-ring.ts';
import {
  BATCH_HEADER_BYTES,
  BATCH_LENGTH_OVERHEAD,
  BATCH_MAGIC,
  BatchAttribute,
  BatchField,
  CODEC_MAX,
  readInt64,
} from './batch-header.ts';

export type ProducedBatchMemory = Pick<TickMemory, 'arena' | 'view' | 'desc' | 'descF64'>;

/**
 * Writes STATUS and every batch field of the descriptor whose first Int32 word is `d`. Header fields are written
 * whenever the whole header is there, whatever the status, so that a refusal can be logged with values; otherwise they
 * are what a batch without them has.
 */
export function describeProducedBatch(memory: ProducedBatchMemory, at: number, length: number, d: number): void {
  const { desc, view } = memory;
  if (length < BATCH_HEADER_BYTES) {
    describeNothing(memory, d);
    if (length > BatchField.MAGIC) desc[d + Desc.MAGIC] = view.getInt8(at + BatchField.MAGIC);
    desc[d + Desc.STATUS] = length === 0 ? BatchStatus.EMPTY : BatchStatus.BAD_LENGTH;
    return;
  }
  describeHeader(memory, at, d);
  keyless = 0;
  desc[d + Desc.STATUS] = checkBatch(memory, at, length);
  desc[d + Desc.KEYLESS] = keyless;
}

/** The order of the checks is the order of BatchStatus. */
function checkBatch(memory: ProducedBatchMemory, at: number, length: number): number {
  const { arena, view } = memory;
  const sizeBytes = BATCH_LENGTH_OVERHEAD + view.getUint32(at + BatchField.LENGTH);
  if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > length) return BatchStatus.BAD_LENGTH;
  const more = sizeBytes < length;
  if (more && !startsBatch(view, at + sizeBytes, length - sizeBytes)) return BatchStatus.BAD_LENGTH;
  if (view.getInt8(at + BatchField.MAGIC) !== BATCH_MAGIC) return BatchStatus.BAD_MAGIC;
  const crc = signedCrc32c(arena, at + BatchField.ATTRIBUTES, sizeBytes - BatchField.ATTRIBUTES);
  if (crc !== view.getInt32(at + BatchField.CRC)) return BatchStatus.BAD_CRC;
  if (more) return BatchStatus.SEVERAL_BATCHES;
  const count = view.getInt32(at + BatchField.RECORD_COUNT);
  if (count < 1 || count - 1 !== view.getInt32(at + BatchField.LAST_OFFSET_DELTA)) return BatchStatus.BAD_COUNT;
  const attributes = view.getInt16(at + BatchField.ATTRIBUTES);
  const codec = attributes & BatchAttribute.CODEC_MASK;
  if (codec === 0 && !holdsRecords(arena, at + BATCH_HEADER_BYTES, at + sizeBytes, count)) return BatchStatus.BAD_COUNT;
  if (codec > CODEC_MAX || (attributes & BatchAttribute.RESERVED_MASK) !== 0) return BatchStatus.BAD_ATTRIBUTES;
  return BatchStatus.OK;
}

/** The bytes after the first batch: a further whole batch, or only rubbish? */
function startsBatch(view: DataView, at: number, length: number): boolean {
  if (length < BATCH_HEADER_BYTES) return false;
  const sizeBytes = BATCH_LENGTH_OVERHEAD + view.getUint32(at + BatchField.LENGTH);
  return sizeBytes >= BATCH_HEADER_BYTES && sizeBytes <= length;
}

/** Where the next varint begins. Negative once one ran out of bytes or of bits. */
let cursor = 0;
/** A record of the batch looked at last has no key. */
let keyless = 0;

/** Exactly `count` records fill [begin, end), with offset deltas 0, 1, 2 … */
function holdsRecords(bytes: Uint8Array, begin: number, end: number, count: number): boolean {
  cursor = begin;
  for (let index = 0; index < count; index++) {
    const length = readVarint(bytes, end);
    if (cursor < 0 || length < 1 || end - cursor < length) return false;
    const recordEnd = cursor + length;
    cursor++; // attributes, unused
    skipVarlong(bytes, recordEnd);
    if (cursor < 0 || readVarint(bytes, recordEnd) !== index || cursor < 0) return false;
    if (readVarint(bytes, recordEnd) < 0) keyless = 1;
    if (cursor < 0) return false;
    cursor = recordEnd;
  }
  return cursor === end;
}

/** Zigzag, at most 5 bytes. */
function readVarint(bytes: Uint8Array, end: number): number {
  let bits = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (cursor >= end) break;
    const byte = bytes[cursor++]!;
    if (shift === 28 && byte > 0x0f) break;
    bits |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1);
  }
  cursor = -1;
  return 0;
}

function skipVarlong(bytes: Uint8Array, end: number): void {
  for (let count = 0; count < 10; count++) {
    if (cursor >= end) break;
    if (bytes[cursor++]! < 0x80) return;
  }
  cursor = -1;
}

function describeHeader(memory: ProducedBatchMemory, at: number, d: number): void {
  const { desc, descF64, view } = memory;
  const f = d >> 1;
  desc[d + Desc.ATTRIBUTES] = view.getInt16(at + BatchField.ATTRIBUTES);
  desc[d + Desc.LAST_OFFSET_DELTA] = view.getInt32(at + BatchField.LAST_OFFSET_DELTA);
  desc[d + Desc.RECORD_COUNT] = view.getInt32(at + BatchField.RECORD_COUNT);
  desc[d + Desc.PRODUCER_EPOCH] = view.getInt16(at + BatchField.PRODUCER_EPOCH);
  desc[d + Desc.BASE_SEQUENCE] = view.getInt32(at + BatchField.BASE_SEQUENCE);
  desc[d + Desc.MAGIC] = view.getInt8(at + BatchField.MAGIC);
  descF64[f + Desc.BASE_TIMESTAMP_F64] = readInt64(view, at + BatchField.BASE_TIMESTAMP);
  descF64[f + Desc.MAX_TIMESTAMP_F64] = readInt64(view, at + BatchField.MAX_TIMESTAMP);
  descF64[f + Desc.PRODUCER_ID_F64] = readInt64(view, at + BatchField.PRODUCER_ID);
  descF64[f + Desc.BASE_OFFSET_F64] = readInt64(view, at + BatchField.BASE_OFFSET);
}

function describeNothing(memory: ProducedBatchMemory, d: number): void {
  const { desc, descF64 } = memory;
  const f = d >> 1;
  desc[d + Desc.ATTRIBUTES] = 0;
  desc[d + Desc.LAST_OFFSET_DELTA] = 0;
  desc[d + Desc.RECORD_COUNT] = 0;
  desc[d + Desc.PRODUCER_EPOCH] = -1;
  desc[d + Desc.BASE_SEQUENCE] = -1;
  desc[d + Desc.MAGIC] = -1;
  desc[d + Desc.KEYLESS] = 0;
  descF64[f + Desc.BASE_TIMESTAMP_F64] = -1;
  descF64[f + Desc.MAX_TIMESTAMP_F64] = -1;
  descF64[f + Desc.PRODUCER_ID_F64] = -1;
  descF64[f + Desc.BASE_OFFSET_F64] = 0;
}
