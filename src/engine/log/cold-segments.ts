// ColdSegments: segments that are no longer appended to but open for reading. Owner: the shard's thread. Not hot.
// Bounded, so that readers of old history cannot use up the process's descriptors or fill memory with indexes.

import { forgiveDisk } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';
import { closeDescriptor, flushIndexes } from './segment-files.ts';
import type { Segment } from './segment.ts';

const COLD_SEGMENTS_MAX = 256;

export class ColdSegments {
  private readonly fs: FileSystem;
  private readonly open = new Set<Segment>();
  private clock = 0;

  constructor(fs: FileSystem) {
    this.fs = fs;
  }

  /** The segment is being read, and is not the active one of its log. */
  touch(segment: Segment): void {
    segment.lastRead = ++this.clock;
    this.open.add(segment);
    if (this.open.size > COLD_SEGMENTS_MAX) this.evict(segment);
  }

  /** It is active again, or gone. */
  drop(segment: Segment): void {
    this.open.delete(segment);
  }

  private evict(keep: Segment): void {
    let oldest: Segment | null = null;
    for (const segment of this.open) {
      if (segment.retired) this.open.delete(segment);
      else if (segment.pins === 0 && segment !== keep && segment.writtenBytes === segment.syncedBytes) {
        if (oldest === null || segment.lastRead < oldest.lastRead) oldest = segment;
      }
    }
    if (oldest === null || this.open.size <= COLD_SEGMENTS_MAX) return;
    try {
      flushIndexes(this.fs, oldest);
    } catch (error) {
      // Files are caches: the next opening completes them from the log.
      forgiveDisk(error);
    }
    closeDescriptor(this.fs, oldest);
    oldest.offsetIndex = null;
    oldest.timeIndex = null;
    this.open.delete(oldest);
  }
}
