// Complete a segment's state from its files: indexes from their files, what they lack from the log's batch headers.
// Owner: the shard's thread. Not hot: on opening a log, and on the first read of an old segment.
//
// An index file may end early (it is written behind memory), be missing, or be damaged: the walk from its last entry adds
// what it lacks, and an entry that does not hit a batch's beginning throws the whole index away.

import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, SCAN_REASONS, type BatchScanner } from './batch-scanner.ts';
import { OFFSET_ENTRY_BYTES, OffsetIndex } from './offset-index.ts';
import { openSegment, readWholeFile, segmentPath } from './segment-files.ts';
import { noteBatch } from './segment-index.ts';
import { OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX } from './segment-name.ts';
import { beginWalk, nextBatch } from './segment-walk.ts';
import { Segment } from './segment.ts';
import { TIME_ENTRY_BYTES, TimeIndex } from './time-index.ts';
import { findValidBatch } from './valid-batch-search.ts';

/** All index entries are in memory. */
export function hasIndexes(segment: Segment): boolean {
  return segment.offsetIndex !== null && segment.offsetIndex.skipped === 0 && segment.timeIndex!.skipped === 0;
}

/** Load the indexes if they are not in memory yet. False when the log's own bytes do not parse: see segment.damage. */
export function ensureIndexes(fs: FileSystem, scanner: BatchScanner, segment: Segment, intervalBytes: number): boolean {
  if (hasIndexes(segment)) return true;
  openSegment(fs, segment);
  if (segment.offsetIndex !== null) {
    loadSkipped(fs, scanner, segment, intervalBytes);
    return true;
  }
  const offsetIndex = new OffsetIndex();
  const timeIndex = new TimeIndex();
  const offsets = readWholeFile(fs, segmentPath(segment, OFFSET_INDEX_SUFFIX));
  const times = readWholeFile(fs, segmentPath(segment, TIME_INDEX_SUFFIX));
  // A file that goes on after its last entry was not closed by us: what it lacks may lie in the middle.
  const usable =
    offsets !== null &&
    times !== null &&
    offsetIndex.decode(offsets, segment.writtenBytes) &&
    timeIndex.decode(times) &&
    offsetIndex.count * OFFSET_ENTRY_BYTES === offsets.length &&
    timeIndex.count * TIME_ENTRY_BYTES === times.length;
  segment.offsetIndex = offsetIndex;
  segment.timeIndex = timeIndex;
  if (usable && completeIndexes(fs, scanner, segment, intervalBytes) === ScanStatus.OK) return true;
  return rebuildIndexes(fs, scanner, segment, intervalBytes);
}

/** Entries that opening the log left in the files. Where the files do not hold them any more, the log does. */
function loadSkipped(fs: FileSystem, scanner: BatchScanner, segment: Segment, intervalBytes: number): void {
  const offsets = segment.offsetIndex!;
  const times = segment.timeIndex!;
  const older = new Segment(segment.dir, segment.baseOffset);
  const olderOffsets = (older.offsetIndex = new OffsetIndex());
  const olderTimes = (older.timeIndex = new TimeIndex());
  const whole = readSkippedOffsets(fs, segment, olderOffsets) && readSkippedTimes(fs, segment, olderTimes);
  const flushedOffsets = whole ? offsets.skipped + offsets.flushed : 0;
  const flushedTimes = whole ? times.skipped + times.flushed : 0;
  if (!whole) {
    older.fd = segment.fd;
    older.damage = segment.damage;
    older.writtenBytes = offsets.count === 0 ? 0 : offsets.positions[0]!;
    olderOffsets.clear();
    olderTimes.clear();
    beginWalk(scanner, older, 0);
    while (nextBatch(scanner, older)) noteBatch(older, intervalBytes, scanner.position, scanner.lastOffset, scanner);
    segment.indexDirty = true;
  }
  segment.offsetIndex = offsets.joinTo(olderOffsets);
  segment.timeIndex = times.joinTo(olderTimes);
  segment.offsetIndex.flushed = flushedOffsets;
  segment.timeIndex.flushed = flushedTimes;
}

function readSkippedOffsets(fs: FileSystem, segment: Segment, into: OffsetIndex): boolean {
  const { skipped, relativeOffsets, positions } = segment.offsetIndex!;
  if (skipped === 0) return true;
  const bytes = readWholeFile(fs, segmentPath(segment, OFFSET_INDEX_SUFFIX))?.subarray(0, skipped * OFFSET_ENTRY_BYTES);
  if (bytes === undefined || !into.decode(bytes, positions[0]!)) return false;
  return into.count === skipped && into.relativeOffsets[skipped - 1]! < relativeOffsets[0]!;
}

function readSkippedTimes(fs: FileSystem, segment: Segment, into: TimeIndex): boolean {
  const { skipped, relativeOffsets, timestamps } = segment.timeIndex!;
  if (skipped === 0) return true;
  const bytes = readWholeFile(fs, segmentPath(segment, TIME_INDEX_SUFFIX))?.subarray(0, skipped * TIME_ENTRY_BYTES);
  if (bytes === undefined || !into.decode(bytes) || into.count !== skipped) return false;
  // decode() lets a first entry of zeros pass.
  if (into.timestamps[0] === 0 && into.relativeOffsets[0] === 0) return false;
  return into.relativeOffsets[skipped - 1]! < relativeOffsets[0]! && into.timestamps[skipped - 1]! < timestamps[0]!;
}

/** Forget the indexes and make them anew from the batch headers. False when those do not parse. */
export function rebuildIndexes(fs: FileSystem, scanner: BatchScanner, segment: Segment, intervalBytes: number): boolean {
  segment.offsetIndex!.clear();
  segment.timeIndex!.clear();
  segment.indexDirty = true;
  segment.indexRebuilt = true;
  for (;;) {
    const status = completeIndexes(fs, scanner, segment, intervalBytes);
    if (status === ScanStatus.OK) return true;
    const { fd, writtenBytes, endOffset, baseOffset } = segment;
    const startPosition = scanner.position;
    const good = findValidBatch(fs, scanner, fd, startPosition, writtenBytes, endOffset, baseOffset);
    // What the next segment's base says about the offsets after it is not known here.
    let afterOffset = Number.MAX_SAFE_INTEGER;
    if (good >= 0) {
      scanner.begin(fd, good, writtenBytes, endOffset, false);
      scanner.next();
      afterOffset = scanner.baseOffset;
    }
    segment.damage ??= [];
    segment.damage.push({
      startPosition,
      endPosition: good < 0 ? writtenBytes : good,
      startOffset: endOffset,
      endOffset: afterOffset,
      reason: SCAN_REASONS[status]!,
    });
    if (good < 0) return false;
  }
}

/**
 * Walk from the last index entry to the end: adds missing entries, finds maximum timestamp, end offset and bytes since
 * the last entry. @returns OK, or what stopped the walk
 */
export function completeIndexes(fs: FileSystem, scanner: BatchScanner, segment: Segment, intervalBytes: number): number {
  const offsetIndex = segment.offsetIndex!;
  const timeIndex = segment.timeIndex!;
  openSegment(fs, segment);
  segment.maxTimestamp = timeIndex.lastTimestamp;
  segment.maxTimestampOffset = segment.baseOffset + timeIndex.lastRelativeOffset;
  segment.sinceIndexBytes = 0;
  segment.endOffset = segment.baseOffset;
  const last = offsetIndex.count - 1;
  const start = last < 0 ? 0 : offsetIndex.positions[last]!;
  scanner.begin(segment.fd, start, segment.writtenBytes, segment.baseOffset, false);
  for (let first = last >= 0; ; first = false) {
    const status = scanner.next();
    if (status === ScanStatus.END) break;
    if (status !== ScanStatus.OK) {
      const position = scanner.position;
      const damaged = segment.damage?.find((range) => range.startPosition === position);
      if (damaged === undefined) return status;
      if (damaged.endPosition >= segment.writtenBytes) break;
      scanner.begin(segment.fd, damaged.endPosition, segment.writtenBytes, segment.endOffset, false);
      continue;
    }
    // The batch of the last entry has its entry already; it must be the one the entry speaks of.
    if (first && scanner.lastOffset !== segment.baseOffset + offsetIndex.relativeOffsets[last]!) return ScanStatus.BAD_OFFSET;
    noteBatch(segment, first ? Infinity : intervalBytes, scanner.position, scanner.lastOffset, scanner);
    segment.endOffset = scanner.lastOffset + 1;
  }
  // A time entry for an offset that the segment does not hold.
  if (segment.maxTimestamp >= 0 && segment.maxTimestampOffset >= segment.endOffset) return ScanStatus.BAD_OFFSET;
  if (segment.firstTimestamp < 0 && segment.writtenBytes > 0) {
    scanner.begin(segment.fd, 0, segment.writtenBytes, segment.baseOffset, false);
    if (scanner.next() === ScanStatus.OK) segment.firstTimestamp = scanner.maxTimestamp;
  }
  return ScanStatus.OK;
}
