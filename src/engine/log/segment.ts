// Segment: one stretch of a log, a file of record batches with its two indexes. Owner: the shard's thread.
// State only; segment-files.ts opens, writes and deletes, log-append.ts and log-read.ts are the hot verbs.
//
// On disk: `N.log` is record batches back to back exactly as on the wire, N the base offset, no header, no padding.
// Three ends move through a segment, synced <= written <= staged; durableBytes lies from synced to written, where the commit
// journal has what the file lacks on the disk:
//
//   0 ......... syncedBytes ......... writtenBytes ......... stagedBytes
//     on disk              page cache             in the submission ring
//
// A crash of the process loses what is past writtenBytes, a power cut what is past syncedBytes.

import type { OffsetIndex } from './offset-index.ts';
import type { TimeIndex } from './time-index.ts';

/** A range that is unreadable although valid batches follow it. Without bytes: the file ends before the next one's offsets. */
export interface DamagedRange {
  readonly startPosition: number;
  readonly endPosition: number;
  /** Offsets that the damage may have held: [startOffset, endOffset). */
  readonly startOffset: number;
  readonly endOffset: number;
  readonly reason: string;
}

/** As it is kept over restarts. */
export interface DamageRow {
  /** Base offset of the segment. */
  readonly base: number;
  readonly range: DamagedRange;
}

export class Segment {
  readonly baseOffset: number;
  /** The directory it lives in; changes when the partition's directory is renamed for deletion. */
  dir: string;
  /** -1 while closed: segments other than the active one are opened when read. */
  fd = -1;
  /** Its bytes go through the reactor's own memory, not through the page cache. */
  managed = false;
  /** The file is longer than its batches: see managed-segment.ts. */
  padded = false;
  stagedBytes = 0;
  writtenBytes = 0;
  syncedBytes = 0;
  /** On the disk, here or in the commit journal. */
  durableBytes = 0;
  /** Sequence of the commit journal's last record that holds bytes of this segment; 0 for none. */
  commitSequence = 0;
  /** writtenBytes when the last sync was submitted. */
  syncingBytes = 0;
  /** Up to here write-back was asked for (write-back.ts). */
  pacedBytes = 0;
  /** It stands in write-back's line, counted with this many bytes. */
  inWriteBackLine = false;
  writeBackBytes = 0;
  /** writtenBytes when the last recovery note was taken. */
  notedBytes = 0;
  /** Offset after its last batch; as far as staged in the active segment. */
  endOffset: number;
  /** Greatest timestamp so far, and the last offset of the batch that has it; -1 when there is none. */
  maxTimestamp = -1;
  maxTimestampOffset = -1;
  /** Greatest timestamp of the first batch, which segment.ms counts from; -1 when empty or unknown. */
  firstTimestamp = -1;
  createdMs = 0;
  /** Bytes staged since the last index entry. */
  sinceIndexBytes = 0;
  /** Null until first needed (segments other than the active one). */
  offsetIndex: OffsetIndex | null = null;
  timeIndex: TimeIndex | null = null;
  /** The index files lack the last entries that memory has, or hold ones that it dropped. */
  indexDirty = false;
  /** The index was once rebuilt because it led astray: a second time means that the log itself is damaged. */
  indexRebuilt = false;
  damage: DamagedRange[] | null = null;
  /** Why recovery stopped short of the end, until it is decided whether that is a torn tail or damage. */
  tailReason = '';
  /** Sends, syncs and reads in flight that use the descriptor. */
  pins = 0;
  /** No longer part of a log: the descriptor closes with the last pin. */
  retired = false;
  /** A read off the thread failed: what cannot be read from memory is answered as failed. */
  readFailed = false;
  /** For closing the least recently read descriptors first. */
  lastRead = 0;

  constructor(dir: string, baseOffset: number) {
    this.dir = dir;
    this.baseOffset = baseOffset;
    this.endOffset = baseOffset;
  }
}
