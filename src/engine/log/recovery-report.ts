// What opening a log found, for the start-up log and for operators. Owner: the shard's thread; written once, at opening.

import type { DamagedRange } from './segment.ts';

interface SegmentDamage extends DamagedRange {
  /** Base offset of the segment. */
  readonly segment: number;
}

/**
 * How the log was opened: new; after a clean stop; after the death of the process alone, whose page cache is still there;
 * or after anything else, which means that bytes past the recovery point were checked.
 */
type RecoveryMode = 'created' | 'clean' | 'kept' | 'checked';

/** Complete when the log is open; grows until then. */
export interface RecoveryReport {
  mode: RecoveryMode;
  /** Bytes of batches whose checksum was verified: 0 after a clean stop. */
  scannedBytes: number;
  /** Bytes of log files that were read, headers included. */
  readBytes: number;
  /** Torn tail cut off. */
  truncatedBytes: number;
  /** Segments without a valid batch that were deleted behind the torn tail. */
  deletedSegments: number;
  /** Segments whose indexes were rebuilt. */
  rebuiltIndexes: number;
  /** Offsets below the recovery point that the log does not reach: the disk, or who copied the files, lost them. */
  missingOffsets: number;
  /** Unreadable ranges with valid batches behind them: kept, and answered with CORRUPT. */
  readonly damage: SegmentDamage[];
  /** Ranges that a power cut left out and nobody was promised: reads go on behind them. */
  readonly unflushed: SegmentDamage[];
  /** Files that look like a log's and are none: left alone. */
  readonly strays: string[];
  /** Where the directory of another topic of this name was moved to; empty when there was none. */
  movedAside: string;
  endOffset: number;
}
