// CleanedSegmentWriter: the files of one cleaned segment under their first name, `<base>.log.cleaned` and so on. Owner: the
// thread that cleans. Not hot: batches are gathered in a buffer. What finish() returns is on the disk.

import { assert } from '../../base/assert.ts';
import type { FileSystem } from '../../io/file-system.ts';
import { OFFSET_ENTRY_BYTES, OffsetIndex } from '../offset-index.ts';
import { addTimeEntry, noteBatch, type IndexedBatch } from '../segment-index.ts';
import {
  CLEANED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  segmentFileName,
  SWAPPED_SUFFIXES,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from '../segment-name.ts';
import { Segment } from '../segment.ts';
import { TIME_ENTRY_BYTES, TimeIndex } from '../time-index.ts';
import { encodeAbortedTransactions, type AbortedTransaction } from './cleaned-transactions.ts';

/** Positions are int32. */
const LOG_BYTES_MAX = 0x7fff_ffff;

export class CleanedSegmentWriter {
  readonly segment: Segment;
  private readonly fs: FileSystem;
  private readonly fd: number;
  private readonly buffer: Uint8Array;
  private buffered = 0;

  constructor(fs: FileSystem, dir: string, baseOffset: number, buffer: Uint8Array) {
    this.fs = fs;
    this.buffer = buffer;
    this.segment = new Segment(dir, baseOffset);
    this.segment.offsetIndex = new OffsetIndex();
    this.segment.timeIndex = new TimeIndex();
    this.fd = fs.open(cleanedPath(dir, baseOffset, LOG_SUFFIX), 'w+');
  }

  add(bytes: Uint8Array, from: number, batch: IndexedBatch, lastOffset: number, intervalBytes: number): void {
    const { segment } = this;
    const position = segment.writtenBytes;
    assert(position + batch.lengthBytes <= LOG_BYTES_MAX, 'a cleaned segment is no larger than its sources may be', position);
    noteBatch(segment, intervalBytes, position, lastOffset, batch);
    if (this.buffered + batch.lengthBytes > this.buffer.length) this.flush();
    if (batch.lengthBytes > this.buffer.length) {
      this.fs.write(this.fd, bytes, from, batch.lengthBytes, position);
    } else {
      this.buffer.set(bytes.subarray(from, from + batch.lengthBytes), this.buffered);
      this.buffered += batch.lengthBytes;
    }
    segment.writtenBytes += batch.lengthBytes;
    segment.endOffset = lastOffset + 1;
  }

  /** @param modifiedMs what retention by age goes by where batches have no timestamps */
  finish(aborted: readonly AbortedTransaction[], modifiedMs: number): void {
    const { fs, segment } = this;
    this.flush();
    fs.fdatasync(this.fd);
    fs.close(this.fd);
    addTimeEntry(segment);
    const { dir, baseOffset } = segment;
    const offsetIndex = segment.offsetIndex!;
    const timeIndex = segment.timeIndex!;
    const offsets = new Uint8Array(offsetIndex.count * OFFSET_ENTRY_BYTES);
    offsetIndex.encode(new DataView(offsets.buffer), 0, offsetIndex.count);
    const times = new Uint8Array(timeIndex.count * TIME_ENTRY_BYTES);
    timeIndex.encode(new DataView(times.buffer), 0, timeIndex.count);
    this.writeFile(OFFSET_INDEX_SUFFIX, offsets);
    this.writeFile(TIME_INDEX_SUFFIX, times);
    if (aborted.length > 0) this.writeFile(TXN_INDEX_SUFFIX, encodeAbortedTransactions(aborted));
    fs.setModifiedMs(cleanedPath(dir, baseOffset, LOG_SUFFIX), modifiedMs);
  }

  abandon(): void {
    this.fs.close(this.fd);
  }

  private flush(): void {
    if (this.buffered > 0) this.fs.write(this.fd, this.buffer, 0, this.buffered, this.segment.writtenBytes - this.buffered);
    this.buffered = 0;
  }

  private writeFile(suffix: string, bytes: Uint8Array): void {
    const { fs, segment } = this;
    const fd = fs.open(cleanedPath(segment.dir, segment.baseOffset, suffix), 'w+');
    try {
      if (bytes.length > 0) fs.write(fd, bytes, 0, bytes.length, 0);
      fs.fdatasync(fd);
    } finally {
      fs.close(fd);
    }
  }
}

function cleanedPath(dir: string, baseOffset: number, suffix: string): string {
  return `${dir}/${segmentFileName(baseOffset, suffix)}${CLEANED_SUFFIX}`;
}

/** What a cleaning that nobody waits for any more has left. */
export function removeLeftovers(fs: FileSystem, dir: string): void {
  for (const name of fs.list(dir)) if (name.endsWith(CLEANED_SUFFIX)) fs.remove(`${dir}/${name}`);
}

/** Nobody will swap it in. */
export function removeCleaned(fs: FileSystem, dir: string, baseOffset: number): void {
  for (const suffix of SWAPPED_SUFFIXES) fs.remove(cleanedPath(dir, baseOffset, suffix));
}
