// ListOffsets by timestamp. Owner: the shard's thread. Not hot: reads the files synchronously, an index interval and one
// batch in the common case.
//
// Answers name the record, not the batch. A compressed batch is opened with the decompressor given; where that cannot (or
// none is given) the answer is the batch's first offset with the batch's maximum timestamp, which is never too late.

import { BATCH_HEADER_BYTES, BatchAttribute } from '../record/batch-header.ts';
import { prepareSegment } from './batch-position.ts';
import type { BatchScanner } from './batch-scanner.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import { firstRecordSince, type FoundRecord } from './record-timestamps.ts';
import { beginWalk, nextBatch } from './segment-walk.ts';
import type { Segment } from './segment.ts';

export interface TimestampOffset {
  readonly offset: number;
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

/** Opens a compressed batch's records; null when it cannot. */
export type Decompressor = (codec: number, bytes: Uint8Array) => Uint8Array | null;

/** The first record whose timestamp is >= the one given, below `limitOffset`. */
export function offsetForTimestamp(
  table: LogTable,
  log: Log,
  timestampMs: number,
  limitOffset: number,
  decompress: Decompressor | null,
): TimestampOffset | null {
  for (const segment of log.segments) {
    if (segment.writtenBytes === 0 || !prepareSegment(table, log, segment)) continue;
    if (segment.maxTimestamp < timestampMs) continue;
    const found = searchSegment(table, log, segment, timestampMs, decompress);
    if (found !== null) return found.offset < limitOffset ? found : null;
  }
  return null;
}

/** The first record with the greatest timestamp of the log (ListOffsets -3). */
export function maxTimestampOffset(table: LogTable, log: Log, decompress: Decompressor | null): TimestampOffset | null {
  let newest: Segment | null = null;
  for (const segment of log.segments) {
    if (segment.writtenBytes === 0 || !prepareSegment(table, log, segment)) continue;
    if (newest === null || segment.maxTimestamp > newest.maxTimestamp) newest = segment;
  }
  if (newest === null || newest.maxTimestamp < 0) return null;
  return searchSegment(table, log, newest, newest.maxTimestamp, decompress);
}

function searchSegment(
  table: LogTable,
  log: Log,
  segment: Segment,
  timestampMs: number,
  decompress: Decompressor | null,
): TimestampOffset | null {
  const scanner = table.scanner;
  beginWalk(scanner, segment, startPosition(segment, timestampMs));
  while (nextBatch(scanner, segment)) {
    if (scanner.maxTimestamp < timestampMs || scanner.lastOffset < log.startOffset) continue;
    const found = searchBatch(scanner, timestampMs, log.startOffset, decompress);
    if (found !== null) return { ...found, leaderEpoch: scanner.leaderEpoch };
  }
  return null;
}

/** Everything up to the last time entry below the timestamp is older; the offset index knows a batch near its end. */
function startPosition(segment: Segment, timestampMs: number): number {
  const older = segment.timeIndex!.before(timestampMs);
  if (older < 0) return 0;
  const entry = segment.offsetIndex!.ceiling(segment.timeIndex!.relativeOffsets[older]! + 1) - 1;
  const position = entry < 0 ? 0 : segment.offsetIndex!.positions[entry]!;
  // An entry of a batch still staged lies beyond what is written.
  return position < segment.writtenBytes ? position : 0;
}

function searchBatch(scanner: BatchScanner, timestampMs: number, minOffset: number, decompress: Decompressor | null): FoundRecord | null {
  const { baseOffset, baseTimestamp, maxTimestamp, recordCount, attributes } = scanner;
  if (recordCount === 0) return null;
  const first = { offset: Math.max(baseOffset, minOffset), timestamp: maxTimestamp };
  if ((attributes & BatchAttribute.LOG_APPEND_TIME) !== 0) return first;
  if (!scanner.loadBatch()) return null;
  const header = { baseOffset, baseTimestamp, recordCount };
  const from = scanner.at + BATCH_HEADER_BYTES;
  const to = scanner.at + scanner.lengthBytes;
  const codec = attributes & BatchAttribute.CODEC_MASK;
  if (codec === 0) return firstRecordSince({ ...header, bytes: scanner.buffer, from, to }, timestampMs, minOffset);
  const bytes = decompress === null ? null : decompress(codec, scanner.buffer.subarray(from, to));
  if (bytes === null) return first;
  return firstRecordSince({ ...header, bytes, from: 0, to: bytes.length }, timestampMs, minOffset);
}
