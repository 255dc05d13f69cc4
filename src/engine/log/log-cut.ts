// Cut the end off a log: batches that were staged but could not be written, or a tail that is not to be kept.
// Owner: the shard's thread. Not hot. Everything derived from the log is brought back to the cut: files, indexes, epochs,
// producers, caches.

import type { FileSystem } from '../io/file-system.ts';
import type { BatchScanner } from './batch-scanner.ts';
import { cutCommit } from './log-commit.ts';
import { voidNotes } from './log-note.ts';
import type { Log } from './log.ts';
import { reloadProducers } from './producer-replay.ts';
import { decodeSnapshot, encodeSnapshot, removeSnapshotsAbove } from './producer-snapshot.ts';
import { openSegment, retireSegment, segmentPath } from './segment-files.ts';
import { completeIndexes, ensureIndexes } from './segment-load.ts';
import { SEGMENT_SUFFIXES } from './segment-name.ts';
import type { Segment } from './segment.ts';

/** Take back everything staged that was not written. @throws what the disk throws */
export function dropStaged(fs: FileSystem, scanner: BatchScanner, log: Log): void {
  let index = log.segments.length - 1;
  // A segment rolled to for batches that are dropped now goes too, unless the log still ends exactly at its base.
  while (index > 0 && log.segments[index]!.baseOffset > log.writtenOffset) index--;
  cutLog(fs, scanner, log, index, log.segments[index]!.writtenBytes, log.writtenOffset);
}

/** The log ends at `offset`, which is byte `position` of its segment `index`. @throws what the disk throws */
export function cutLog(fs: FileSystem, scanner: BatchScanner, log: Log, index: number, position: number, offset: number): void {
  const segment = log.segments[index]!;
  openSegment(fs, segment);
  ensureIndexes(fs, scanner, segment, log.config.indexIntervalBytes);
  log.generation++;
  log.chain = -1;
  log.recent.clear();
  log.positions.clear();
  log.endOffset = offset;
  log.writtenOffset = offset;
  log.durableOffset = Math.min(log.durableOffset, offset);
  log.syncedOffset = Math.min(log.syncedOffset, offset);
  log.syncCoversOffset = Math.min(log.syncCoversOffset, offset);
  log.demandOffset = Math.min(log.demandOffset, offset);
  cutCommit(log.commit, offset);
  log.firstDirtyOffset = Math.min(log.firstDirtyOffset, offset);
  log.leaderEpochs.truncateFromEnd(offset);
  voidNotes(fs, log, segment, position);
  const dropped = log.segments.splice(index + 1);
  segment.stagedBytes = position;
  segment.writtenBytes = position;
  segment.syncedBytes = Math.min(segment.syncedBytes, position);
  segment.durableBytes = Math.min(segment.durableBytes, position);
  segment.syncingBytes = Math.min(segment.syncingBytes, position);
  segment.pacedBytes = Math.min(segment.pacedBytes, position);
  segment.endOffset = offset;
  segment.damage = segment.damage?.filter(({ startPosition }) => startPosition < position) ?? null;
  if (position === 0) segment.firstTimestamp = -1;
  for (const gone of dropped) removeFiles(fs, gone);
  fs.truncate(segment.fd, position);
  segment.offsetIndex!.truncate(position);
  segment.timeIndex!.truncate(offset - 1 - segment.baseOffset);
  segment.indexDirty = true;
  completeIndexes(fs, scanner, segment, log.config.indexIntervalBytes);
  segment.endOffset = offset;
  removeSnapshotsAbove(fs, log.dir, offset);
  restoreProducers(fs, scanner, log);
  if (dropped.length > 0) fs.syncDirectory(log.dir);
}

/**
 * Producer state as of the new end. A full disk fails append after append at the same offset, so what the replay came to
 * is kept for the next time.
 */
function restoreProducers(fs: FileSystem, scanner: BatchScanner, log: Log): void {
  // Staging only ever adds producers: with none known now, none was known at the cut.
  if (log.producers.entries.size === 0) return;
  if (log.producersAtCut !== null && log.producersAtCutOffset === log.writtenOffset) {
    decodeSnapshot(log.producersAtCut, log.producersAtCutOffset, log.producers);
    return;
  }
  reloadProducers(fs, scanner, log, true);
  log.producersAtCut = encodeSnapshot(log.producers);
  log.producersAtCutOffset = log.writtenOffset;
}

/** At once, without the delay that readers of deleted history get: nobody may read a dropped tail. */
export function removeFiles(fs: FileSystem, segment: Segment): void {
  retireSegment(fs, segment);
  for (const suffix of SEGMENT_SUFFIXES) fs.remove(segmentPath(segment, suffix));
}
