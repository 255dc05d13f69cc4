// Open a partition's directory: create it, trust it after a clean stop, or recover it after a crash.
// Owner: the shard's thread. Not hot.
//
// After a crash every segment from the one that holds the recovery point on is read and checked, and its indexes, leader
// epochs and producers come from what is read. Where the bytes end or go bad:
//   a. nothing valid follows, in this segment or a later one: a torn tail. It is cut off, later segments are deleted.
//   b. something valid follows: damage. It stays where it is, is reported, and reads of it answer CORRUPT.
// A tail behind the last valid batch of the last segment that holds one is always case a. What was read is then synced, so
// that the new end is durable. Recovering twice gives the same log.

import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, SCAN_REASONS, type BatchScanner } from './batch-scanner.ts';
import { saveLeaderEpochs, loadLeaderEpochs } from './leader-epoch-file.ts';
import type { Log } from './log.ts';
import { removeFiles } from './log-cut.ts';
import { hasManagedMarker, HOLE_BYTES_MAX, isZero, lastBeforeHole, manageSegment } from './managed-segment.ts';
import { readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts';
import { reloadProducers, replayBatch, replayFrom } from './producer-replay.ts';
import { loadSnapshot, removeSnapshotsAbove } from './producer-snapshot.ts';
import type { RecoveryReport, SegmentDamage } from './recovery-report.ts';
import { createSegment, ensureIndexFiles, flushIndexes, openSegment, closeDescriptor, segmentPath } from './segment-files.ts';
import { addTimeEntry, noteBatch } from './segment-index.ts';
import { ensureIndexes } from './segment-load.ts';
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  LOG_SUFFIX,
  offsetOfFileName,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './segment-name.ts';
import { Segment } from './segment.ts';
import { OffsetIndex } from './offset-index.ts';
import { TimeIndex } from './time-index.ts';
import { findValidBatch } from './valid-batch-search.ts';

export interface RecoveryStart {
  readonly recoveryPoint: number;
  readonly clean: boolean;
  readonly logStartOffset: number;
  readonly nowMs: number;
}

/** What the report is made of while it grows. */
interface Findings {
  created: boolean;
  scannedBytes: number;
  truncatedBytes: number;
  deletedSegments: number;
  rebuiltIndexes: number;
  damage: SegmentDamage[];
  /** Valid batches went with the tail: producers that were replayed from them are known no more. */
  droppedBatches: boolean;
}

/** Fill `log` (fresh, with its dir) from its directory. @throws what the disk throws */
export function recoverLog(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart): RecoveryReport {
  const found: Findings = {
    created: false,
    scannedBytes: 0,
    truncatedBytes: 0,
    deletedSegments: 0,
    rebuiltIndexes: 0,
    damage: [],
    droppedBatches: false,
  };
  if (!fs.isDirectory(log.dir)) {
    fs.makeDirectory(log.dir);
    found.created = true;
  }
  if (readPartitionMetadata(fs, log.dir) === null) writePartitionMetadata(fs, log.dir, log.topicId);
  log.hasManaged = hasManagedMarker(fs, log.dir);
  for (const base of tidyDirectory(fs, log.dir)) log.segments.push(describeSegment(fs, log.dir, base));
  const epochsWhole = loadLeaderEpochs(fs, log.dir, log.leaderEpochs);
  const clean = start.clean && epochsWhole;
  if (log.segments.length === 0) {
    found.created = true;
    startAnew(fs, log, start);
    // The new directory's own name.
    fs.syncDirectory(log.dir.slice(0, Math.max(log.dir.lastIndexOf('/'), 1)));
  } else if (!clean || !openClean(fs, scanner, log, start)) {
    recoverUnclean(fs, scanner, log, start, found);
  }
  settle(fs, scanner, log, start, found);
  const { droppedBatches: _droppedBatches, ...report } = found;
  return { ...report, endOffset: log.endOffset };
}

/** Remove what earlier work left behind. @returns base offsets of the segments, ascending */
function tidyDirectory(fs: FileSystem, dir: string): number[] {
  const bases: number[] = [];
  const names = fs.list(dir);
  for (const name of names) {
    if (name.endsWith(DELETED_SUFFIX) || name.endsWith(CLEANED_SUFFIX) || name.endsWith('.snapshot.tmp')) fs.remove(`${dir}/${name}`);
    const base = offsetOfFileName(name, LOG_SUFFIX);
    if (base >= 0) bases.push(base);
  }
  for (const suffix of [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]) {
    for (const name of names) {
      const base = offsetOfFileName(name, suffix);
      if (base >= 0 && !bases.includes(base)) fs.remove(`${dir}/${name}`);
    }
  }
  return bases.sort((a, b) => a - b);
}

function describeSegment(fs: FileSystem, dir: string, base: number): Segment {
  const segment = new Segment(dir, base);
  openSegment(fs, segment);
  const bytes = fs.size(segment.fd);
  segment.stagedBytes = bytes;
  segment.writtenBytes = bytes;
  segment.syncedBytes = bytes;
  segment.syncingBytes = bytes;
  segment.createdMs = fs.modifiedMs(segmentPath(segment, LOG_SUFFIX));
  closeDescriptor(fs, segment);
  return segment;
}

function startAnew(fs: FileSystem, log: Log, start: RecoveryStart): void {
  const segment = createSegment(fs, log.dir, start.logStartOffset, start.nowMs, log.config);
  log.segments.push(segment);
  log.leaderEpochs.clear();
  setEnds(log, start.logStartOffset);
  ensureIndexFiles(fs, segment);
}

function setEnds(log: Log, endOffset: number): void {
  log.endOffset = endOffset;
  log.writtenOffset = endOffset;
  log.durableOffset = endOffset;
}

/** After a clean stop only the last segment is opened. False when it is not as a clean stop leaves it. */
function openClean(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart): boolean {
  const { segments } = log;
  for (let i = 0; i + 1 < segments.length; i++) segments[i]!.endOffset = segments[i + 1]!.baseOffset;
  const last = log.active;
  if (!ensureIndexes(fs, scanner, last, log.config.indexIntervalBytes)) {
    last.damage = null;
    return false;
  }
  setEnds(log, last.endOffset);
  log.startOffset = Math.max(start.logStartOffset, segments[0]!.baseOffset);
  reloadProducers(fs, scanner, log, false);
  return true;
}

function recoverUnclean(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart, found: Findings): void {
  const { segments } = log;
  let first = segments.length - 1;
  while (first > 0 && segments[first]!.baseOffset > start.recoveryPoint) first--;
  const scanStart = segments[first]!.baseOffset;
  for (let i = 0; i < first; i++) segments[i]!.endOffset = segments[i + 1]!.baseOffset;
  log.startOffset = Math.max(start.logStartOffset, segments[0]!.baseOffset);
  log.leaderEpochs.truncateFromEnd(scanStart);
  // Producers as of the scan's beginning; the scan itself replays the rest.
  log.writtenOffset = scanStart;
  const snapshot = loadSnapshot(fs, log.dir, scanStart, log.producers);
  replayFrom(fs, scanner, log, Math.max(snapshot, segments[0]!.baseOffset));
  const tornAt: number[] = [];
  for (let i = first; i < segments.length; i++) tornAt[i] = scanSegment(fs, scanner, log, segments[i]!, found);
  cutTornTail(fs, log, first, tornAt, found);
  for (let i = first; i < segments.length; i++) {
    const segment = segments[i]!;
    // Entries in the old files may disagree with the log: they are written anew, from the beginning.
    ensureIndexFiles(fs, segment);
    if (i < segments.length - 1) addTimeEntry(segment);
    flushIndexes(fs, segment);
    fs.fdatasync(segment.fd);
    segment.padded = false;
    if (i < segments.length - 1) closeDescriptor(fs, segment);
  }
  found.rebuiltIndexes = segments.length - first;
  setEnds(log, log.active.endOffset);
  if (found.droppedBatches) {
    removeSnapshotsAbove(fs, log.dir, log.endOffset);
    log.producers.clear();
    reloadProducers(fs, scanner, log, true);
  }
  fs.syncDirectory(log.dir);
}

/** Check a segment batch by batch. @returns where nothing valid follows any more, or -1 when it is whole */
function scanSegment(fs: FileSystem, scanner: BatchScanner, log: Log, segment: Segment, found: Findings): number {
  openSegment(fs, segment);
  segment.offsetIndex = new OffsetIndex();
  segment.timeIndex = new TimeIndex();
  segment.endOffset = segment.baseOffset;
  for (let position = 0; ;) {
    scanner.begin(segment.fd, position, segment.writtenBytes, segment.endOffset, true);
    let status = scanner.next();
    for (; status === ScanStatus.OK; status = scanner.next()) takeBatch(scanner, log, segment);
    found.scannedBytes += scanner.scannedBytes;
    if (status === ScanStatus.END) return -1;
    const bad = scanner.position;
    const from = log.hasManaged ? Math.min(bad + HOLE_BYTES_MAX, segment.writtenBytes) : bad;
    const good = findValidBatch(fs, scanner, segment.fd, from, segment.writtenBytes, segment.endOffset, segment.baseOffset);
    if (good < 0 && log.hasManaged && isZero(fs, segment.fd, bad, segment.writtenBytes)) return cutPadding(fs, segment, bad);
    if (good < 0) return tornTail(segment, bad, status);
    scanner.begin(segment.fd, good, segment.writtenBytes, segment.endOffset, false);
    scanner.next();
    isolate(segment, found, bad, good, scanner.baseOffset, SCAN_REASONS[status]!);
    position = good;
  }
}

/** Reserved and never written: the segment is whole. */
function cutPadding(fs: FileSystem, segment: Segment, end: number): number {
  fs.truncate(segment.fd, end);
  segment.stagedBytes = end;
  segment.writtenBytes = end;
  segment.syncedBytes = end;
  segment.padded = true;
  return -1;
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

function isolate(segment: Segment, found: Findings, from: number, to: number, endOffset: number, reason: string): void {
  const range = { startPosition: from, endPosition: to, startOffset: segment.endOffset, endOffset, reason };
  segment.damage ??= [];
  segment.damage.push(range);
  found.damage.push({ ...range, segment: segment.baseOffset });
}

/** The last segment that holds a valid batch is the log's last; tails before it are damage, its own is torn. */
function cutTornTail(fs: FileSystem, log: Log, first: number, tornAt: readonly number[], found: Findings): void {
  const { segments } = log;
  let last = segments.length - 1;
  while (last > first && segments[last]!.endOffset === segments[last]!.baseOffset && mayGo(log, last, first, tornAt)) last--;
  if (log.hasManaged) last = Math.min(last, lastBeforeHole(segments, first, tornAt));
  for (let i = first; i < last; i++) {
    if (tornAt[i]! < 0) continue;
    const segment = segments[i]!;
    isolate(segment, found, tornAt[i]!, segment.writtenBytes, segments[i + 1]!.baseOffset, segment.tailReason);
  }
  for (const gone of segments.splice(last + 1)) {
    found.deletedSegments++;
    found.truncatedBytes += gone.writtenBytes;
    if (gone.endOffset > gone.baseOffset) found.droppedBatches = true;
    removeFiles(fs, gone);
  }
  const segment = segments[last]!;
  if (tornAt[last]! < 0) return;
  found.truncatedBytes += segment.writtenBytes - tornAt[last]!;
  fs.truncate(segment.fd, tornAt[last]!);
  segment.stagedBytes = tornAt[last]!;
  segment.writtenBytes = tornAt[last]!;
  segment.syncedBytes = Math.min(segment.syncedBytes, tornAt[last]!);
}

/** An empty last segment stays when the log reaches exactly to its base: it was rolled to. */
function mayGo(log: Log, last: number, first: number, tornAt: readonly number[]): boolean {
  const before = last - 1;
  if (tornAt[last]! >= 0 || (before >= first && tornAt[before]! >= 0)) return true;
  return !log.config.cleanupCompact && log.segments[before]!.endOffset !== log.segments[last]!.baseOffset;
}

/** What holds after opening, whichever way it went. */
function settle(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart, found: Findings): void {
  if (log.endOffset < start.logStartOffset) {
    for (const segment of log.segments.splice(0)) {
      found.truncatedBytes += segment.writtenBytes;
      found.deletedSegments++;
      removeFiles(fs, segment);
    }
    log.producers.clear();
    startAnew(fs, log, start);
  }
  log.startOffset = Math.max(start.logStartOffset, log.segments[0]!.baseOffset);
  log.leaderEpochs.truncateFromEnd(Math.max(log.endOffset, 0));
  log.leaderEpochs.truncateFromStart(log.startOffset);
  removeSnapshotsAbove(fs, log.dir, log.endOffset);
  for (const segment of log.segments) restoreIndexFiles(fs, scanner, log, segment, found);
  openSegment(fs, log.active);
  ensureIndexes(fs, scanner, log.active, log.config.indexIntervalBytes);
  if (!log.active.managed) manageSegment(fs, log.active, log.config);
  // Once open, the segments before it are read as the last one is written.
  for (const segment of log.segments) segment.managed = log.active.managed;
  log.hasManaged ||= log.active.managed;
  if (!found.created) saveLeaderEpochs(fs, log);
  log.demandOffset = 0;
}

/** A power cut may have taken the index files of a segment that needs no scan: they were never synced. */
function restoreIndexFiles(fs: FileSystem, scanner: BatchScanner, log: Log, segment: Segment, found: Findings): void {
  if (segment.offsetIndex !== null || segment === log.active) return;
  if (fs.exists(segmentPath(segment, OFFSET_INDEX_SUFFIX)) && fs.exists(segmentPath(segment, TIME_INDEX_SUFFIX))) return;
  ensureIndexes(fs, scanner, segment, log.config.indexIntervalBytes);
  addTimeEntry(segment);
  flushIndexes(fs, segment);
  closeDescriptor(fs, segment);
  segment.offsetIndex = null;
  segment.timeIndex = null;
  found.rebuiltIndexes++;
}
