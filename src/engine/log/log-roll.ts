// Begin a new segment. Owner: the shard's thread. needsRoll() is @hot; rolling opens a file, syncs the directory and writes
// the old segment's indexes and the producer snapshot, once a segment. The old segment is synced off the thread, which
// moves the recovery point up to the new one.

import { ShardCell } from '../base/counter-layout.ts';
import { forgiveDisk } from '../io/disk-error.ts';
import type { BatchFacts } from '../record/batch-facts.ts';
import { pruneSnapshots } from './log-close.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { trimRolled } from './managed-segment.ts';
import { OFFSET_ENTRY_BYTES } from './offset-index.ts';
import { writeSnapshot } from './producer-snapshot.ts';
import { createSegment, flushIndexes } from './segment-files.ts';
import { addTimeEntry } from './segment-index.ts';
import { takeSpare } from './spare-segments.ts';
import { TIME_ENTRY_BYTES } from './time-index.ts';

const RELATIVE_OFFSET_MAX = 0x7fff_ffff;

/**
 * a. the segment would pass segment.bytes;
 * b. an offset would not fit an index entry;
 * c. an index is full (the time index keeps room for its last entry);
 * d. the batch is later than the segment's first one by more than segment.ms. Batches without timestamps: by file age.
 */
export function needsRoll(log: Log, batch: BatchFacts, nowMs: number): boolean {
  const segment = log.active;
  const config = log.config;
  if (segment.stagedBytes === 0) return false;
  if (segment.stagedBytes + batch.lengthBytes > config.segmentBytes) return true; // a
  if (log.endOffset + batch.lastOffsetDelta - segment.baseOffset > RELATIVE_OFFSET_MAX) return true; // b
  if (segment.offsetIndex!.total >= Math.floor(config.segmentIndexBytes / OFFSET_ENTRY_BYTES)) return true; // c
  if (segment.timeIndex!.total + 1 >= Math.floor(config.segmentIndexBytes / TIME_ENTRY_BYTES)) return true; // c
  // Two branches, not one time chosen from two: a choice between an argument and a field is a heap number.
  if (config.timestampType === 'LogAppendTime') {
    if (segment.firstTimestamp >= 0) return nowMs - segment.firstTimestamp > config.segmentMs; // d
  } else if (segment.firstTimestamp >= 0 && batch.maxTimestamp >= 0) {
    return batch.maxTimestamp - segment.firstTimestamp > config.segmentMs; // d
  }
  return nowMs - segment.createdMs > config.segmentMs; // d
}

/** False when the new file cannot be made; the log is then as before. */
export function rollLog(table: LogTable, log: Log, nowMs: number): boolean {
  const { fs } = table;
  const old = log.active;
  const spare = takeSpare(fs, log);
  try {
    log.segments.push(createSegment(fs, log.dir, log.endOffset, nowMs, log.config, spare));
  } catch (error) {
    table.onDiskError(log.dir, error);
    return false;
  }
  log.rolled++;
  if (spare !== null && log.active.managed) table.counters.add(ShardCell.SEGMENTS_RECYCLED, 1);
  table.noteStorage(log);
  // Segments may be smaller than a step.
  log.unnotedBytes += old.stagedBytes - old.notedBytes;
  addTimeEntry(old);
  try {
    // Synced to its end already: no later sync comes by it.
    trimRolled(fs, log);
    flushIndexes(fs, old);
    writeSnapshot(fs, log.dir, log.endOffset, log.producers);
    pruneSnapshots(fs, log);
  } catch (error) {
    // Caches: recovery and the next opening do without.
    forgiveDisk(error);
  }
  table.cold.touch(old);
  table.sync.require(log, log.endOffset);
  return true;
}
