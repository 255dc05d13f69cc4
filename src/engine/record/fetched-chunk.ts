// What one fetch brought of a partition: its records one after the other, and where to go on. Owner: whoever fetched.
// Warm: an object a record.

import { BatchWalker, WalkStatus } from './batch-walker.ts';
import { type LogRecord, recordsOf } from './log-records.ts';

export class FetchedChunk {
  /** Offset behind the last whole batch; the position asked for when there is none. */
  readonly nextOffset: number;
  /** Whole batches, and no other. */
  private readonly batches: Uint8Array;
  private readonly position: number;
  private records: Iterator<LogRecord> | null = null;
  private peeked: LogRecord | null = null;

  constructor(bytes: Uint8Array, position: number) {
    this.position = position;
    let next = position;
    let end = 0;
    const walker = walk(bytes, true);
    while (walker.next() === WalkStatus.BATCH) {
      next = walker.header.baseOffset + walker.header.lastOffsetDelta + 1;
      end = walker.offset + walker.sizeBytes;
    }
    this.batches = bytes.subarray(0, end);
    this.nextOffset = Math.max(next, position);
  }

  /** The next record, or null behind the last. @throws MalformedBytes, CannotDecompress */
  next(): LogRecord | null {
    if (this.peeked !== null) {
      const record = this.peeked;
      this.peeked = null;
      return record;
    }
    this.records ??= recordsFrom(this.batches, this.position);
    const { done, value } = this.records.next();
    return done === true ? null : value;
  }

  /** Are there more? */
  hasMore(): boolean {
    this.peeked ??= this.next();
    return this.peeked !== null;
  }
}

function* recordsFrom(bytes: Uint8Array, position: number): Generator<LogRecord> {
  const walker = walk(bytes, false);
  while (walker.next() === WalkStatus.BATCH) {
    if (walker.header.isControl) continue;
    for (const record of recordsOf(bytes, walker.offset, walker.sizeBytes)) if (record.offset >= position) yield record;
  }
}

function walk(bytes: Uint8Array, checkCrc: boolean): BatchWalker {
  const walker = new BatchWalker({ checkCrc, batchMaxBytes: Infinity });
  walker.wrap(bytes, 0, bytes.length, 0);
  return walker;
}
