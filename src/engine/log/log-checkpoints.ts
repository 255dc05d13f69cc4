// What a shard's logs contribute to the checkpoint files. Owner: the shard's thread; the supervisor merges all shards'
// entries and writes the files. Not hot (every 60 s).

import { forgiveDisk } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';
import { parsePartitionName, type CheckpointEntry } from './checkpoint-file.ts';
import { saveLeaderEpochs } from './leader-epoch-file.ts';
import { publishNote, unpublishedOf } from './log-note.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { flushIndexes } from './segment-files.ts';

/**
 * recovery-point-offset-checkpoint: below it nothing is scanned after a crash. So what a scan would have rebuilt is
 * stored first: leader epochs, and the indexes as far as they are.
 */
export function recoveryPoints(table: LogTable): CheckpointEntry[] {
  const entries: CheckpointEntry[] = [];
  for (const log of table.logs) {
    if (log === null || log.unlisted) continue;
    try {
      // A closed log has stored all this.
      if (!log.closed) storeDerived(table.fs, log);
    } catch (error) {
      // Not published: the next start scans the log from an older point, or from its beginning.
      forgiveDisk(error);
      continue;
    }
    entries.push(entryOf(log, log.syncedOffset));
  }
  return entries;
}

/** A recovery note that waits for its name: once it and the index files are synced, it is the log's disk note. */
export interface FreshNote {
  readonly dir: string;
  /** Of the segments whose index files it takes for granted. */
  readonly baseOffsets: readonly number[];
}

/** Bytes that are on the disk and would be read again after a power cut, in all logs together. */
export function unpublishedBytes(table: LogTable): number {
  let bytes = 0;
  for (const log of table.logs) if (log !== null && !log.closed && !log.failed) bytes += unpublishedOf(log);
  return bytes;
}

/** Leave notes of what is on the disk by now. Not cheap for whoever makes them durable: see unpublishedBytes(). */
export function publishNotes(table: LogTable): FreshNote[] {
  const notes: FreshNote[] = [];
  for (const log of table.logs) {
    if (log === null || log.unlisted || log.closed || log.failed) continue;
    try {
      const segments = publishNote(table.fs, log);
      if (segments.length > 0) notes.push({ dir: log.dir, baseOffsets: segments.map(({ baseOffset }) => baseOffset) });
    } catch (error) {
      // The next start reads a little more.
      forgiveDisk(error);
    }
  }
  return notes;
}

/** log-start-offset-checkpoint: only where records were deleted inside a segment. */
export function logStartOffsets(table: LogTable): CheckpointEntry[] {
  const entries: CheckpointEntry[] = [];
  for (const log of table.logs) {
    if (log === null || log.unlisted) continue;
    if (log.startOffset > log.segments[0]!.baseOffset) entries.push(entryOf(log, log.startOffset));
  }
  return entries;
}

/** cleaner-offset-checkpoint: only logs that were ever cleaned. */
export function firstDirtyOffsets(table: LogTable): CheckpointEntry[] {
  const entries: CheckpointEntry[] = [];
  for (const log of table.logs)
    if (log !== null && !log.unlisted && log.firstDirtyOffset > 0) entries.push(entryOf(log, log.firstDirtyOffset));
  return entries;
}

/** replication-offset-checkpoint. With one replica the high watermark is the written end. */
export function highWatermarks(table: LogTable): CheckpointEntry[] {
  const entries: CheckpointEntry[] = [];
  for (const log of table.logs) if (log !== null && !log.unlisted) entries.push(entryOf(log, log.writtenOffset));
  return entries;
}

function storeDerived(fs: FileSystem, log: Log): void {
  saveLeaderEpochs(fs, log);
  flushIndexes(fs, log.active);
}

function entryOf(log: Log, offset: number): CheckpointEntry {
  const name = parsePartitionName(log.name)!;
  return { topic: name.topic, partition: name.partition, offset };
}
