// Segments of the managed storage mode (`ringlog.storage=managed`): O_DIRECT, written from the shard's own memory.
// Owner: the shard's thread. Not hot: at the creation, the trim and the opening of a segment.
//
// While such a segment is appended to its file is longer than its batches: space is reserved ahead and the last block is
// padded. All of that reads as zeros or, in a recycled file (spare-segments.ts), as batches of lower offsets
// (native/reactor/managed_store.h, rule a), so a walk over batches stops where they end.
// trimSegment() cuts the file to its batches: when it is whole and synced after a roll, before the recovery point passes
// it, and at a clean stop. A file that was trimmed is as any other, for kafka-dump-log too.
//
// A partition directory that holds MARKER has, or had, such segments. After a crash that says two things to recovery:
//   - the end of the log was in memory: also when only the process died, what is not synced may be lost, and writes that
//     were under way may have left a hole before valid batches. Nothing behind the hole was promised to anybody, so a bad
//     spot with valid batches no further behind it than HOLE_BYTES_MAX ends the log; further behind, it is damage.
//   - zeros at the end, or an earlier life of the file, are nothing to tell anybody of.

import { assert } from '../base/assert.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { LogConfig } from './log-config.ts';
import type { Log } from './log.ts';
import type { Segment } from './segment.ts';

const ZERO_WINDOW_BYTES = 1024 * 1024;
const MARKER = 'ringlog.managed';

/** Twice what can be under way: kManagedWrites * kManagedWriteMax of the native side. */
export const HOLE_BYTES_MAX = 16 * 1024 * 1024;

/** `names` of what lies in a partition's directory. */
export function hasManagedMarker(names: readonly string[]): boolean {
  return names.includes(MARKER);
}

/** Before the first managed byte. @returns whether it is new, and its name still to be synced with the directory */
function placeMarker(fs: FileSystem, dir: string): boolean {
  const path = `${dir}/${MARKER}`;
  if (fs.exists(path)) return false;
  fs.close(fs.open(path, 'w'));
  return true;
}

/** Make an open segment that is going to be appended to a managed one, if the topic wants it and the file system can. */
export function manageSegment(fs: FileSystem, segment: Segment, config: LogConfig): void {
  if (config.storage !== 'managed') return;
  const marked = placeMarker(fs, segment.dir);
  if (fs.manage(segment.fd, segment.writtenBytes, config.segmentBytes) < 0) {
    if (marked) fs.remove(`${segment.dir}/${MARKER}`);
    return;
  }
  if (marked) fs.syncDirectory(segment.dir);
  segment.managed = true;
  segment.padded = true;
}

/** The file ends where its batches do, for good. @throws what the disk throws */
export function trimSegment(fs: FileSystem, segment: Segment): void {
  assert(segment.padded && segment.syncedBytes >= segment.writtenBytes, 'trimmed when synced', segment.baseOffset, segment.syncedBytes);
  fs.truncate(segment.fd, segment.writtenBytes);
  fs.fdatasync(segment.fd);
  segment.padded = false;
}

/** Are all bytes of [from, to) of a file zeros, as those are that were reserved and never written? */
export function isZero(fs: FileSystem, fd: number, from: number, to: number): boolean {
  const window = Buffer.alloc(Math.min(ZERO_WINDOW_BYTES, to - from));
  const zeros = Buffer.alloc(window.length);
  for (let at = from; at < to;) {
    const bytes = fs.read(fd, window, 0, Math.min(window.length, to - at), at);
    if (bytes === 0 || window.compare(zeros, 0, bytes, 0, bytes) !== 0) return bytes === 0;
    at += bytes;
  }
  return true;
}

/**
 * Index of the segment that a log with managed segments ends in: the first whose tail is torn, or ends in zeros before the
 * next one's base, with no more bytes behind it than could be on their way to the disk when the process died.
 */
export function lastBeforeHole(segments: readonly Segment[], first: number, tornAt: readonly number[]): number {
  let last = segments.length - 1;
  let behindBytes = 0;
  for (let i = segments.length - 1; i >= first && behindBytes <= HOLE_BYTES_MAX; i--) {
    const segment = segments[i]!;
    const torn = tornAt[i]! >= 0;
    if (torn || (segment.padded && i + 1 < segments.length && segment.endOffset !== segments[i + 1]!.baseOffset)) last = i;
    behindBytes += torn ? tornAt[i]! : segment.writtenBytes;
  }
  return last;
}

/**
 * Segments rolled away from whose last bytes are on the disk by now: of those behind the recovery point, which may lie before
 * ones that are not managed. Usually there is none. @throws what the disk throws
 */
export function trimRolled(fs: FileSystem, log: Log): void {
  const { segments } = log;
  for (let i = segments.length - 2; i >= 0; i--) {
    const segment = segments[i]!;
    // Rolled in a tick that appended to it: more is on its way than was written.
    if (segment.padded && segment.syncedBytes >= segment.stagedBytes) trimSegment(fs, segment);
    if (segment.baseOffset <= log.syncedOffset) return;
  }
}
