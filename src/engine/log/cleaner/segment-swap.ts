// Put cleaned segments in the place of those they were made from. Owner: the shard's thread, between ticks. Not hot: renames
// and state; all bytes were written and synced by the thread that cleaned.
//
//   1. `.cleaned` -> `.swap`, ascending, indexes before their log: from `N.log.swap` on the cleaned segment counts, and its
//      own range of offsets says which segments it stands for (the last batch of a cleaned segment is always kept)
//   2. the sources -> `.deleted`; reads that hold a lease go on through their descriptors
//   3. `.swap` -> its final name, the log last
//
// Killed between any two of these, opening the log (swap-recovery.ts) finds either the old segments or the new ones, never a
// mixture, and never a later group's swap without the earlier ones: a tombstone that goes could uncover what it deleted.

import { assert } from '../../base/assert.ts';
import type { FileSystem } from '../../io/file-system.ts';
import type { Log } from '../log.ts';
import type { LogTable } from '../log-table.ts';
import { retireSegment, segmentPath } from '../segment-files.ts';
import { CLEANED_SUFFIX, DELETED_SUFFIX, segmentFileName, SWAP_SUFFIX, SWAPPED_SUFFIXES } from '../segment-name.ts';
import { Segment } from '../segment.ts';
import type { CleanedSegment } from './clean-job.ts';

/** @throws what the disk throws; the log must then not be used until it is opened again */
export function swapSegments(table: LogTable, log: Log, cleaned: readonly CleanedSegment[]): void {
  const { fs } = table;
  for (const { baseOffset } of cleaned) renameFiles(fs, log.dir, baseOffset, CLEANED_SUFFIX, SWAP_SUFFIX);
  for (const segment of cleaned) {
    replaceSources(table, log, segment);
    renameFiles(fs, log.dir, segment.baseOffset, SWAP_SUFFIX, '');
  }
  // Positions in the sources mean nothing any more.
  log.positions.clear();
  log.recent.clear();
}

function renameFiles(fs: FileSystem, dir: string, baseOffset: number, from: string, to: string): void {
  for (const suffix of SWAPPED_SUFFIXES) {
    const path = `${dir}/${segmentFileName(baseOffset, suffix)}`;
    if (fs.exists(path + from)) fs.rename(path + from, path + to);
  }
}

function replaceSources(table: LogTable, log: Log, cleaned: CleanedSegment): void {
  const { fs } = table;
  const index = log.segments.findIndex(({ baseOffset }) => baseOffset === cleaned.baseOffset);
  const sources = log.segments.slice(index, index + cleaned.sources.length);
  const next = log.segments[index + sources.length];
  assert(index >= 0 && next !== undefined, 'closed segments are cleaned', log.name, cleaned.baseOffset);
  for (const [i, source] of sources.entries()) {
    assert(source.baseOffset === cleaned.sources[i], 'the sources are still there', log.name, source.baseOffset);
    table.pages.forget(source);
    table.cold.drop(source);
    retireSegment(fs, source);
    for (const suffix of SWAPPED_SUFFIXES) {
      const path = segmentPath(source, suffix);
      if (!fs.exists(path)) continue;
      fs.rename(path, path + DELETED_SUFFIX);
      table.deletes.add(path + DELETED_SUFFIX, table.nowMs + log.config.fileDeleteDelayMs);
    }
  }
  const segment = new Segment(log.dir, cleaned.baseOffset);
  segment.stagedBytes = cleaned.sizeBytes;
  segment.writtenBytes = cleaned.sizeBytes;
  segment.syncedBytes = cleaned.sizeBytes;
  segment.syncingBytes = cleaned.sizeBytes;
  segment.durableBytes = cleaned.sizeBytes;
  segment.endOffset = next.baseOffset;
  segment.maxTimestamp = cleaned.maxTimestamp;
  segment.maxTimestampOffset = cleaned.maxTimestampOffset;
  segment.createdMs = cleaned.modifiedMs;
  log.segments.splice(index, sources.length, segment);
}
