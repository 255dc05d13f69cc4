// Spare segments: files of deleted managed segments, kept to become the same log's next ones instead of being freed. Their
// blocks are allocated and written, which spares a durable append the file system's work (managed_store.h, rule a).
// Owner: the shard's thread. Not hot: at a roll, at a deletion, when a deleted file's delay has passed.
//
// Only of the same log, so that whatever of the old batches a crash leaves has offsets below the new segment's base; and of
// managed segments only: pages that `sendfile` gave to a socket are the file's own, and would change under way, where
// O_DIRECT leaves them alone. Nobody may still read the file: a segment that is pinned when it is deleted is not kept, and
// what was read ahead of it on other threads is forgotten within SPARE_REST_MS.
//
// A log keeps about as many spares as it rolls segments between two deletions, and none for longer than SPARE_UNUSED_MS; a disk without room takes all of a shard's. A spare has the name its file was deleted under, by which the
// next start removes it.

import type { FileSystem } from '../io/file-system.ts';
import type { Log } from './log.ts';
import type { Segment } from './segment.ts';

/** More than native/reactor/cold_files.h keeps what it read of a file that nobody reads. */
export const SPARE_REST_MS = 5000;
const SPARE_UNUSED_MS = 600_000;

/** Segments are being deleted: how many of them are worth keeping follows the pace of the log, more slowly down than up. */
export function noteDeletion(log: Log): void {
  log.sparesMax = Math.max(log.rolled, Math.floor(log.sparesMax / 2));
  log.rolled = 0;
}

/** May the file of a segment that is being deleted be written again? Asked when its descriptor was given back. */
export function isRecyclable(log: Log, segment: Segment): boolean {
  const { writtenBytes, syncedBytes } = segment;
  if (!segment.managed || segment.fd >= 0 || segment.padded || syncedBytes < writtenBytes) return false;
  // As large as the next one will be, more or less.
  return writtenBytes * 2 >= log.config.segmentBytes && writtenBytes <= log.config.segmentBytes;
}

/**
 * A deleted segment's delay has passed. False: its file is not wanted.
 * @param generation the log's when the segment was deleted: offsets of one that was cut since may be given out again
 */
export function keepSpare(log: Log, path: string, generation: number, nowMs: number): boolean {
  if (log.failed || log.closed || log.config.storage !== 'managed' || log.generation !== generation) return false;
  if (log.spares.length >= Math.min(log.sparesMax, log.segments.length)) return false;
  log.spares.push({ path, sinceMs: nowMs });
  return true;
}

/** The path of a file to be renamed and written again, or null. */
export function takeSpare(fs: FileSystem, log: Log): string | null {
  if (log.config.storage !== 'managed') return null;
  const path = log.spares.pop()?.path ?? null;
  // Somebody may have looked for room by hand.
  return path !== null && fs.exists(path) ? path : null;
}

/** Those that nobody came for. */
export function expireSpares(fs: FileSystem, log: Log, nowMs: number): void {
  while (log.spares.length > 0 && nowMs - log.spares[0]!.sinceMs > SPARE_UNUSED_MS) fs.discard(log.spares.shift()!.path);
}

export function dropSpares(fs: FileSystem, log: Log): void {
  for (const { path } of log.spares.splice(0)) fs.discard(path);
}
