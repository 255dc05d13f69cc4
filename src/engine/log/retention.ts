// Cutting a log: old segments by time and size, records deleted on request, a tail that a leader never had.
// Owner: the shard's thread. Not hot.
//
// A deleted segment's files are renamed (`.deleted`) at once and removed after file.delete.delay.ms; reads that hold a lease
// go on through its descriptor. The active segment is never deleted: when all of the log may go, a new one is rolled first.

import { prepareSegment, segmentIndexOf } from './batch-position.ts';
import { cutLog, removeFiles } from './log-cut.ts';
import { noteDeleted } from './log-note.ts';
import { rollLog } from './log-roll.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { createSegment, retireSegment, segmentPath } from './segment-files.ts';
import { DELETED_SUFFIX, LOG_SUFFIX, SEGMENT_SUFFIXES } from './segment-name.ts';
import { beginWalk, nextBatch } from './segment-walk.ts';
import type { Segment } from './segment.ts';
import { dropSpares, expireSpares, isRecyclable, keepSpare, noteDeletion, SPARE_REST_MS } from './spare-segments.ts';

/** Delete what retention allows, whole segments from the oldest, only below the high watermark. @returns segments deleted */
export function retainLog(table: LogTable, log: Log, nowMs: number, highWatermark: number): number {
  expireSpares(table.fs, log, table.nowMs);
  if (log.failed || log.closed || log.holds > 0) return 0;
  let excess = log.config.retentionBytes < 0 ? -1 : log.sizeBytes - log.config.retentionBytes;
  let count = 0;
  for (; count < log.segments.length; count++) {
    const segment = log.segments[count]!;
    const endOffset = count + 1 < log.segments.length ? log.segments[count + 1]!.baseOffset : log.endOffset;
    if (endOffset > highWatermark || segment.stagedBytes !== segment.writtenBytes) break;
    if (segment === log.active && segment.writtenBytes === 0) break;
    const bySize = log.config.cleanupDelete && log.config.retentionBytes >= 0 && excess - segment.writtenBytes >= 0;
    if (!bySize && endOffset > log.startOffset && !isExpired(table, log, segment, nowMs)) break;
    excess -= segment.writtenBytes;
  }
  return deleteOldest(table, log, count, nowMs);
}

/** DeleteRecords: nothing below `offset` is readable any more. @returns the new start offset */
export function deleteRecordsBefore(table: LogTable, log: Log, offset: number): number {
  const target = Math.min(offset, log.writtenOffset);
  if (target <= log.startOffset) return log.startOffset;
  log.startOffset = target;
  log.leaderEpochs.truncateFromStart(target);
  let count = 0;
  while (count + 1 < log.segments.length && log.segments[count + 1]!.baseOffset <= target) count++;
  // Held files go with the next look at retention.
  if (log.holds === 0) deleteOldest(table, log, count, table.clock.wallMs());
  return log.startOffset;
}

/** Drop all batches that reach `offset` or beyond it. @returns the new end offset */
export function truncateTo(table: LogTable, log: Log, offset: number): number {
  // Whatever is staged goes with the tail; its completions are of an older generation by then.
  if (log.pendingChains > 0) table.ring.submit();
  if (offset >= log.writtenOffset && log.writtenOffset === log.endOffset) return log.endOffset;
  for (const segment of log.segments) table.pages.forget(segment);
  if (offset < log.segments[0]!.baseOffset) return startOver(table, log, offset);
  const target = Math.min(offset, log.writtenOffset);
  const index = segmentIndexOf(log, target);
  const segment = log.segments[index]!;
  prepareSegment(table, log, segment);
  let position = segment.writtenBytes;
  let endOffset = target;
  const entry = segment.offsetIndex!.ceiling(target - segment.baseOffset) - 1;
  beginWalk(table.scanner, segment, entry < 0 ? 0 : segment.offsetIndex!.positions[entry]!);
  while (nextBatch(table.scanner, segment)) {
    if (table.scanner.lastOffset < target) continue;
    position = table.scanner.position;
    endOffset = Math.min(endOffset, table.scanner.baseOffset);
    break;
  }
  table.cold.drop(segment);
  cutLog(table.fs, table.scanner, log, index, position, endOffset);
  log.startOffset = Math.min(log.startOffset, endOffset);
  return endOffset;
}

/** An empty log from `offset` on. */
function startOver(table: LogTable, log: Log, offset: number): number {
  // Their batches may have offsets that are given out again now.
  dropSpares(table.fs, log);
  cutLog(table.fs, table.scanner, log, 0, 0, log.segments[0]!.baseOffset);
  const old = log.segments.pop()!;
  removeFiles(table.fs, old);
  log.segments.push(createSegment(table.fs, log.dir, offset, table.clock.wallMs(), log.config));
  log.startOffset = offset;
  log.endOffset = offset;
  log.writtenOffset = offset;
  log.durableOffset = offset;
  log.syncedOffset = offset;
  log.leaderEpochs.clear();
  log.producers.clear();
  return offset;
}

/** Segments without timestamps count by the age of their file. */
function isExpired(table: LogTable, log: Log, segment: Segment, nowMs: number): boolean {
  if (!log.config.cleanupDelete || log.config.retentionMs < 0) return false;
  // The newest timestamp is known as soon as any of the index is in memory.
  if (segment.offsetIndex === null && !prepareSegment(table, log, segment)) return false;
  const newest = segment.maxTimestamp >= 0 ? segment.maxTimestamp : table.fs.modifiedMs(segmentPath(segment, LOG_SUFFIX));
  return nowMs - newest > log.config.retentionMs;
}

function deleteOldest(table: LogTable, log: Log, count: number, nowMs: number): number {
  if (count === 0) return 0;
  if (count === log.segments.length && !rollLog(table, log, nowMs)) return 0;
  const gone = log.segments.splice(0, count);
  if (table.recycle) noteDeletion(log);
  log.startOffset = Math.max(log.startOffset, log.segments[0]!.baseOffset);
  log.leaderEpochs.truncateFromStart(log.startOffset);
  for (const segment of gone) {
    table.pages.forget(segment);
    table.cold.drop(segment);
    retireSegment(table.fs, segment);
  }
  try {
    for (const segment of gone) scheduleDelete(table, log, segment);
    noteDeleted(table.fs, log);
    table.fs.syncDirectory(log.dir);
  } catch (error) {
    // Files that keep their names lie before the log's start at the next one, and go then.
    table.onDiskError(log.dir, error);
  }
  return count;
}

function scheduleDelete(table: LogTable, log: Log, segment: Segment): void {
  const dueMs = table.nowMs + log.config.fileDeleteDelayMs;
  for (const suffix of SEGMENT_SUFFIXES) {
    const path = segmentPath(segment, suffix);
    if (!table.fs.exists(path)) continue;
    const deleted = path + DELETED_SUFFIX;
    table.fs.rename(path, deleted);
    if (suffix === LOG_SUFFIX && log.sparesMax > 0 && isRecyclable(log, segment)) {
      const { generation } = log;
      table.deletes.add(deleted, Math.max(dueMs, table.nowMs + SPARE_REST_MS), () => keepSpare(log, deleted, generation, table.nowMs));
    } else table.deletes.add(deleted, dueMs);
  }
}
