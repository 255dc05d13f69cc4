// Where in a segment the batch with an offset begins. Owner: the shard's thread. @hot
//
// In this order, cheapest first:
//   a. the log's recent batches, and where other readers stopped: memory only
//   b. the index entry at or after the offset: if its batch holds the offset, one header is read
//   c. from the index entry before it, header by header: at most an index interval of log
// A reader going through history asks for offsets where its last plan ended, at an index entry, so it lives on b.

import { forgiveDisk } from '../io/disk-error.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_OVERHEAD, BATCH_MAGIC, BatchField, readInt64 } from '../record/batch-header.ts';
import { CHUNK_BYTES, PageStatus } from './header-pages.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { isNeverFlushed } from './never-flushed.ts';
import type { OffsetIndex } from './offset-index.ts';
import { openSegment } from './segment-files.ts';
import { ensureIndexes, hasIndexes, rebuildIndexes } from './segment-load.ts';
import type { Segment } from './segment.ts';

/** What locateOffset() answers instead of a position. */
export const Locate = {
  /** All batches of the segment lie below the offset. */
  NOT_HERE: -1,
  WAIT: -2,
  CORRUPT: -3,
  FAILED: -4,
  /** An index entry led astray. */
  MISLED: -5,
} as const;

/** The segment whose range holds the offset: the last one with a base at or below it (or the first). */
export function segmentIndexOf(log: Log, offset: number): number {
  const segments = log.segments;
  let low = 0;
  let high = segments.length - 1;
  if (segments[high]!.baseOffset <= offset) return high;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (segments[middle]!.baseOffset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Open descriptor, indexes in memory. False when the disk refuses. */
export function prepareSegment(table: LogTable, log: Log, segment: Segment): boolean {
  const isActive = segment === log.segments[log.segments.length - 1];
  if (segment.fd >= 0 && hasIndexes(segment)) {
    if (!isActive) table.cold.touch(segment);
    return true;
  }
  try {
    openSegment(table.fs, segment);
    ensureIndexes(table.fs, table.scanner, segment, log.config.indexIntervalBytes);
  } catch (error) {
    forgiveDisk(error);
    return false;
  }
  if (!isActive) table.cold.touch(segment);
  return true;
}

/** Position of the first batch that reaches `offset`, or a Locate. The segment is prepared. */
export function locateOffset(table: LogTable, log: Log, segment: Segment, offset: number): number {
  if (segment.damage !== null && isDamaged(segment, offset)) return Locate.CORRUPT;
  if (offset <= segment.baseOffset) {
    const start = segment.damage === null ? 0 : damageEnd(segment, 0);
    return segment.writtenBytes > start ? start : Locate.NOT_HERE;
  }
  const recent = log.recent.find(offset, segment.baseOffset);
  if (recent >= 0) return log.recent.position(recent); // a
  const known = log.positions.find(offset, segment.baseOffset);
  if (known >= 0) return known < segment.writtenBytes ? known : Locate.NOT_HERE; // a
  const found = locateByIndex(table, log, segment, offset);
  if (found !== Locate.MISLED) return found;
  return locateAgain(table, log, segment, offset);
}

/** Bytes of the batch at `position`, which is the one that holds `offset`; or a Locate. */
export function firstBatchBytes(table: LogTable, log: Log, segment: Segment, offset: number, position: number): number {
  const recent = log.recent.find(offset, segment.baseOffset);
  if (recent >= 0) return log.recent.length(recent);
  const at = headerAt(table, log, segment, position, BATCH_HEADER_BYTES);
  if (at < 0) return at;
  const view = table.ring.view;
  if (view.getInt8(at + BatchField.MAGIC) !== BATCH_MAGIC) return Locate.CORRUPT;
  return view.getInt32(at + BatchField.LENGTH) + BATCH_LENGTH_OVERHEAD;
}

/** Where the next damaged range after `position` begins: a plan ends there. */
export function damageAt(segment: Segment, position: number): number {
  const damage = segment.damage!;
  let end = segment.writtenBytes;
  for (let i = 0; i < damage.length; i++) if (damage[i]!.startPosition >= position) end = Math.min(end, damage[i]!.startPosition);
  return end;
}

function isDamaged(segment: Segment, offset: number): boolean {
  const damage = segment.damage!;
  for (let i = 0; i < damage.length; i++) {
    const range = damage[i]!;
    if (offset >= range.startOffset && offset < range.endOffset && !isNeverFlushed(range)) return true;
  }
  return false;
}

function locateByIndex(table: LogTable, log: Log, segment: Segment, offset: number): number {
  const index = segment.offsetIndex!;
  const ceiling = index.ceiling(offset - segment.baseOffset);
  let end = segment.writtenBytes;
  // Entries of batches still staged lie beyond what can be read.
  if (ceiling < index.count && index.positions[ceiling]! < end) {
    end = index.positions[ceiling]!;
    // Its header cannot be believed; what is looked for lies before it.
    if (segment.damage !== null && damageEnd(segment, end) > end) return walkTo(table, log, segment, offset, startOf(index, ceiling), end);
    const at = headerAt(table, log, segment, end, BATCH_HEADER_BYTES); // b
    if (at < 0) return at;
    const baseOffset = headerBase(table.ring.view, at);
    const lastOffset = baseOffset + table.ring.view.getInt32(at + BatchField.LAST_OFFSET_DELTA);
    if (lastOffset !== segment.baseOffset + index.relativeOffsets[ceiling]!) return Locate.MISLED;
    if (baseOffset <= offset) return end;
  }
  return walkTo(table, log, segment, offset, startOf(index, ceiling), end); // c
}

function startOf(index: OffsetIndex, ceiling: number): number {
  return ceiling === 0 ? 0 : index.positions[ceiling - 1]!;
}

/** The first batch in [start, end) that reaches `offset`; otherwise `end` if a batch begins there. */
function walkTo(table: LogTable, log: Log, segment: Segment, offset: number, start: number, end: number): number {
  const view = table.ring.view;
  let position = start;
  while (position < end) {
    if (segment.damage !== null) {
      const after = damageEnd(segment, position);
      if (after > position) {
        position = after;
        continue;
      }
    }
    const chunk = headerAt(table, log, segment, position, Math.min(CHUNK_BYTES, segment.writtenBytes - position));
    if (chunk < 0) return chunk;
    const chunkEnd = position + table.pages.available;
    for (let at = chunk; position < end && position + BATCH_HEADER_BYTES <= chunkEnd;) {
      if (segment.damage !== null && damageEnd(segment, position) > position) break;
      const lengthBytes = view.getInt32(at + BatchField.LENGTH) + BATCH_LENGTH_OVERHEAD;
      const lastDelta = view.getInt32(at + BatchField.LAST_OFFSET_DELTA);
      const baseOffset = headerBase(view, at);
      if (baseOffset < segment.baseOffset || lastDelta < 0 || lengthBytes < BATCH_HEADER_BYTES || lengthBytes > end - position) {
        return Locate.MISLED;
      }
      if (baseOffset + lastDelta >= offset) return position;
      position += lengthBytes;
      at += lengthBytes;
    }
  }
  return end < segment.writtenBytes ? end : Locate.NOT_HERE;
}

/** The index, or the log, is not what it should be: make the index anew, once; after that the log is to blame. */
function locateAgain(table: LogTable, log: Log, segment: Segment, offset: number): number {
  if (segment.indexRebuilt || segment === log.segments[log.segments.length - 1]) return Locate.CORRUPT;
  try {
    rebuildIndexes(table.fs, table.scanner, segment, log.config.indexIntervalBytes);
  } catch (error) {
    forgiveDisk(error);
    return Locate.FAILED;
  }
  if (segment.damage !== null && isDamaged(segment, offset)) return Locate.CORRUPT;
  const found = locateByIndex(table, log, segment, offset);
  return found === Locate.MISLED ? Locate.CORRUPT : found;
}

/** End of the damaged range that holds `position`, or `position`. */
function damageEnd(segment: Segment, position: number): number {
  const damage = segment.damage!;
  for (let i = 0; i < damage.length; i++) {
    if (position >= damage[i]!.startPosition && position < damage[i]!.endPosition) return damage[i]!.endPosition;
  }
  return position;
}

/** Arena offset of up to `length` bytes at `position`, a header at least; or a Locate. */
function headerAt(table: LogTable, log: Log, segment: Segment, position: number, length: number): number {
  if (segment.writtenBytes - position < BATCH_HEADER_BYTES) return Locate.MISLED;
  const at = table.pages.bytesAt(log, segment, position, length, BATCH_HEADER_BYTES);
  if (at >= 0) return at;
  return at === PageStatus.WAIT ? Locate.WAIT : Locate.FAILED;
}

/** Base offset, or -1 when no batch begins there. */
function headerBase(view: DataView, at: number): number {
  return view.getInt8(at + BatchField.MAGIC) === BATCH_MAGIC ? readInt64(view, at + BatchField.BASE_OFFSET) : -1;
}
