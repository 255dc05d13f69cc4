// Read a log's tail batch by batch: what is valid takes its place in indexes, leader epochs and producers; what is not is a
// torn end or damage. Owner: the shard's thread. Not hot: recovery only.
//
//   a. nothing valid follows, in this segment or a later one: a torn tail. It is cut off, later segments are deleted.
//   b. something valid follows: damage. It stays where it is, is reported, and reads of it answer CORRUPT. A hole that a
//      power cut left above all that was flushed is none (never-flushed.ts): it is told of, and reads go on behind it.
// A tail behind the last valid batch of the last segment that holds one is always case a. What a crash leaves of managed
// segments is a case of its own: managed-segment.ts.

import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, SCAN_REASONS, type BatchScanner } from './batch-scanner.ts';
import type { Log } from './log.ts';
import { removeFiles } from './log-cut.ts';
import { findFence } from './fence-block.ts';
import { HOLE_BYTES_MAX, isZero, lastBeforeHole } from './managed-segment.ts';
import { type FlushedBefore, hasHole, isNeverFlushed, OFFSETS_LOST, reasonOfGap } from './never-flushed.ts';
import { replayBatch } from './producer-replay.ts';
import type { RecoveryReport } from './recovery-report.ts';
import { openSegment } from './segment-files.ts';
import { noteBatch } from './segment-index.ts';
import type { Segment } from './segment.ts';
import { findValidBatch } from './valid-batch-search.ts';

/** Check a segment from a batch's beginning on. @returns where nothing valid follows any more, or -1 when it is whole */
export function checkSegment(
  fs: FileSystem,
  scanner: BatchScanner,
  log: Log,
  segment: Segment,
  position: number,
  flushed: FlushedBefore,
  found: RecoveryReport,
): number {
  openSegment(fs, segment);
  let isRecycled = false;
  for (let from = position; ;) {
    scanner.begin(segment.fd, from, segment.writtenBytes, segment.endOffset, true);
    let status = scanner.next();
    for (; status === ScanStatus.OK; status = scanner.next()) takeBatch(scanner, log, segment);
    found.scannedBytes += scanner.scannedBytes;
    if (status === ScanStatus.END) return -1;
    const bad = scanner.position;
    isRecycled ||= log.hasManaged && cutEarlierLife(fs, segment, bad);
    let good = findBatch(fs, scanner, log.hasManaged ? Math.min(bad + HOLE_BYTES_MAX, segment.writtenBytes) : bad, segment);
    if (good < 0 && (isRecycled || (log.hasManaged && isZero(fs, segment.fd, bad, segment.writtenBytes))))
      return cutPadding(fs, segment, bad);
    if (good < 0) return tornTail(segment, bad, status);
    // That much was not under way at once: it is damage, and no larger than it need be.
    if (log.hasManaged) good = findBatch(fs, scanner, bad, segment);
    scanner.begin(segment.fd, good, segment.writtenBytes, segment.endOffset, false);
    scanner.next();
    const { baseOffset } = scanner;
    let reason: string = SCAN_REASONS[status]!;
    if (hasHole(fs, segment.fd, bad, good)) reason = reasonOfGap(flushed, segment, segment.endOffset, reason);
    isolate(segment, found, bad, good, baseOffset, reason);
    from = good;
  }
}

function findBatch(fs: FileSystem, scanner: BatchScanner, from: number, segment: Segment): number {
  const { fd, writtenBytes, endOffset, baseOffset } = segment;
  return findValidBatch(fs, scanner, fd, from, writtenBytes, endOffset, baseOffset);
}

/** A recycled file ends, at the latest, at the first fence that stands. @returns whether there was one */
function cutEarlierLife(fs: FileSystem, segment: Segment, bad: number): boolean {
  const fence = findFence(fs, segment.fd, bad, segment.writtenBytes);
  if (fence >= 0) shorten(fs, segment, fence);
  return fence >= 0;
}

/** Reserved and never written, or not in this life: the segment is whole. */
function cutPadding(fs: FileSystem, segment: Segment, end: number): number {
  shorten(fs, segment, end);
  segment.padded = true;
  return -1;
}

function shorten(fs: FileSystem, segment: Segment, end: number): void {
  fs.truncate(segment.fd, end);
  segment.stagedBytes = end;
  segment.writtenBytes = end;
  segment.syncedBytes = Math.min(segment.syncedBytes, end);
  segment.syncingBytes = segment.syncedBytes;
}

/** Follow the headers alone to the segment's end. @returns the last batch's position, `position` without any, -1 if they break off */
export function followSegment(fs: FileSystem, scanner: BatchScanner, log: Log, segment: Segment, position: number): number {
  openSegment(fs, segment);
  let last = position;
  scanner.begin(segment.fd, position, segment.writtenBytes, segment.endOffset, false);
  let status = scanner.next();
  for (; status === ScanStatus.OK; status = scanner.next()) {
    takeBatch(scanner, log, segment);
    last = scanner.position;
  }
  return status === ScanStatus.END ? last : -1;
}

/** The reason is kept in the segment until it is decided whether the tail is torn or damaged. */
function tornTail(segment: Segment, bad: number, status: number): number {
  segment.tailReason = SCAN_REASONS[status]!;
  return bad;
}

function takeBatch(scanner: BatchScanner, log: Log, segment: Segment): void {
  noteBatch(segment, log.config.indexIntervalBytes, scanner.position, scanner.lastOffset, scanner);
  segment.endOffset = scanner.lastOffset + 1;
  log.leaderEpochs.assign(scanner.leaderEpoch, scanner.baseOffset);
  replayBatch(scanner, log.producers);
}

function isolate(segment: Segment, found: RecoveryReport, from: number, to: number, endOffset: number, reason: string): void {
  const range = { startPosition: from, endPosition: to, startOffset: segment.endOffset, endOffset, reason };
  segment.damage ??= [];
  segment.damage.push(range);
  (isNeverFlushed(range) ? found.unflushed : found.damage).push({ ...range, segment: segment.baseOffset });
}

/**
 * The last segment that holds a valid batch is the log's last; tails before it are damage, its own is torn.
 * @returns whether valid batches went with the tail: producers that were replayed from them are not known any more
 */
export function cutTornTail(
  fs: FileSystem,
  log: Log,
  first: number,
  tornAt: readonly number[],
  flushed: FlushedBefore,
  found: RecoveryReport,
): boolean {
  const { segments } = log;
  let last = segments.length - 1;
  while (last > first && segments[last]!.endOffset === segments[last]!.baseOffset && mayGo(log, last, first, tornAt)) last--;
  if (log.hasManaged) last = Math.min(last, lastBeforeHole(segments, first, tornAt));
  let dropped = false;
  for (let i = first; i < last; i++) {
    if (tornAt[i]! < 0) continue;
    const segment = segments[i]!;
    // A gap like any other, which tellGaps() tells.
    if (isUnflushedTail(fs, segment, tornAt[i]!, flushed)) cutTail(fs, segment, tornAt[i]!, found);
    else isolate(segment, found, tornAt[i]!, segment.writtenBytes, segments[i + 1]!.baseOffset, segment.tailReason);
  }
  for (const gone of segments.splice(last + 1)) {
    found.deletedSegments++;
    found.truncatedBytes += gone.writtenBytes;
    dropped ||= gone.endOffset > gone.baseOffset;
    removeFiles(fs, gone);
  }
  const segment = segments[last]!;
  if (tornAt[last]! < 0) return dropped;
  cutTail(fs, segment, tornAt[last]!, found);
  return dropped;
}

function cutTail(fs: FileSystem, segment: Segment, end: number, found: RecoveryReport): void {
  found.truncatedBytes += segment.writtenBytes - end;
  shorten(fs, segment, end);
}

/** Zeros, or a batch that the file ends in. */
function isUnflushedTail(fs: FileSystem, segment: Segment, bad: number, flushed: FlushedBefore): boolean {
  const { tailReason, writtenBytes, fd, endOffset } = segment;
  if (tailReason !== SCAN_REASONS[ScanStatus.SHORT] && !hasHole(fs, fd, bad, writtenBytes)) return false;
  return isNeverFlushed({ reason: reasonOfGap(flushed, segment, endOffset, tailReason) });
}

/** A segment ends before the next one begins. Compaction leaves such gaps too. */
export function tellGaps(log: Log, first: number, flushed: FlushedBefore, found: RecoveryReport): void {
  const { segments } = log;
  for (let i = first; i + 1 < segments.length; i++) {
    const segment = segments[i]!;
    const { endOffset, writtenBytes } = segment;
    const next = segments[i + 1]!.baseOffset;
    if (endOffset >= next || log.config.cleanupCompact || segment.damage?.at(-1)?.endOffset === next) continue;
    isolate(segment, found, writtenBytes, writtenBytes, next, reasonOfGap(flushed, segment, endOffset, OFFSETS_LOST));
  }
}

/** An empty last segment stays when the log reaches exactly to its base: it was rolled to. */
function mayGo(log: Log, last: number, first: number, tornAt: readonly number[]): boolean {
  const before = last - 1;
  if (tornAt[last]! >= 0 || (before >= first && tornAt[before]! >= 0)) return true;
  return !log.config.cleanupCompact && log.segments[before]!.endOffset !== log.segments[last]!.baseOffset;
}
