// A batch being filled, or on its way: a block of the arena, and who waits for its records. Owner: the calling thread.
// Hot: one object a batch; records that nobody waits for one by one leave nothing here.

import { crc32c } from '../engine/base/crc32c.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchField, writeInt64 } from '../engine/record/batch-header.ts';
import type { BatchArena } from '../workers/caller/batch-arena.ts';
import type { RecordEncoder } from './record-encoder.ts';

/** Who sent records of a batch: all, or some in a row. */
export interface Sender {
  /** `count` records lie at `firstOffset` and after it; -1 with acks=0. `timestampMs` is -1 unless the topic stamps them. */
  onStored(partition: number, firstOffset: number, count: number, timestampMs: number): void;
  onFailed(error: Error, count: number): void;
}

export class SendBatch {
  readonly at: number;
  readonly blockBytes: number;
  lengthBytes = BATCH_HEADER_BYTES;
  count = 0;
  keyless = false;
  /** Sealed with a producer id: it is sent with that sequence or with a new producer id. */
  baseSequence = -1;
  /** The waits for room, and lingering, are over: it goes as soon as it may. */
  due = false;
  /** Of the producer's clock: after it, it is not tried again. */
  deadlineMs = 0;
  /** Its sender heard already (acks=0). */
  told = false;
  private baseTimestamp = 0;
  private maxTimestamp = 0;
  /** Senders in the order of their records; the same one again only counts on. */
  private readonly senders: Sender[] = [];
  private readonly counts: number[] = [];

  constructor(at: number, blockBytes: number) {
    this.at = at;
    this.blockBytes = blockBytes;
  }

  /** Has the prepared record room here? */
  fits(encoder: RecordEncoder, timestamp: number): boolean {
    const delta = this.count === 0 ? 0 : timestamp - this.baseTimestamp;
    return this.lengthBytes + encoder.sizeWith(delta, this.count) <= this.blockBytes;
  }

  /** Right after fits() said so. @returns bytes that the record takes */
  add(encoder: RecordEncoder, into: Buffer, timestamp: number, sender: Sender): number {
    if (this.count === 0) {
      this.baseTimestamp = timestamp;
      this.maxTimestamp = timestamp;
    }
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    if (encoder.keyBytes < 0) this.keyless = true;
    const before = this.lengthBytes;
    this.lengthBytes = encoder.write(into, this.at + before, timestamp - this.baseTimestamp, this.count) - this.at;
    this.count++;
    const last = this.senders.length - 1;
    if (last >= 0 && this.senders[last] === sender) this.counts[last]!++;
    else {
      this.senders.push(sender);
      this.counts.push(1);
    }
    return this.lengthBytes - before;
  }

  /** Write the header, last of all: also again, when the batch has to go with another producer id. */
  seal({ bytes, view }: BatchArena, producerId: number, baseSequence: number): void {
    const { at, count } = this;
    this.baseSequence = baseSequence;
    writeInt64(view, at + BatchField.BASE_OFFSET, 0);
    view.setInt32(at + BatchField.LENGTH, this.lengthBytes - BATCH_LENGTH_OVERHEAD);
    view.setInt32(at + BatchField.LEADER_EPOCH, -1);
    view.setInt8(at + BatchField.MAGIC, BATCH_MAGIC);
    view.setInt16(at + BatchField.ATTRIBUTES, 0);
    view.setInt32(at + BatchField.LAST_OFFSET_DELTA, count - 1);
    writeInt64(view, at + BatchField.BASE_TIMESTAMP, this.baseTimestamp);
    writeInt64(view, at + BatchField.MAX_TIMESTAMP, this.maxTimestamp);
    writeInt64(view, at + BatchField.PRODUCER_ID, producerId);
    view.setInt16(at + BatchField.PRODUCER_EPOCH, producerId < 0 ? -1 : 0);
    view.setInt32(at + BatchField.BASE_SEQUENCE, baseSequence);
    view.setInt32(at + BatchField.RECORD_COUNT, count);
    view.setUint32(at + BatchField.CRC, crc32c(bytes, at + BatchField.ATTRIBUTES, this.lengthBytes - BatchField.ATTRIBUTES));
  }

  stored(partition: number, baseOffset: number, timestampMs: number): void {
    if (this.told) return;
    this.told = true;
    let offset = baseOffset;
    for (let i = 0; i < this.senders.length; i++) {
      const count = this.counts[i]!;
      this.senders[i]!.onStored(partition, offset, count, timestampMs);
      if (offset >= 0) offset += count;
    }
  }

  failed(error: Error): void {
    if (this.told) return;
    this.told = true;
    for (let i = 0; i < this.senders.length; i++) this.senders[i]!.onFailed(error, this.counts[i]!);
  }
}
