// What opening a log found, for the start-up log and for operators. Owner: the shard's thread; written once, at opening.

import type { DamagedRange } from './segment.ts';

export interface SegmentDamage extends DamagedRange {
  /** Base offset of the segment. */
  readonly segment: number;
}

export interface RecoveryReport {
  /** The directory was new. */
  readonly created: boolean;
  /** Bytes read and checked: 0 after a clean stop. */
  readonly scannedBytes: number;
  /** Torn tail cut off. */
  readonly truncatedBytes: number;
  /** Segments without a valid batch that were deleted behind the torn tail. */
  readonly deletedSegments: number;
  /** Segments whose indexes were rebuilt. */
  readonly rebuiltIndexes: number;
  /** Unreadable ranges with valid batches behind them: kept, and answered with CORRUPT. */
  readonly damage: readonly SegmentDamage[];
  readonly endOffset: number;
}
