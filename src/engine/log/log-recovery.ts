// Open a partition's directory: create it, trust it after a clean stop, or recover it after a crash.
// Owner: the shard's thread. Not hot.
//
// What has to be read depends on what ended the last run, never on how much the log holds:
//   clean    a clean stop: only the note of the log's end
//   kept     the process died, the page cache that it wrote to is still there: what was written is whole but for the last
//            write, so the headers behind the last note are followed and the last batch is checked
//   checked  anything else, a power cut at worst: every batch behind the recovery point is read and checked; torn-tail
//            and damage are told apart in tail-scan.ts. Where something was cut off, the new end is synced before anything
//            is appended there; a log that is whole is synced later, off this thread: a start would wait for the disk
//            twice a partition
// A note that does not fit the files is put aside, and the next more thorough way is taken. Without any note, checking begins
// at the segment that holds the recovery point. Recovering twice gives the same log.

import { passes } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, type BatchScanner } from './batch-scanner.ts';
import { readDamage } from './damage-file.ts';
import { loadLeaderEpochs } from './leader-epoch-file.ts';
import { recoverSwaps } from './cleaner/swap-recovery.ts';
import type { Log } from './log.ts';
import { removeFiles } from './log-cut.ts';
import { hasManagedMarker, manageSegment } from './managed-segment.ts';
import { writePartitionMetadata } from './partition-metadata.ts';
import { reloadProducers, replayFrom } from './producer-replay.ts';
import { loadSnapshot, removeSnapshotsAbove } from './producer-snapshot.ts';
import { beginAtNote } from './recovery-begin.ts';
import { describeSegment, enterDirectory, tidyDirectory } from './recovery-files.ts';
import { CACHE_NOTE, DISK_NOTE, readNote, type RecoveryNote } from './recovery-note.ts';
import type { RecoveryReport } from './recovery-report.ts';
import { closeDescriptor, createSegment, ensureIndexFiles, openSegment, segmentPath } from './segment-files.ts';
import { addTimeEntry } from './segment-index.ts';
import { ensureIndexes } from './segment-load.ts';
import { OFFSET_INDEX_SUFFIX, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX } from './segment-name.ts';
import type { FlushedBefore } from './never-flushed.ts';
import { OffsetIndex } from './offset-index.ts';
import type { Segment } from './segment.ts';
import { checkSegment, cutTornTail, followSegment, tellGaps } from './tail-scan.ts';
import { TimeIndex } from './time-index.ts';

export interface RecoveryStart {
  readonly recoveryPoint: number;
  readonly clean: boolean;
  /** Names the page cache we are in; empty when that is not known. */
  readonly session: string;
  readonly logStartOffset: number;
  readonly nowMs: number;
}

/** The files contradict each other in a way that only a person can decide; the message says how. */
class RecoveryRefused extends Error {
  override readonly name = 'RecoveryRefused';
}

/** Fill `log` (fresh, with its dir) from its directory. @throws RecoveryRefused, or what the disk throws */
export function recoverLog(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart): RecoveryReport {
  const { isNew, isNamed, movedAside } = enterDirectory(fs, log);
  const found: RecoveryReport = {
    mode: 'checked',
    scannedBytes: 0,
    readBytes: -scanner.readBytes,
    truncatedBytes: 0,
    deletedSegments: 0,
    rebuiltIndexes: 0,
    missingOffsets: 0,
    damage: [],
    unflushed: [],
    strays: [],
    movedAside,
    endOffset: 0,
  };
  if (isNew) fs.makeDirectory(log.dir);
  if (!isNamed) writePartitionMetadata(fs, log.dir, log.topicId);
  // Listed once: with thousands of partitions each question to the file system counts.
  let names = isNew ? [] : fs.list(log.dir);
  if (recoverSwaps(fs, scanner, log.dir, names)) names = fs.list(log.dir);
  log.hasManaged = hasManagedMarker(names);
  for (const base of tidyDirectory(fs, log.dir, names, found)) log.segments.push(describeSegment(fs, log.dir, base));
  const epochsWhole = loadLeaderEpochs(fs, log.dir, log.leaderEpochs);
  if (log.segments.length === 0) {
    found.mode = 'created';
    // The new directory's own name, before a segment is in it: should that be as far as it goes, the next try finds the
    // segment and asks no more.
    fs.syncDirectory(log.dir.slice(0, Math.max(log.dir.lastIndexOf('/'), 1)));
    startAnew(fs, log, start);
  } else if (start.clean && openClean(fs, scanner, log, start, epochsWhole)) {
    found.mode = 'clean';
  } else if (followKept(fs, scanner, log, start)) {
    found.mode = 'kept';
  } else {
    check(fs, scanner, log, start, found);
  }
  settle(fs, scanner, log, start, found);
  if (names.some((name) => name.endsWith(SNAPSHOT_SUFFIX))) removeSnapshotsAbove(fs, log.dir, log.endOffset);
  found.readBytes += scanner.readBytes;
  found.endOffset = log.endOffset;
  return found;
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

/** Begin with an old segment's successor known, and none of what comes from scanning. */
function knowSegmentsBefore(log: Log, start: RecoveryStart, first: number): void {
  const { segments } = log;
  for (let i = 0; i < first; i++) segments[i]!.endOffset = segments[i + 1]!.baseOffset;
  log.startOffset = Math.max(start.logStartOffset, segments[0]!.baseOffset);
}

/** After a clean stop only the note of the end is read, and the last index where there is none. False when that is not enough. */
function openClean(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart, epochsWhole: boolean): boolean {
  const { active } = log;
  knowSegmentsBefore(log, start, log.segments.length - 1);
  const note = readNote(fs, log.dir, DISK_NOTE);
  if (note !== null && note.baseOffset === active.baseOffset && beginAtNote(fs, scanner, log, active, note) >= 0) {
    if (followSegment(fs, scanner, log, active, note.position) < 0) return false;
    setEnds(log, active.endOffset);
    return true;
  }
  forgetIndexes(log);
  if (!epochsWhole) return false;
  if (!ensureIndexes(fs, scanner, active, log.config.indexIntervalBytes)) {
    active.damage = null;
    return false;
  }
  refuseUnexpected(fs, scanner, log);
  setEnds(log, active.endOffset);
  reloadProducers(fs, scanner, log, false);
  return true;
}

/** Without a note of the active segment it may be one that does not belong here: the one before must end where it begins. */
function refuseUnexpected(fs: FileSystem, scanner: BatchScanner, log: Log): void {
  const last = log.segments.length - 1;
  if (last === 0) return;
  ensureIndexes(fs, scanner, log.segments[last - 1]!, log.config.indexIntervalBytes);
  refuseOverlap(log, last - 1);
}

/** A way that was not taken to its end leaves nothing behind. */
function forgetIndexes(log: Log): void {
  for (const segment of log.segments) {
    segment.offsetIndex = null;
    segment.timeIndex = null;
  }
}

/** The page cache is the one the last run wrote to: follow the headers behind its last note. False when they break off. */
function followKept(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart): boolean {
  const { segments } = log;
  const note = keptNote(fs, log, start);
  const first = note === null ? -1 : segmentOf(log, note);
  if (note === null || first < 0) return false;
  knowSegmentsBefore(log, start, first);
  let lastBatch = beginAtNote(fs, scanner, log, segments[first]!, note);
  if (lastBatch < 0) return false;
  let lastSegment = segments[first]!;
  for (let i = first; i < segments.length; i++) {
    const segment = segments[i]!;
    if (i > first) startIndexes(segment);
    const last = followSegment(fs, scanner, log, segment, i === first ? note.position : 0);
    if (last < 0) return false;
    // A segment behind must go on where this one ends; compaction alone leaves gaps.
    if (i + 1 < segments.length && segment.endOffset !== segments[i + 1]!.baseOffset && !log.config.cleanupCompact) return false;
    if (segment.endOffset > (i === first ? note.offset : segment.baseOffset)) {
      lastBatch = last;
      lastSegment = segment;
    }
  }
  if (log.active.endOffset < start.recoveryPoint) return false;
  scanner.begin(lastSegment.fd, lastBatch, lastSegment.writtenBytes, lastSegment.baseOffset, true);
  const status = scanner.next();
  if (status !== ScanStatus.OK && status !== ScanStatus.END) return false;
  for (let i = first; i + 1 < segments.length; i++) closeScanned(fs, segments[i]!);
  setEnds(log, log.active.endOffset);
  doubtSynced(fs, log, start);
  return true;
}

function keptNote(fs: FileSystem, log: Log, start: RecoveryStart): RecoveryNote | null {
  // The end of a managed log was in memory that died with the process.
  if (start.session === '' || log.hasManaged) return null;
  const note = readNote(fs, log.dir, CACHE_NOTE);
  return note !== null && note.session === start.session ? note : null;
}

function segmentOf(log: Log, note: RecoveryNote): number {
  return log.segments.findIndex((segment) => segment.baseOffset === note.baseOffset);
}

/** Nothing of the segment is known yet. */
function startIndexes(segment: Segment): void {
  segment.offsetIndex = new OffsetIndex();
  segment.timeIndex = new TimeIndex();
  segment.endOffset = segment.baseOffset;
  segment.maxTimestamp = -1;
  segment.maxTimestampOffset = -1;
  segment.firstTimestamp = -1;
  segment.sinceIndexBytes = 0;
}

/** Nothing was synced by reading: on the disk is what the recovery point says, and the disk note by the byte. */
function doubtSynced(fs: FileSystem, log: Log, start: RecoveryStart): void {
  const note = readNote(fs, log.dir, DISK_NOTE);
  const trusted = note !== null && note.offset <= start.recoveryPoint ? note : null;
  const { segments } = log;
  let known = trusted === null ? -1 : segmentOf(log, trusted);
  if (known >= 0 && trusted!.position > segments[known]!.writtenBytes) known = -1;
  let first = known;
  if (first < 0) for (first = segments.length - 1; first > 0 && segments[first]!.baseOffset > start.recoveryPoint;) first--;
  // Offset and byte must say the same: the commit journal goes on from here.
  log.durableOffset = known < 0 ? segments[first]!.baseOffset : trusted!.offset;
  for (let i = first; i < segments.length; i++) {
    const segment = segments[i]!;
    segment.syncedBytes = i === known ? trusted!.position : 0;
    segment.syncingBytes = segment.syncedBytes;
    if (segment.syncedBytes === segment.writtenBytes) continue;
    // The next sync is of these too.
    openSegment(fs, segment);
  }
}

/** Read and check every batch behind the newest note that can be believed, or from the recovery point's segment on. */
function check(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart, found: RecoveryReport): void {
  const { segments } = log;
  const flushed = flushedBefore(fs, log, start);
  const { first, position } = beginCheck(fs, scanner, log, start);
  const tornAt: number[] = [];
  for (let i = first; i < segments.length; i++) {
    if (i > first || position === 0) startIndexes(segments[i]!);
    tornAt[i] = checkSegment(fs, scanner, log, segments[i]!, i === first ? position : 0, flushed, found);
  }
  refuseOverlap(log, first);
  const dropped = cutTornTail(fs, log, first, tornAt, flushed, found);
  tellGaps(log, first, flushed, found);
  // What was cut must not come back beside what is appended in its place. What a managed segment holds counts as synced.
  const syncNow = found.truncatedBytes > 0 || found.deletedSegments > 0 || found.damage.length > 0 || log.hasManaged;
  for (let i = first; i < segments.length; i++) {
    const segment = segments[i]!;
    // Entries in the old files may disagree with the log: they are written anew, behind those that were skipped.
    if (syncNow) fs.fdatasync(segment.fd);
    segment.padded = false;
    if (i < segments.length - 1) closeScanned(fs, segment);
    else ifThereIsRoom(() => ensureIndexFiles(fs, segment));
  }
  found.rebuiltIndexes = segments.length - first;
  setEnds(log, log.active.endOffset);
  if (dropped) {
    removeSnapshotsAbove(fs, log.dir, log.endOffset);
    log.producers.clear();
    reloadProducers(fs, scanner, log, true);
  }
  found.missingOffsets = Math.max(0, start.recoveryPoint - log.endOffset);
  if (syncNow) fs.syncDirectory(log.dir);
  else doubtSynced(fs, log, start);
}

/** A process that died leaves its page cache, and that has no holes. */
function flushedBefore(fs: FileSystem, log: Log, start: RecoveryStart): FlushedBefore {
  const offset = keptNote(fs, log, start) === null ? start.recoveryPoint : Infinity;
  return { offset, known: readDamage(fs, log) };
}

/** @returns the segment to begin with and the position in it; 0 means that nothing of the segment is known yet */
function beginCheck(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart): { first: number; position: number } {
  const { segments } = log;
  const disk = readNote(fs, log.dir, DISK_NOTE);
  for (const note of [keptNote(fs, log, start), disk !== null && disk.offset <= start.recoveryPoint ? disk : null]) {
    forgetIndexes(log);
    const first = note === null ? -1 : segmentOf(log, note);
    if (note === null || first < 0) continue;
    knowSegmentsBefore(log, start, first);
    if (note.position > 0 && beginAtNote(fs, scanner, log, segments[first]!, note) >= 0) return { first, position: note.position };
  }
  forgetIndexes(log);
  let first = segments.length - 1;
  while (first > 0 && segments[first]!.baseOffset > start.recoveryPoint) first--;
  const scanStart = segments[first]!.baseOffset;
  knowSegmentsBefore(log, start, first);
  loadLeaderEpochs(fs, log.dir, log.leaderEpochs);
  log.leaderEpochs.truncateFromEnd(scanStart);
  // Producers as of the scan's beginning; the scan itself replays the rest.
  log.writtenOffset = scanStart;
  const snapshot = loadSnapshot(fs, log.dir, scanStart, log.producers);
  replayFrom(fs, scanner, log, Math.max(snapshot, segments[0]!.baseOffset));
  return { first, position: 0 };
}

function refuseOverlap(log: Log, first: number): void {
  for (let i = first; i + 1 < log.segments.length; i++) {
    const segment = log.segments[i]!;
    const next = log.segments[i + 1]!;
    if (segment.endOffset <= next.baseOffset || next.writtenBytes === 0) continue;
    throw new RecoveryRefused(
      `${log.dir}: the segments ${segment.baseOffset} and ${next.baseOffset} both hold offset ${next.baseOffset}. One of the two is a ` +
        'leftover or a copy: look at both with `ringlog dump`, move the wrong one (.log, .index, .timeindex) elsewhere, start again',
    );
  }
}

/** On a full disk a log is read all the same: whoever next reads the segment completes what the files lack. */
function ifThereIsRoom(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!passes(error)) throw error;
  }
}

/** Its index files are complete, if there is room, and it is not the active one. */
function closeScanned(fs: FileSystem, segment: Segment): void {
  addTimeEntry(segment);
  ifThereIsRoom(() => ensureIndexFiles(fs, segment));
  closeDescriptor(fs, segment);
  segment.offsetIndex = null;
  segment.timeIndex = null;
}

/** What holds after opening, whichever way it went. */
function settle(fs: FileSystem, scanner: BatchScanner, log: Log, start: RecoveryStart, found: RecoveryReport): void {
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
  ifThereIsRoom(() => log.segments.forEach((segment) => restoreIndexFiles(fs, segment, found)));
  openSegment(fs, log.active);
  if (log.active.offsetIndex === null) ensureIndexes(fs, scanner, log.active, log.config.indexIntervalBytes);
  if (!log.active.managed) manageSegment(fs, log.active, log.config);
  // Once open, the segments before it are read as the last one is written.
  for (const segment of log.segments) segment.managed = log.active.managed;
  log.hasManaged ||= log.active.managed;
  log.demandOffset = 0;
}

/**
 * A power cut may have taken the index files of a segment that needs no scan: they were never synced. Kafka's tools want
 * them there; who first reads the segment completes them.
 */
function restoreIndexFiles(fs: FileSystem, segment: Segment, found: RecoveryReport): void {
  if (segment.offsetIndex !== null) return;
  let missing = false;
  for (const suffix of [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX]) {
    const path = segmentPath(segment, suffix);
    if (fs.exists(path)) continue;
    fs.close(fs.open(path, 'w+'));
    missing = true;
  }
  if (missing) found.rebuiltIndexes++;
}
