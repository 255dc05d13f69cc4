// BatchWalker: the record batches in a range of bytes, one after the other, or why there is no next one.
// Owner: whoever owns the bytes. Hot enough for fetch: it allocates nothing per batch, and only a view per new buffer.
//
// For stored bytes: compaction leaves gaps, so a batch may hold fewer records than its offsets span, even none. What a
// client may send is narrower; see produced-batch.ts.
//
//   walker.wrap(bytes, 0, length, filePosition);
//   while (walker.next() === WalkStatus.BATCH) use(walker.header.baseOffset, walker.position, walker.sizeBytes);
//   // now walker.status says why it ended, walker.position where, walker.neededBytes how many bytes to have there

import { signedCrc32c } from '../base/crc32c.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchField, BatchHeader } from './batch-header.ts';

export const WalkStatus = {
  /** `header` is a whole and valid batch. */
  BATCH: 0,
  /** Exactly at the end. */
  END: 1,
  /** The range ends inside a batch: read on from `position`, at least `neededBytes`; at the end of a file it is torn. */
  SHORT: 2,
  /** The length field is below a header, or above the bound given. */
  BAD_LENGTH: 3,
  BAD_MAGIC: 4,
  BAD_CRC: 5,
  /** Offsets below the ones before, or a negative last offset delta. */
  BAD_OFFSET: 6,
  /** More records than offsets, or a negative count. */
  BAD_COUNT: 7,
} as const;

export type WalkStatus = (typeof WalkStatus)[keyof typeof WalkStatus];

export interface BatchWalkerOptions {
  /** Read and check every byte; without it only headers are looked at. */
  readonly checkCrc: boolean;
  /** A longer batch is damage: keeps a corrupt length from asking for gigabytes. */
  readonly batchMaxBytes: number;
}

const NOTHING = new Uint8Array(0);

export class BatchWalker {
  /** The batch last found. */
  readonly header: BatchHeader = new BatchHeader(new DataView(NOTHING.buffer));
  status: WalkStatus = WalkStatus.END;
  /** Position in the file of that batch, or of the bytes that are none. */
  position = 0;
  /** Of the batch last found. */
  sizeBytes = 0;
  /** With SHORT: bytes from `position` on that are needed to go on. */
  neededBytes = 0;
  /** No batch may begin below this offset. Rises with each batch; set it to begin elsewhere. */
  minOffset = 0;
  private bytes: Uint8Array = NOTHING;
  private at = 0;
  private end = 0;
  private readonly checkCrc: boolean;
  private readonly batchMaxBytes: number;

  constructor(options: BatchWalkerOptions) {
    this.checkCrc = options.checkCrc;
    this.batchMaxBytes = options.batchMaxBytes;
  }

  /** Walk bytes [offset, end), which stand at `position` in their file. `minOffset` stays as it is. */
  wrap(bytes: Uint8Array, offset: number, end: number, position: number): void {
    if (offset < 0 || end < offset || end > bytes.length) throw new RangeError(`walker range ${offset}..${end} of ${bytes.length} bytes`);
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.header.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = offset;
    this.end = end;
    this.position = position;
    this.sizeBytes = 0;
    this.status = WalkStatus.BATCH;
  }

  /** Where the current batch begins in the bytes. */
  get offset(): number {
    return this.at;
  }

  /** Goes to the next batch. Anything but BATCH is final until the next wrap(). */
  next(): WalkStatus {
    if (this.status !== WalkStatus.BATCH) return this.status;
    this.at += this.sizeBytes;
    this.position += this.sizeBytes;
    this.sizeBytes = 0;
    this.status = this.examine();
    return this.status;
  }

  private examine(): WalkStatus {
    const { at, header } = this;
    const left = this.end - at;
    if (left === 0) return WalkStatus.END;
    if (left < BATCH_HEADER_BYTES) return this.short(BATCH_HEADER_BYTES);
    const { view } = header;
    header.at = at;
    const sizeBytes = BATCH_LENGTH_OVERHEAD + view.getInt32(at + BatchField.LENGTH);
    if (sizeBytes < BATCH_HEADER_BYTES || sizeBytes > this.batchMaxBytes) return WalkStatus.BAD_LENGTH;
    if (header.magic !== BATCH_MAGIC) return WalkStatus.BAD_MAGIC;
    if (sizeBytes > left) return this.short(sizeBytes);
    if (this.checkCrc) {
      const crc = signedCrc32c(this.bytes, at + BatchField.ATTRIBUTES, sizeBytes - BatchField.ATTRIBUTES);
      if (crc !== header.crc) return WalkStatus.BAD_CRC;
    }
    const delta = header.lastOffsetDelta;
    const baseOffset = header.baseOffset;
    if (delta < 0 || baseOffset < this.minOffset) return WalkStatus.BAD_OFFSET;
    const count = header.recordCount;
    if (count < 0 || count - 1 > delta) return WalkStatus.BAD_COUNT;
    this.minOffset = baseOffset + delta + 1;
    this.sizeBytes = sizeBytes;
    return WalkStatus.BATCH;
  }

  private short(neededBytes: number): WalkStatus {
    this.neededBytes = neededBytes;
    return WalkStatus.SHORT;
  }
}
