// Which segments are cleaned into one: neighbours, as long as together they keep to segment.bytes, to the index size and to
// what an index can count. Owner: the thread that cleans; no state. Not hot.

import type { FileSystem } from '../../io/file-system.ts';
import { OFFSET_INDEX_SUFFIX, segmentFileName, TIME_INDEX_SUFFIX } from '../segment-name.ts';
import type { CleanJob, SourceSegment } from './clean-job.ts';

const RELATIVE_OFFSET_MAX = 0x7fff_ffff;

/** All sources that begin below `endOffset`, in groups. Sizes before cleaning count: what comes out can only be smaller. */
export function groupSources(fs: FileSystem, job: CleanJob, endOffset: number): SourceSegment[][] {
  const groups: SourceSegment[][] = [];
  let group: SourceSegment[] = [];
  let logBytes = 0;
  let offsetBytes = 0;
  let timeBytes = 0;
  for (const source of job.sources) {
    if (source.baseOffset >= endOffset) break;
    const offsets = fileBytes(fs, job.dir, source.baseOffset, OFFSET_INDEX_SUFFIX);
    const times = fileBytes(fs, job.dir, source.baseOffset, TIME_INDEX_SUFFIX);
    const fits =
      group.length > 0 &&
      logBytes + source.sizeBytes <= job.segmentBytes &&
      offsetBytes + offsets <= job.segmentIndexBytes &&
      timeBytes + times <= job.segmentIndexBytes &&
      source.nextBaseOffset - 1 - group[0]!.baseOffset <= RELATIVE_OFFSET_MAX;
    if (!fits) {
      groups.push((group = []));
      logBytes = 0;
      offsetBytes = 0;
      timeBytes = 0;
    }
    group.push(source);
    logBytes += source.sizeBytes;
    offsetBytes += offsets;
    timeBytes += times;
  }
  return groups;
}

function fileBytes(fs: FileSystem, dir: string, baseOffset: number, suffix: string): number {
  const path = `${dir}/${segmentFileName(baseOffset, suffix)}`;
  if (!fs.exists(path)) return 0;
  const fd = fs.open(path, 'r');
  try {
    return fs.size(fd);
  } finally {
    fs.close(fd);
  }
}
