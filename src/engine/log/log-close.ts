// Close a log for good order: everything written is on the disk, indexes complete, producer state stored.
// Owner: the shard's thread. Not hot. After this, and the clean-shutdown marker, opening scans nothing.

import type { FileSystem } from '../io/file-system.ts';
import { saveLeaderEpochs } from './leader-epoch-file.ts';
import { noteClosed } from './log-note.ts';
import type { Log } from './log.ts';
import { listSnapshots, snapshotPath, writeSnapshot } from './producer-snapshot.ts';
import { trimSegment } from './managed-segment.ts';
import { flushIndexes, openSegment, retireSegment } from './segment-files.ts';
import { addTimeEntry } from './segment-index.ts';

/** @throws what the disk throws; the descriptors are closed all the same */
export function closeLog(fs: FileSystem, log: Log): void {
  try {
    if (!log.failed) storeAll(fs, log);
  } finally {
    log.closed = true;
    for (const segment of log.segments) retireSegment(fs, segment);
  }
}

function storeAll(fs: FileSystem, log: Log): void {
  addTimeEntry(log.active);
  for (const segment of log.segments) {
    if (segment.writtenBytes > segment.syncedBytes) {
      openSegment(fs, segment);
      fs.fdatasync(segment.fd);
      segment.syncedBytes = segment.writtenBytes;
      segment.durableBytes = segment.writtenBytes;
    }
    if (segment.padded) trimSegment(fs, segment);
    flushIndexes(fs, segment);
  }
  log.durableOffset = log.writtenOffset;
  log.syncedOffset = log.writtenOffset;
  writeSnapshot(fs, log.dir, log.endOffset, log.producers);
  pruneSnapshots(fs, log);
  saveLeaderEpochs(fs, log);
  noteClosed(fs, log);
  fs.syncDirectory(log.dir);
}

/** Snapshots are kept for the bases of the last two segments and for the log end: enough to recover from any cut there. */
export function pruneSnapshots(fs: FileSystem, log: Log): void {
  const oldest = log.segments[Math.max(log.segments.length - 2, 0)]!.baseOffset;
  const active = log.active.baseOffset;
  for (const offset of listSnapshots(fs, log.dir)) {
    if (offset < oldest || (offset > active && offset !== log.endOffset)) fs.remove(snapshotPath(log.dir, offset));
  }
}
