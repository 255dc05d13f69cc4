// Which part of a log may be cleaned, and how much it is worth. Owner: the shard's thread; no state. Not hot: a look at each
// compacted log every log.cleaner.backoff.ms.
//
//   start ..... clean ..... firstDirtyOffset ..... dirty ..... endOffset ..... too young, not stable, or active
//
// Whole segments only, never the active one; nothing above what is committed, stable and on the disk. It ends before a damaged
// segment: that is neither rewritten, which would be the end of what can be repaired, nor passed by, as a tombstone behind it
// could go and uncover what is still readable in it. What a replay of the
// commit journal may still write waits until the journal is drained, half a minute at the most.

import { prepareSegment } from '../batch-position.ts';
import { isLost } from '../damage-file.ts';
import type { Log } from '../log.ts';
import type { LogTable } from '../log-table.ts';
import type { Segment } from '../segment.ts';

export interface CleanableRange {
  readonly firstDirtyOffset: number;
  readonly endOffset: number;
  /** Segments of it, from the log's first on. */
  readonly segmentCount: number;
  /** Share of dirty bytes. */
  readonly dirtyRatio: number;
  /** A record has been dirty for longer than max.compaction.lag.ms. */
  readonly isOverdue: boolean;
}

/** Null when there is nothing to clean. @param stableOffset high watermark or last stable offset, whichever is lower */
export function cleanableRange(table: LogTable, log: Log, stableOffset: number, nowMs: number): CleanableRange | null {
  const { segments, config } = log;
  const limit = Math.min(stableOffset, log.durableOffset);
  const known = log.firstDirtyOffset >= log.startOffset && log.firstDirtyOffset <= log.endOffset;
  const firstDirtyOffset = known ? log.firstDirtyOffset : log.startOffset;
  const dirtySinceMs = nowMs - config.minCompactionLagMs;
  const overdueMs = nowMs - config.maxCompactionLagMs;
  let cleanBytes = 0;
  let dirtyBytes = 0;
  let isOverdue = false;
  let count = 0;
  for (; count + 1 < segments.length; count++) {
    const segment = segments[count]!;
    const nextOffset = segments[count + 1]!.baseOffset;
    if (nextOffset > limit || !isSettled(segment) || table.commit.holds(log, segment)) break;
    if (segment.baseOffset === log.uncleanableBase || isLost(segment)) break;
    if (nextOffset <= firstDirtyOffset) {
      cleanBytes += segment.writtenBytes;
      continue;
    }
    if (config.minCompactionLagMs > 0 && !isOlder(table, log, segment, dirtySinceMs)) break;
    if (config.maxCompactionLagMs < Number.MAX_SAFE_INTEGER) isOverdue ||= startsBefore(table, log, segment, overdueMs);
    dirtyBytes += segment.writtenBytes;
  }
  if (dirtyBytes === 0) return null;
  const endOffset = segments[count]!.baseOffset;
  return { firstDirtyOffset, endOffset, segmentCount: count, dirtyRatio: dirtyBytes / (cleanBytes + dirtyBytes), isOverdue };
}

/** Its file is what it will stay: on the disk, and trimmed where it was of the managed mode. */
function isSettled(segment: Segment): boolean {
  return segment.syncedBytes === segment.writtenBytes && !segment.padded;
}

function isOlder(table: LogTable, log: Log, segment: Segment, timeMs: number): boolean {
  return prepareSegment(table, log, segment) && segment.maxTimestamp <= timeMs;
}

function startsBefore(table: LogTable, log: Log, segment: Segment, timeMs: number): boolean {
  return prepareSegment(table, log, segment) && segment.firstTimestamp > 0 && segment.firstTimestamp < timeMs;
}
