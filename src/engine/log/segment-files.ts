// A segment's files: create, open, write the indexes out, let go. Owner: the shard's thread. Not hot: synchronous, at a
// roll, on the first read of an old segment, at closing.
//
// Index files are caches. They are written behind memory in batches and never synced on their own account: whoever opens
// a segment completes them from the log (segment-load.ts).

import type { FileSystem } from '../io/file-system.ts';
import type { LogConfig } from './log-config.ts';
import { manageSegment } from './managed-segment.ts';
import { OFFSET_ENTRY_BYTES, OffsetIndex } from './offset-index.ts';
import { LOG_SUFFIX, OFFSET_INDEX_SUFFIX, segmentFileName, TIME_INDEX_SUFFIX } from './segment-name.ts';
import { Segment } from './segment.ts';
import { TIME_ENTRY_BYTES, TimeIndex } from './time-index.ts';

export function segmentPath(segment: Segment, suffix: string): string {
  return `${segment.dir}/${segmentFileName(segment.baseOffset, suffix)}`;
}

/**
 * A new, empty segment whose name is on the disk when this returns: no later sync has to think of the directory.
 * @param spare a file to be it, for a managed one
 */
export function createSegment(
  fs: FileSystem,
  dir: string,
  baseOffset: number,
  nowMs: number,
  config: LogConfig,
  spare: string | null = null,
): Segment {
  const segment = new Segment(dir, baseOffset);
  segment.createdMs = nowMs;
  segment.offsetIndex = new OffsetIndex();
  segment.timeIndex = new TimeIndex();
  // A leftover of this name can only be one that recovery would have dropped.
  for (const suffix of [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX]) fs.remove(segmentPath(segment, suffix));
  if (spare !== null) fs.rename(spare, segmentPath(segment, LOG_SUFFIX));
  segment.fd = fs.open(segmentPath(segment, LOG_SUFFIX), spare === null ? 'w+' : 'r+');
  try {
    manageSegment(fs, segment, config);
    if (spare !== null && !segment.managed) fs.truncate(segment.fd, 0);
    fs.syncDirectory(dir);
  } catch (error) {
    closeDescriptor(fs, segment);
    fs.remove(segmentPath(segment, LOG_SUFFIX));
    throw error;
  }
  return segment;
}

export function openSegment(fs: FileSystem, segment: Segment): void {
  if (segment.fd >= 0) return;
  segment.fd = fs.open(segmentPath(segment, LOG_SUFFIX), 'r+');
  // Not to be appended to any more: only its reads pass by the page cache.
  if (segment.managed) segment.managed = fs.manage(segment.fd, segment.writtenBytes, segment.writtenBytes) === 0;
}

export function closeDescriptor(fs: FileSystem, segment: Segment): void {
  if (segment.fd < 0) return;
  const fd = segment.fd;
  segment.fd = -1;
  fs.close(fd);
}

/** The log does not need it any more: its descriptor goes now, or with the last send, sync or read that uses it. */
export function retireSegment(fs: FileSystem, segment: Segment): void {
  segment.retired = true;
  if (segment.pins === 0) closeDescriptor(fs, segment);
}

export function unpinSegment(fs: FileSystem, segment: Segment): void {
  segment.pins--;
  if (segment.pins === 0 && segment.retired) closeDescriptor(fs, segment);
}

/** Bring both index files up to what memory has. */
export function flushIndexes(fs: FileSystem, segment: Segment): void {
  const { offsetIndex, timeIndex } = segment;
  if (!segment.indexDirty || offsetIndex === null || timeIndex === null) return;
  flushIndex(fs, segmentPath(segment, OFFSET_INDEX_SUFFIX), offsetIndex, OFFSET_ENTRY_BYTES);
  flushIndex(fs, segmentPath(segment, TIME_INDEX_SUFFIX), timeIndex, TIME_ENTRY_BYTES);
  segment.indexDirty = false;
}

/** Both index files must exist beside a log, even without entries: kafka-dump-log and Kafka's recovery look for them. */
export function ensureIndexFiles(fs: FileSystem, segment: Segment): void {
  segment.indexDirty = true;
  flushIndexes(fs, segment);
}

/** Entries dropped from memory must leave the file too, so that it is cut before it is added to. */
function flushIndex(fs: FileSystem, path: string, index: OffsetIndex | TimeIndex, entryBytes: number): void {
  const fd = fs.open(path, fs.exists(path) ? 'r+' : 'w+');
  try {
    const from = Math.min(index.flushed, index.count);
    const position = (index.skipped + from) * entryBytes;
    if (fs.size(fd) !== position) fs.truncate(fd, position);
    const bytes = new Uint8Array((index.count - from) * entryBytes);
    index.encode(new DataView(bytes.buffer), from, index.count);
    if (bytes.length > 0) fs.write(fd, bytes, 0, bytes.length, position);
    index.flushed = index.count;
  } finally {
    fs.close(fd);
  }
}

export function readWholeFile(fs: FileSystem, path: string): Uint8Array | null {
  if (!fs.exists(path)) return null;
  const fd = fs.open(path, 'r');
  try {
    const bytes = new Uint8Array(fs.size(fd));
    const got = fs.read(fd, bytes, 0, bytes.length, 0);
    return got === bytes.length ? bytes : bytes.subarray(0, got);
  } finally {
    fs.close(fd);
  }
}
