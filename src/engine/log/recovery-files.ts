// What lies in a partition's directory before it is recovered: its segments, and what is none of them. Owner: the shard's
// thread. Not hot.

import { uuidToBytes } from '../base/uuid.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { Log } from './log.ts';
import { readPartitionMetadata } from './partition-metadata.ts';
import { NEXT_NOTE } from './recovery-note.ts';
import type { RecoveryReport } from './recovery-report.ts';
import { closeDescriptor, openSegment, segmentPath } from './segment-files.ts';
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  LOG_SUFFIX,
  offsetOfFileName,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './segment-name.ts';
import { Segment } from './segment.ts';

const STRAY_SUFFIX = '-stray';
/** Left by a write that did not come to its rename. */
const TEMPORARY = ['.snapshot.tmp', '-checkpoint.tmp', NEXT_NOTE];

interface DirectoryFound {
  readonly isNew: boolean;
  /** It says whose it is. */
  readonly isNamed: boolean;
  /** The new name of what another topic left; empty when there was none. */
  readonly movedAside: string;
}

/**
 * A topic that was deleted while the process died may leave its directory, and another topic of the name must not come
 * upon its records.
 */
export function enterDirectory(fs: FileSystem, log: Log): DirectoryFound {
  if (!fs.isDirectory(log.dir)) return { isNew: true, isNamed: false, movedAside: '' };
  const topicId = readPartitionMetadata(fs, log.dir);
  if (topicId === null || topicId === log.topicId) return { isNew: false, isNamed: topicId !== null, movedAside: '' };
  const aside = `${log.dir}.${Buffer.from(uuidToBytes(topicId)).toString('hex')}${STRAY_SUFFIX}`;
  fs.rename(log.dir, aside);
  return { isNew: true, isNamed: false, movedAside: aside };
}

/**
 * Remove what earlier work left behind, and note what is not ours. A `.swap` beside its originals is left alone here: which
 * of the two counts is for compaction to say. @returns base offsets of the segments, ascending
 */
export function tidyDirectory(fs: FileSystem, dir: string, names: readonly string[], found: RecoveryReport): number[] {
  const bases: number[] = [];
  for (const name of names) {
    if (name.endsWith(DELETED_SUFFIX) || name.endsWith(CLEANED_SUFFIX) || TEMPORARY.some((suffix) => name.endsWith(suffix))) {
      fs.remove(`${dir}/${name}`);
      continue;
    }
    const base = offsetOfFileName(name, LOG_SUFFIX);
    if (base >= 0) bases.push(base);
    else if (name.endsWith(LOG_SUFFIX)) found.strays.push(name);
  }
  for (const suffix of [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]) {
    for (const name of names) {
      const base = offsetOfFileName(name, suffix);
      if (base >= 0 && !bases.includes(base)) fs.remove(`${dir}/${name}`);
    }
  }
  return bases.sort((a, b) => a - b);
}

export function describeSegment(fs: FileSystem, dir: string, base: number): Segment {
  const segment = new Segment(dir, base);
  openSegment(fs, segment);
  const bytes = fs.size(segment.fd);
  segment.stagedBytes = bytes;
  segment.writtenBytes = bytes;
  segment.syncedBytes = bytes;
  segment.syncingBytes = bytes;
  segment.createdMs = fs.modifiedMs(segmentPath(segment, LOG_SUFFIX));
  closeDescriptor(fs, segment);
  return segment;
}
