// At a start, before any log of a directory is opened: what the commit journals have and the segments lack is written into
// the segments, which are then synced, and the journals count no more. Owner: the supervisor's thread. Not hot.
//
// After a crash of the process alone the page cache still has all of it, and only the sync is needed; both ways go through
// the same comparison. Bytes are written only where they belong: into a partition of that topic id, into a segment that is
// there (a segment's name is on the disk before its first append, so a missing one was deleted), not past the file's end,
// and only batches whose own checksums are right. Doing it twice comes to the same.

import { crc32c } from '../base/crc32c.ts';
import type { FileSystem } from '../io/file-system.ts';
import { readInt64 } from '../record/batch-header.ts';
import { BatchWalker, WalkStatus } from '../record/batch-walker.ts';
import { parsePartitionName } from './checkpoint-file.ts';
import {
  COMMIT_BLOCK_BYTES,
  decodeEntries,
  decodeJournalHeader,
  JournalEntry,
  type JournalFacts,
  type JournalRange,
  RECORD_MAGIC,
  RecordHead,
  RECORDS_START,
  roundUpToBlock,
  shardOfJournal,
} from './commit-journal-format.ts';
import { retireJournal } from './commit-journal.ts';
import { COMMIT_RECORD_BYTES_MAX } from './commit-slot.ts';
import { listPartitions } from './log-directory.ts';
import { readPartitionMetadata } from './partition-metadata.ts';
import { LOG_SUFFIX, segmentFileName } from './segment-name.ts';

export interface ReplayReport {
  /** Records that counted, and the entries in them. */
  records: number;
  entries: number;
  /** Entries whose bytes the segments lacked, and how many bytes. */
  restored: number;
  restoredBytes: number;
  /** Entries of partitions and segments that are gone. */
  gone: number;
  /** What nobody should ever see, in words. */
  faults: string[];
}

const CHUNK_BYTES = 1024 * 1024;
/** Two records may have been on their way. */
const TORN_BYTES_MAX = 2 * COMMIT_RECORD_BYTES_MAX + COMMIT_BLOCK_BYTES;

/** @returns what was done, or null when the directory has no journal that counts. @throws what the disk throws */
export function replayJournals(fs: FileSystem, directory: string, directoryId: string, shardCount: number): ReplayReport | null {
  const names = fs.list(directory).filter((name) => shardOfJournal(name) >= 0);
  let report: ReplayReport | null = null;
  for (const name of names.sort()) {
    const path = `${directory}/${name}`;
    const found = replayJournal(fs, directory, path, directoryId);
    if (found !== null) report = report === null ? found : sum(report, found);
    if (shardOfJournal(name) >= Math.max(shardCount, 1)) fs.remove(path);
  }
  return report;
}

function sum(a: ReplayReport, b: ReplayReport): ReplayReport {
  return {
    records: a.records + b.records,
    entries: a.entries + b.entries,
    restored: a.restored + b.restored,
    restoredBytes: a.restoredBytes + b.restoredBytes,
    gone: a.gone + b.gone,
    faults: [...a.faults, ...b.faults],
  };
}

function replayJournal(fs: FileSystem, directory: string, path: string, directoryId: string): ReplayReport | null {
  const report: ReplayReport = { records: 0, entries: 0, restored: 0, restoredBytes: 0, gone: 0, faults: [] };
  const fd = fs.open(path, 'r');
  try {
    const block = new Uint8Array(COMMIT_BLOCK_BYTES);
    const got = fs.read(fd, block, 0, block.length, 0);
    if (got < COMMIT_BLOCK_BYTES || block.every((byte) => byte === 0)) return null;
    const facts = decodeJournalHeader(block);
    if (facts === null) report.faults.push(`${path}: its header is damaged, nothing of it can be replayed`);
    else if (facts.directoryId !== directoryId) {
      report.faults.push(`${path}: it belongs to log directory ${facts.directoryId}, this one is ${directoryId}; it is not replayed`);
    } else {
      const segments = new JournalSegments(fs, directory, report);
      try {
        const walk = new RecordWalk(fs, fd, facts);
        for (; walk.next(); report.records++) for (const range of decodeEntries(walk.record)) segments.restore(range);
        segments.sync();
      } finally {
        segments.close();
      }
    }
  } finally {
    fs.close(fd);
  }
  retireJournal(fs, path);
  return report;
}

/**
 * Walks the records that count, in the order they were written. One that was on its way when the power went may be torn, or
 * not there at all, and the next one whole: so the walk looks a little further before it says that there are no more.
 */
class RecordWalk {
  /** The record that next() found, whole. */
  record: Uint8Array = new Uint8Array(0);
  private readonly fs: FileSystem;
  private readonly fd: number;
  private readonly facts: JournalFacts;
  private readonly size: number;
  private position: number;
  private sequence: number;
  private chunk = new Uint8Array(CHUNK_BYTES);
  private chunkStart = 0;
  private chunkBytes = 0;

  constructor(fs: FileSystem, fd: number, facts: JournalFacts) {
    this.fs = fs;
    this.fd = fd;
    this.facts = facts;
    this.size = Math.floor(fs.size(fd) / COMMIT_BLOCK_BYTES) * COMMIT_BLOCK_BYTES;
    this.position = facts.firstPosition;
    this.sequence = facts.firstSequence;
  }

  next(): boolean {
    return this.search(this.position) || this.search(RECORDS_START);
  }

  private search(from: number): boolean {
    const end = Math.min(from + TORN_BYTES_MAX, this.size);
    for (let position = from; position < end; position += COMMIT_BLOCK_BYTES) {
      const totalBytes = this.recordAt(position);
      if (totalBytes === 0) continue;
      this.position = position + totalBytes;
      return true;
    }
    return false;
  }

  /** Bytes of the record at `position`, which is then `record`; 0 when none that counts begins there. */
  private recordAt(position: number): number {
    const head = this.bytesAt(position, COMMIT_BLOCK_BYTES);
    if (head === null) return 0;
    const view = new DataView(head.buffer, head.byteOffset, RecordHead.BYTES);
    if (view.getInt32(RecordHead.MAGIC) !== RECORD_MAGIC) return 0;
    if (Buffer.compare(head.subarray(RecordHead.EPOCH, RecordHead.SEQUENCE), this.facts.epoch) !== 0) return 0;
    const sequence = readInt64(view, RecordHead.SEQUENCE);
    const entries = view.getInt32(RecordHead.ENTRIES);
    const headBytes = view.getInt32(RecordHead.HEAD_BYTES);
    const payloadBytes = view.getInt32(RecordHead.PAYLOAD_BYTES);
    if (sequence < this.sequence || entries < 1 || payloadBytes < 1) return 0;
    if (headBytes !== RecordHead.BYTES + entries * JournalEntry.BYTES) return 0;
    const totalBytes = roundUpToBlock(headBytes + payloadBytes);
    const record = this.bytesAt(position, totalBytes);
    if (record === null) return 0;
    const crc = new DataView(record.buffer, record.byteOffset).getUint32(RecordHead.CRC);
    if (crc32c(record, RecordHead.MAGIC, headBytes + payloadBytes - RecordHead.MAGIC) !== crc) return 0;
    this.record = record;
    this.sequence = sequence + 1;
    return totalBytes;
  }

  /** Null when the file is not that long. */
  private bytesAt(position: number, length: number): Uint8Array | null {
    if (position + length > this.size) return null;
    if (position < this.chunkStart || position + length > this.chunkStart + this.chunkBytes) {
      if (length > this.chunk.length) this.chunk = new Uint8Array(length);
      this.chunkStart = position;
      this.chunkBytes = this.fs.read(this.fd, this.chunk, 0, Math.min(this.chunk.length, this.size - position), position);
      if (this.chunkBytes < length) return null;
    }
    const at = position - this.chunkStart;
    return this.chunk.subarray(at, at + length);
  }
}

/** The segments that entries speak of. */
class JournalSegments {
  private readonly fs: FileSystem;
  private readonly directory: string;
  private readonly report: ReplayReport;
  private dirs: Map<string, string> | null = null;
  /** By path; -1: it is gone. */
  private readonly fds = new Map<string, number>();
  private readonly walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });

  constructor(fs: FileSystem, directory: string, report: ReplayReport) {
    this.fs = fs;
    this.directory = directory;
    this.report = report;
  }

  restore(range: JournalRange): void {
    const { fs, report } = this;
    report.entries++;
    const dir = this.partitionDirs().get(`${range.topicId} ${range.partition}`);
    const path = `${dir}/${segmentFileName(range.segmentBase, LOG_SUFFIX)}`;
    const fd = dir === undefined ? -1 : this.open(path);
    if (fd < 0) {
      report.gone++;
      return;
    }
    const { bytes, position } = range;
    const present = new Uint8Array(bytes.length);
    const got = fs.read(fd, present, 0, bytes.length, position);
    if (got === bytes.length && Buffer.compare(present, bytes) === 0) return;
    const where = `${path} at ${position}, offset ${range.baseOffset}`;
    if (!this.isSound(range)) report.faults.push(`${where}: a journal entry holds damaged batches, it is not replayed`);
    else if (fs.size(fd) < position) report.faults.push(`${where}: a journal entry begins after the file's end, it is not replayed`);
    else {
      fs.write(fd, bytes, 0, bytes.length, position);
      report.restored++;
      report.restoredBytes += bytes.length;
    }
  }

  /** All of them: also what was in the page cache alone has to stay when the journal counts no more. */
  sync(): void {
    for (const fd of this.fds.values()) if (fd >= 0) this.fs.fdatasync(fd);
  }

  close(): void {
    for (const fd of this.fds.values()) if (fd >= 0) this.fs.close(fd);
    this.fds.clear();
  }

  private isSound({ bytes, baseOffset, position }: JournalRange): boolean {
    const { walker } = this;
    walker.minOffset = baseOffset;
    walker.wrap(bytes, 0, bytes.length, position);
    let first = -1;
    while (walker.next() === WalkStatus.BATCH) if (first < 0) first = walker.header.baseOffset;
    return walker.status === WalkStatus.END && first === baseOffset;
  }

  private open(path: string): number {
    let fd = this.fds.get(path);
    if (fd === undefined) {
      fd = this.fs.exists(path) ? this.fs.open(path, 'r+') : -1;
      this.fds.set(path, fd);
    }
    return fd;
  }

  private partitionDirs(): ReadonlyMap<string, string> {
    if (this.dirs !== null) return this.dirs;
    this.dirs = new Map();
    for (const name of listPartitions(this.fs, this.directory)) {
      const dir = `${this.directory}/${name}`;
      const topicId = readPartitionMetadata(this.fs, dir);
      if (topicId !== null) this.dirs.set(`${topicId} ${parsePartitionName(name)!.partition}`, dir);
    }
    return this.dirs;
  }
}
