// BatchScanner: walk the record batches of a segment file in order, with or without checking their bytes.
// Owner: whoever made it; one a LogTable, reused. Not hot: recovery, completing an index, replaying producers.
//
// With the CRC every byte is read in large chunks; without it only the headers are, which is what sparse work needs.
// next() never throws on bad bytes: it says what is wrong and where.

import { crc32c } from '../base/crc32c.ts';
import type { FileSystem } from '../io/file-system.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchField, readInt64 } from '../record/batch-header.ts';

export const ScanStatus = {
  OK: 0,
  /** Exactly at the end. */
  END: 1,
  /** The file ends inside a batch. */
  SHORT: 2,
  BAD_LENGTH: 3,
  BAD_MAGIC: 4,
  BAD_CRC: 5,
  /** Offsets go back, or a last offset delta is negative. */
  BAD_OFFSET: 6,
} as const;

export const SCAN_REASONS = ['ok', 'end', 'batch cut short', 'bad length', 'bad magic', 'bad checksum', 'bad offset'] as const;

const CHECK_CHUNK_BYTES = 1024 * 1024;
// Of walks that need headers only: batches smaller than SMALL_BATCH_BYTES are read through in large chunks.
const HEADER_CHUNK_BYTES = 4 * 1024;
const SMALL_BATCH_BYTES = 16 * 1024;
const SMALL_CHUNK_BYTES = 64 * 1024;

export class BatchScanner {
  /** Of the batch that next() found. */
  position = 0;
  lengthBytes = 0;
  baseOffset = 0;
  lastOffset = 0;
  leaderEpoch = 0;
  attributes = 0;
  lastOffsetDelta = 0;
  baseTimestamp = 0;
  maxTimestamp = 0;
  producerId = 0;
  producerEpoch = 0;
  baseSequence = 0;
  recordCount = 0;
  /** Bytes looked at since begin(). */
  scannedBytes = 0;
  /** Bytes read from files, ever. */
  readBytes = 0;
  buffer = new Uint8Array(HEADER_CHUNK_BYTES);
  /** Where the batch is in `buffer`; its body is there only when the CRC was checked or loadBatch() was called. */
  at = 0;
  private view = new DataView(this.buffer.buffer);
  private readonly fs: FileSystem;
  private readonly checkChunkBytes: number;
  private fd = -1;
  private end = 0;
  private checkCrc = false;
  private nextPosition = 0;
  private minOffset = 0;
  private bufferStart = 0;
  private bufferBytes = 0;

  constructor(fs: FileSystem, checkChunkBytes: number = CHECK_CHUNK_BYTES) {
    this.fs = fs;
    this.checkChunkBytes = checkChunkBytes;
  }

  /** Walk [position, end) of a file; batches must lie at or above `minOffset`. */
  begin(fd: number, position: number, end: number, minOffset: number, checkCrc: boolean): void {
    this.fd = fd;
    this.end = end;
    this.checkCrc = checkCrc;
    this.nextPosition = position;
    this.minOffset = minOffset;
    this.bufferStart = 0;
    this.bufferBytes = 0;
    this.scannedBytes = 0;
  }

  /** The next batch becomes the current one: OK. Otherwise a ScanStatus, and `position` is where the walk stopped. */
  next(): number {
    const position = this.nextPosition;
    this.position = position;
    const left = this.end - position;
    if (left === 0) return ScanStatus.END;
    if (left < BATCH_HEADER_BYTES) return ScanStatus.SHORT;
    if (!this.have(position, BATCH_HEADER_BYTES)) return ScanStatus.SHORT;
    const status = this.readHeader(left);
    if (status !== ScanStatus.OK) return status;
    if (this.checkCrc) {
      if (!this.have(position, this.lengthBytes)) return ScanStatus.SHORT;
      const crc = crc32c(this.buffer, this.at + BatchField.ATTRIBUTES, this.lengthBytes - BatchField.ATTRIBUTES);
      if (crc !== this.view.getUint32(this.at + BatchField.CRC)) return ScanStatus.BAD_CRC;
    }
    this.scannedBytes += this.lengthBytes;
    this.minOffset = this.lastOffset + 1;
    this.nextPosition = position + this.lengthBytes;
    return ScanStatus.OK;
  }

  /** Bring the whole current batch into `buffer`. */
  loadBatch(): boolean {
    return this.have(this.position, this.lengthBytes);
  }

  private readHeader(left: number): number {
    const view = this.view;
    const at = this.at;
    if (view.getInt8(at + BatchField.MAGIC) !== BATCH_MAGIC) return ScanStatus.BAD_MAGIC;
    this.lengthBytes = view.getInt32(at + BatchField.LENGTH) + BATCH_LENGTH_OVERHEAD;
    if (this.lengthBytes < BATCH_HEADER_BYTES) return ScanStatus.BAD_LENGTH;
    if (this.lengthBytes > left) return ScanStatus.SHORT;
    this.baseOffset = readInt64(view, at + BatchField.BASE_OFFSET);
    this.lastOffsetDelta = view.getInt32(at + BatchField.LAST_OFFSET_DELTA);
    this.lastOffset = this.baseOffset + this.lastOffsetDelta;
    if (this.lastOffsetDelta < 0 || this.baseOffset < this.minOffset) return ScanStatus.BAD_OFFSET;
    // The base offset lies outside the checksum: a flipped bit in its high end is no offset of ours.
    if (this.lastOffset > Number.MAX_SAFE_INTEGER) return ScanStatus.BAD_OFFSET;
    this.leaderEpoch = view.getInt32(at + BatchField.LEADER_EPOCH);
    this.attributes = view.getInt16(at + BatchField.ATTRIBUTES);
    this.baseTimestamp = readInt64(view, at + BatchField.BASE_TIMESTAMP);
    // Of a foreign log: times that indexes and notes could not take are as good as the end of time.
    this.maxTimestamp = Math.min(Math.max(readInt64(view, at + BatchField.MAX_TIMESTAMP), -1), Number.MAX_SAFE_INTEGER);
    this.producerId = readInt64(view, at + BatchField.PRODUCER_ID);
    this.producerEpoch = view.getInt16(at + BatchField.PRODUCER_EPOCH);
    this.baseSequence = view.getInt32(at + BatchField.BASE_SEQUENCE);
    this.recordCount = view.getInt32(at + BatchField.RECORD_COUNT);
    return ScanStatus.OK;
  }

  /** [position, position + length) of the file is in the buffer, and `at` is its start. */
  private have(position: number, length: number): boolean {
    if (position < this.bufferStart || position + length > this.bufferStart + this.bufferBytes) {
      // Where batches are small, reading on is cheaper than asking for one header after the other.
      const headerChunk = this.lengthBytes < SMALL_BATCH_BYTES ? SMALL_CHUNK_BYTES : HEADER_CHUNK_BYTES;
      const chunk = this.checkCrc ? this.checkChunkBytes : headerChunk;
      const want = Math.min(Math.max(length, chunk), this.end - position);
      if (want > this.buffer.length) {
        this.buffer = new Uint8Array(Math.max(want, this.buffer.length * 2));
        this.view = new DataView(this.buffer.buffer);
      }
      this.bufferStart = position;
      this.bufferBytes = this.fs.read(this.fd, this.buffer, 0, want, position);
      this.readBytes += this.bufferBytes;
      if (this.bufferBytes < length) return false;
    }
    this.at = position - this.bufferStart;
    return true;
  }
}
