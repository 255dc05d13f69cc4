// Plan a read: which bytes of which file answer a fetch. Owner: the shard's thread. @hot
//
// A plan is numbers only; it is executed by SEND_FILE (after lease()) or by copying from the arena. It begins with the batch
// that holds the offset and ends at the limit, or where maxBytes cuts, then preferably at an index entry: there a batch
// begins, and the reader's next request finds it with one look at its header (batch-position.ts).

import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { Ctl } from '../io/tick-layout.ts';
import { damageAt, firstBatchBytes, Locate, locateOffset, prepareSegment, segmentIndexOf } from './batch-position.ts';
import type { Segment } from './segment.ts';

export const ReadStatus = {
  OK: 0,
  /** Nothing to read there yet (offset at the limit), or the first batch does not fit and need not be whole. */
  EMPTY: 1,
  OUT_OF_RANGE: 2,
  /** The way to the position is not in memory: onReadable() will be called. */
  WAIT_IO: 3,
  FAILED: 4,
  /** The bytes at that offset are damaged. */
  CORRUPT: 5,
} as const;

/** The segment holds nothing at or above the offset: go on with the next. */
const NEXT_SEGMENT = -1;

export class ReadPlan {
  segment: Segment | null = null;
  fd = -1;
  position = 0;
  length = 0;
  /** >= 0 when the whole range is memory that arrived in this very tick. */
  arenaOffset = -1;
}

/** Fill `plan` with up to maxBytes from `offset` on, below `limitOffset`. */
export function planRead(
  table: LogTable,
  log: Log,
  offset: number,
  maxBytes: number,
  limitOffset: number,
  wholeFirstBatch: boolean,
  plan: ReadPlan,
): number {
  plan.segment = null;
  plan.length = 0;
  plan.arenaOffset = -1;
  if (log.failed || log.closed) return ReadStatus.FAILED;
  if (offset < log.startOffset || offset > log.endOffset) return ReadStatus.OUT_OF_RANGE;
  const limit = Math.min(limitOffset, log.writtenOffset);
  if (offset >= limit || (maxBytes <= 0 && !wholeFirstBatch)) return ReadStatus.EMPTY;
  const segments = log.segments;
  for (let i = segmentIndexOf(log, offset); i < segments.length && segments[i]!.baseOffset < limit; i++) {
    const status = planInSegment(table, log, i, offset, maxBytes, limit, wholeFirstBatch, plan);
    if (status !== NEXT_SEGMENT) return status;
  }
  return ReadStatus.EMPTY;
}

function planInSegment(
  table: LogTable,
  log: Log,
  index: number,
  offset: number,
  maxBytes: number,
  limit: number,
  wholeFirstBatch: boolean,
  plan: ReadPlan,
): number {
  const segment = log.segments[index]!;
  const next = index + 1 < log.segments.length ? log.segments[index + 1]! : null;
  if (!prepareSegment(table, log, segment)) return ReadStatus.FAILED;
  const start = locateOffset(table, log, segment, offset);
  if (start < 0) return statusOf(start);
  let end = segment.writtenBytes;
  if (limit !== log.writtenOffset && (next === null || next.baseOffset > limit)) {
    end = locateOffset(table, log, segment, limit);
    if (end === Locate.NOT_HERE || end === Locate.CORRUPT) end = segment.writtenBytes;
    else if (end < 0) return statusOf(end);
  }
  const reachesLimit = (next === null || next.baseOffset > limit) && (segment.damage === null || damageAt(segment, start) >= end);
  if (segment.damage !== null) end = Math.min(end, damageAt(segment, start));
  if (end <= start) return ReadStatus.EMPTY;
  let length = end - start;
  if (length > maxBytes) {
    length = cut(table, log, segment, offset, start, maxBytes, wholeFirstBatch);
    if (length <= 0) return length === 0 ? ReadStatus.EMPTY : statusOf(length);
  } else if (reachesLimit) {
    log.positions.put(limit, segment.baseOffset, end);
  }
  plan.segment = segment;
  plan.fd = segment.fd;
  plan.position = start;
  plan.length = length;
  const recent = log.recent.find(offset, segment.baseOffset);
  if (recent >= 0) plan.arenaOffset = log.recent.arenaRange(recent, length, table.ring.ctlF64[Ctl.TICKS_F64]!);
  return ReadStatus.OK;
}

/** How much of more than maxBytes to give; 0 when even the first batch is too much, or a negative Locate. */
function cut(
  table: LogTable,
  log: Log,
  segment: Segment,
  offset: number,
  start: number,
  maxBytes: number,
  wholeFirstBatch: boolean,
): number {
  const offsetIndex = segment.offsetIndex!;
  const entry = offsetIndex.floorPosition(start + maxBytes);
  if (entry >= 0 && offsetIndex.positions[entry]! > start) return offsetIndex.positions[entry]! - start;
  const first = firstBatchBytes(table, log, segment, offset, start);
  if (first < 0) return first;
  if (first <= maxBytes) return maxBytes;
  return wholeFirstBatch ? first : 0;
}

function statusOf(locate: number): number {
  switch (locate) {
    case Locate.NOT_HERE:
      return NEXT_SEGMENT;
    case Locate.WAIT:
      return ReadStatus.WAIT_IO;
    case Locate.CORRUPT:
      return ReadStatus.CORRUPT;
    default:
      return ReadStatus.FAILED;
  }
}

/** Keep the plan's descriptor open until onSent(ticket). */
export function lease(table: LogTable, plan: ReadPlan): number {
  return table.leases.take(plan.segment!);
}
