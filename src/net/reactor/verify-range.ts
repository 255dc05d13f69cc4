// Checking record batches for reactors without a native side. Owner: the shard's thread. Not hot.
//
// The twin of native/sys/verify_range.cc: both find the same, and the conformance suite holds them to it.

import { constants } from 'node:os';
import { crc32c } from '../../engine/base/crc32c.ts';
import { VerifyCell } from '../../engine/io/tick-layout.ts';
import { ScanStatus } from '../../engine/log/batch-scanner.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchField, readInt64 } from '../../engine/record/batch-header.ts';

/** For the bytes that the cells ask about. */
export function verifyBuffer(cells: Float64Array): Uint8Array {
  return new Uint8Array(Math.min(cells[VerifyCell.WINDOW_BYTES]!, cells[VerifyCell.END]! - cells[VerifyCell.POSITION]!));
}

/** @returns 0, or -errno when not all could be read */
export function verifyRead(bytes: Uint8Array, got: number, cells: Float64Array): number {
  cells[VerifyCell.STATUS] = ScanStatus.OK;
  cells[VerifyCell.GOOD_BYTES] = 0;
  cells[VerifyCell.NEXT_OFFSET] = cells[VerifyCell.MIN_OFFSET]!;
  cells[VerifyCell.NEEDED_BYTES] = 0;
  if (got < 0) return got;
  if (got < bytes.length) return -constants.errno.EIO;
  walk(bytes, cells);
  return 0;
}

function walk(bytes: Uint8Array, cells: Float64Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = cells[VerifyCell.END]! - cells[VerifyCell.POSITION]!;
  // The last batch good so far that left a gap before it, and what was known in front of it.
  let gapAt = -1;
  let gapOffset = 0;
  let lastAt = -1;
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    if (left < BATCH_HEADER_BYTES) {
      if (bytes.length === whole) cells[VerifyCell.STATUS] = ScanStatus.SHORT;
      else if (at === 0) cells[VerifyCell.NEEDED_BYTES] = BATCH_HEADER_BYTES;
      return;
    }
    const lengthBytes = BATCH_LENGTH_OVERHEAD + view.getInt32(at + BatchField.LENGTH);
    const base = readInt64(view, at + BatchField.BASE_OFFSET);
    const expected = cells[VerifyCell.NEXT_OFFSET]!;
    const status = headerStatus(view, at, lengthBytes, whole - at, cells);
    if (status !== ScanStatus.OK) {
      cells[VerifyCell.STATUS] = status;
      if (status !== ScanStatus.BAD_OFFSET || base >= expected || gapAt < 0 || gapAt !== lastAt) return;
      if (view.getInt32(at + BatchField.LAST_OFFSET_DELTA) < 0) return;
      // Base offsets are outside the checksum: the one before, which jumped ahead, is as likely to be the wrong one.
      cells[VerifyCell.GOOD_BYTES] = gapAt;
      cells[VerifyCell.NEXT_OFFSET] = gapOffset;
      return;
    }
    if (lengthBytes > left) {
      if (at === 0) cells[VerifyCell.NEEDED_BYTES] = lengthBytes;
      return;
    }
    if (crc32c(bytes, at + BatchField.ATTRIBUTES, lengthBytes - BatchField.ATTRIBUTES) !== view.getUint32(at + BatchField.CRC)) {
      cells[VerifyCell.STATUS] = ScanStatus.BAD_CRC;
      return;
    }
    if (base > expected) {
      gapAt = at;
      gapOffset = expected;
    }
    lastAt = at;
    at += lengthBytes;
    cells[VerifyCell.GOOD_BYTES] = at;
    cells[VerifyCell.NEXT_OFFSET] = base + view.getInt32(lastAt + BatchField.LAST_OFFSET_DELTA) + 1;
  }
}

function headerStatus(view: DataView, at: number, lengthBytes: number, left: number, cells: Float64Array): number {
  const delta = view.getInt32(at + BatchField.LAST_OFFSET_DELTA);
  const base = readInt64(view, at + BatchField.BASE_OFFSET);
  if (view.getInt8(at + BatchField.MAGIC) !== BATCH_MAGIC) return ScanStatus.BAD_MAGIC;
  if (lengthBytes < BATCH_HEADER_BYTES) return ScanStatus.BAD_LENGTH;
  if (lengthBytes > left) return ScanStatus.SHORT;
  if (delta < 0 || base < cells[VerifyCell.NEXT_OFFSET]! || base >= cells[VerifyCell.LIMIT_OFFSET]! - delta) return ScanStatus.BAD_OFFSET;
  return ScanStatus.OK;
}
