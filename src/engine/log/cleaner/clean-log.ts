// cleanLog: one pass of compaction over a log's closed segments, from files to files. Owner: a background thread; the shard
// that owns the log holds the sources in place meanwhile and swaps the result in. Not hot.
//
//   1. read the dirty part and note the newest offset of each key, as far as the memory for it reaches
//   2. copy the log up to there, segments together as long as segment.bytes allows, without what is superseded
//
// Every batch's checksum is verified in both. A batch that is not what it was ends the pass: nothing is swapped, and the answer
// says which segment it is of, before which the next pass ends.

import { MalformedBytes } from '../../base/byte-reader.ts';
import type { FileSystem } from '../../io/file-system.ts';
import { BATCH_HEADER_BYTES, BatchAttribute } from '../../record/batch-header.ts';
import { CannotDecompress, decompress } from '../../record/compression.ts';
import { RecordCursor } from '../../record/record-cursor.ts';
import { BatchScanner, SCAN_REASONS, ScanStatus } from '../batch-scanner.ts';
import { LOG_SUFFIX, segmentFileName } from '../segment-name.ts';
import { BatchFilter, CLEANED_BATCH_BYTES_MAX, Verdict } from './batch-filter.ts';
import type { CleanedSegment, CleanJob, CleanLimits, CleanOutcome, IoThrottle, SourceSegment } from './clean-job.ts';
import { CleanedSegmentWriter, removeCleaned, removeLeftovers } from './cleaned-segment-writer.ts';
import { CleanedTransactions, readAbortedTransactions, type AbortedTransaction } from './cleaned-transactions.ts';
import { groupSources } from './group-sources.ts';
import { KeyMap } from './key-map.ts';

/** A batch that cannot be read as what it says it is. */
class CorruptSource extends Error {
  override readonly name = 'CorruptSource';
  readonly baseOffset: number;

  constructor(baseOffset: number, reason: string) {
    super(reason);
    this.baseOffset = baseOffset;
  }
}

interface Pass {
  readonly fs: FileSystem;
  readonly scanner: BatchScanner;
  readonly job: CleanJob;
  readonly throttle: IoThrottle;
  readonly aborted: readonly AbortedTransaction[];
  readBytes: number;
  writtenBytes: number;
}

/** @throws what the disk throws; nothing of the pass is left then */
export function cleanLog(fs: FileSystem, job: CleanJob, limits: CleanLimits, throttle: IoThrottle): CleanOutcome {
  // Of a thread that died: recovery must not take them for this pass's.
  removeLeftovers(fs, job.dir);
  const scanner = new BatchScanner(fs, limits.bufferBytes);
  const aborted = readAbortedTransactions(fs, job.dir, job.allBases);
  const pass: Pass = { fs, scanner, job, throttle, aborted, readBytes: 0, writtenBytes: 0 };
  const done: CleanedSegment[] = [];
  let started = -1;
  try {
    const map = mapKeys(pass, limits.mapBytes);
    const transactions = new CleanedTransactions(aborted);
    const filter = new BatchFilter(map, transactions, job);
    const buffer = new Uint8Array(limits.bufferBytes);
    for (const group of groupSources(fs, job, map.latestOffset + 1)) {
      started = group[0]!.baseOffset;
      const cleaned = cleanGroup(pass, group, filter, transactions, buffer);
      if (cleaned !== null) done.push(cleaned);
    }
    const { readBytes, writtenBytes } = pass;
    return {
      kind: 'cleaned',
      cleanedToOffset: map.latestOffset + 1,
      segments: done,
      readBytes,
      writtenBytes,
      droppedRecords: filter.droppedRecords,
    };
  } catch (error) {
    if (started >= 0) removeCleaned(fs, job.dir, started);
    for (const { baseOffset } of done) removeCleaned(fs, job.dir, baseOffset);
    if (error instanceof CorruptSource) return { kind: 'corrupt', baseOffset: error.baseOffset, reason: error.message };
    throw error;
  }
}

/** The newest offset of each key of the dirty part. `latestOffset` is where the map's memory, or the part, ended. */
function mapKeys(pass: Pass, mapBytes: number): KeyMap {
  const { job } = pass;
  const map = new KeyMap(mapBytes, job.endOffset - job.firstDirtyOffset);
  const transactions = new CleanedTransactions(pass.aborted);
  const cursor = new RecordCursor();
  map.latestOffset = job.firstDirtyOffset - 1;
  for (const source of job.sources) {
    if (source.nextBaseOffset <= job.firstDirtyOffset) continue;
    const whole = eachBatch(pass, source, (scanner) => mapBatch(scanner, map, transactions, cursor, job.firstDirtyOffset));
    if (!whole) return map;
    map.latestOffset = source.nextBaseOffset - 1;
  }
  return map;
}

/** False when the map is full. */
function mapBatch(
  scanner: BatchScanner,
  map: KeyMap,
  transactions: CleanedTransactions,
  cursor: RecordCursor,
  firstDirtyOffset: number,
): boolean {
  const { attributes, producerId, lastOffset, baseOffset } = scanner;
  wrapRecords(scanner, cursor);
  if ((attributes & BatchAttribute.CONTROL) !== 0) {
    transactions.onMarker(producerId, lastOffset, cursor.next() ? cursor.key : null);
  } else if (!transactions.onData(producerId, (attributes & BatchAttribute.TRANSACTIONAL) !== 0, lastOffset)) {
    while (cursor.next()) {
      const offset = baseOffset + cursor.offsetDelta;
      if (offset < firstDirtyOffset) continue;
      const { key } = cursor;
      if (key !== null && !map.put(key, offset)) return false;
      map.latestOffset = offset;
    }
  }
  map.latestOffset = Math.max(map.latestOffset, lastOffset);
  return true;
}

function wrapRecords({ attributes, at, buffer, lengthBytes, recordCount }: BatchScanner, cursor: RecordCursor): void {
  const codec = attributes & BatchAttribute.CODEC_MASK;
  const from = at + BATCH_HEADER_BYTES;
  const to = at + lengthBytes;
  if (codec === 0 || recordCount === 0) {
    cursor.wrap(buffer, from, to, recordCount);
    return;
  }
  const records = decompress(codec, buffer.subarray(from, to), CLEANED_BATCH_BYTES_MAX);
  cursor.wrap(records, 0, records.length, recordCount);
}

/** Null when the one segment of the group came out as it was. */
function cleanGroup(
  pass: Pass,
  group: readonly SourceSegment[],
  filter: BatchFilter,
  transactions: CleanedTransactions,
  buffer: Uint8Array,
): CleanedSegment | null {
  const { fs, job, throttle } = pass;
  const { baseOffset } = group[0]!;
  const writer = new CleanedSegmentWriter(fs, job.dir, baseOffset, buffer);
  const last = group.at(-1)!;
  let changed = group.length > 1;
  transactions.kept.length = 0;
  try {
    for (const source of group) {
      eachBatch(pass, source, (scanner) => {
        const endsGroup = source === last && scanner.position + scanner.lengthBytes === source.sizeBytes;
        const verdict = filter.take(scanner, endsGroup);
        if (verdict !== Verdict.KEEP) changed = true;
        if (verdict === Verdict.DROP) return true;
        const rewritten = verdict === Verdict.REWRITE;
        const batch = rewritten ? filter : scanner;
        writer.add(
          rewritten ? filter.bytes : scanner.buffer,
          rewritten ? 0 : scanner.at,
          batch,
          scanner.lastOffset,
          job.indexIntervalBytes,
        );
        throttle.spend(batch.lengthBytes);
        pass.writtenBytes += batch.lengthBytes;
        return true;
      });
    }
  } catch (error) {
    writer.abandon();
    throw error;
  }
  if (!changed) {
    writer.abandon();
    removeCleaned(fs, job.dir, baseOffset);
    return null;
  }
  const modifiedMs = fs.modifiedMs(`${job.dir}/${segmentFileName(last.baseOffset, LOG_SUFFIX)}`);
  writer.finish(transactions.kept, modifiedMs);
  const { maxTimestamp, maxTimestampOffset, writtenBytes } = writer.segment;
  const sources = group.map((source) => source.baseOffset);
  return { baseOffset, sources, sizeBytes: writtenBytes, maxTimestamp, maxTimestampOffset, modifiedMs };
}

/** Walks a source until `visit` says false. @returns whether it came to the end @throws CorruptSource */
function eachBatch(pass: Pass, source: SourceSegment, visit: (scanner: BatchScanner) => boolean): boolean {
  const { fs, scanner, job, throttle } = pass;
  const fd = fs.open(`${job.dir}/${segmentFileName(source.baseOffset, LOG_SUFFIX)}`, 'r');
  const corrupt = (reason: string): CorruptSource =>
    new CorruptSource(source.baseOffset, `segment ${source.baseOffset} at byte ${scanner.position}: ${reason}`);
  try {
    scanner.begin(fd, 0, source.sizeBytes, source.baseOffset, true);
    for (;;) {
      const status = scanner.next();
      if (status === ScanStatus.END) return true;
      if (status !== ScanStatus.OK) {
        const { position } = scanner;
        const hole = source.holes.find(({ startPosition }) => startPosition === position);
        if (hole === undefined) throw corrupt(SCAN_REASONS[status]!);
        scanner.begin(fd, hole.endPosition, source.sizeBytes, source.baseOffset, true);
        continue;
      }
      if (scanner.lastOffset >= source.nextBaseOffset) throw corrupt('offsets reach into the next segment');
      throttle.spend(scanner.lengthBytes);
      pass.readBytes += scanner.lengthBytes;
      if (!visit(scanner)) return false;
    }
  } catch (error) {
    if (error instanceof MalformedBytes || error instanceof CannotDecompress) throw corrupt(error.message);
    throw error;
  } finally {
    fs.close(fd);
  }
}
