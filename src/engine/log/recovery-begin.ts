// Put a log into the state of a recovery note, if the files bear the note out. Owner: the shard's thread. Not hot.
//
// The note's last index entry names a batch a few KiB before the note's position: its header must say so, and the headers
// from there on must lead exactly to the position and the offset. That reads a few KiB, and tells a note of this log from one
// of a log that was cut, copied or written by another program since.

import type { FileSystem } from '../io/file-system.ts';
import { ScanStatus, type BatchScanner } from './batch-scanner.ts';
import type { Log } from './log.ts';
import { OFFSET_ENTRY_BYTES, OffsetIndex } from './offset-index.ts';
import type { RecoveryNote } from './recovery-note.ts';
import { openSegment, segmentPath } from './segment-files.ts';
import { OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX } from './segment-name.ts';
import type { Segment } from './segment.ts';
import { TIME_ENTRY_BYTES, TimeIndex } from './time-index.ts';

/** @returns the position of the last batch before the note, 0 when there is none; -1 when the note is not to be believed */
export function beginAtNote(fs: FileSystem, scanner: BatchScanner, log: Log, segment: Segment, note: RecoveryNote): number {
  if (note.position > segment.writtenBytes) return -1;
  if (fileBytes(fs, segmentPath(segment, OFFSET_INDEX_SUFFIX)) < note.offsetEntries * OFFSET_ENTRY_BYTES) return -1;
  if (fileBytes(fs, segmentPath(segment, TIME_INDEX_SUFFIX)) < note.timeEntries * TIME_ENTRY_BYTES) return -1;
  const lastBatch = followToNote(fs, scanner, segment, note);
  if (lastBatch < 0) return -1;
  segment.offsetIndex = new OffsetIndex();
  segment.offsetIndex.resume(note.offsetEntries, note.lastRelativeOffset, note.lastPosition);
  segment.timeIndex = new TimeIndex();
  segment.timeIndex.resume(note.timeEntries, note.lastTimestamp, note.lastTimeOffset);
  segment.indexDirty = false;
  segment.maxTimestamp = note.maxTimestamp;
  segment.maxTimestampOffset = note.maxTimestampOffset;
  segment.firstTimestamp = note.firstTimestamp;
  segment.sinceIndexBytes = note.sinceIndexBytes;
  segment.endOffset = note.offset;
  restoreEpochs(log, note);
  log.producers.clear();
  for (const entry of note.producers) log.producers.entries.set(entry.producerId, entry);
  log.producers.snapshotOffset = note.snapshotOffset;
  return lastBatch;
}

function followToNote(fs: FileSystem, scanner: BatchScanner, segment: Segment, note: RecoveryNote): number {
  openSegment(fs, segment);
  let last = 0;
  let endOffset = segment.baseOffset;
  scanner.begin(segment.fd, note.offsetEntries === 0 ? 0 : note.lastPosition, note.position, segment.baseOffset, false);
  for (let first = note.offsetEntries > 0; ; first = false) {
    const status = scanner.next();
    if (status === ScanStatus.END) return endOffset === note.offset ? last : -1;
    if (status !== ScanStatus.OK) return -1;
    if (first && scanner.lastOffset !== segment.baseOffset + note.lastRelativeOffset) return -1;
    last = scanner.position;
    endOffset = scanner.lastOffset + 1;
  }
}

/** The file of leader epochs may lag or be garbled; it is written again only where it differs. */
function restoreEpochs(log: Log, note: RecoveryNote): void {
  const cache = log.leaderEpochs;
  const before = cache.dirty ? null : JSON.stringify([cache.epochs, cache.startOffsets]);
  cache.clear();
  for (const { epoch, startOffset } of note.epochs) cache.assign(epoch, startOffset);
  cache.dirty = before !== JSON.stringify([cache.epochs, cache.startOffsets]);
}

function fileBytes(fs: FileSystem, path: string): number {
  if (!fs.exists(path)) return -1;
  const fd = fs.open(path, 'r');
  try {
    return fs.size(fd);
  } finally {
    fs.close(fd);
  }
}
