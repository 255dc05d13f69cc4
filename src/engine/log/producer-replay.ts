// Rebuild a log's producer state: the newest snapshot, then the batch headers after it. Owner: the shard's thread.
// Not hot: opening a log, and dropping staged or truncated batches.

import type { FileSystem } from '../io/file-system.ts';
import { BatchAttribute } from '../record/batch-header.ts';
import type { BatchScanner } from './batch-scanner.ts';
import type { Log } from './log.ts';
import { loadSnapshot } from './producer-snapshot.ts';
import type { ProducerState } from './producer-state.ts';
import { openSegment } from './segment-files.ts';
import { beginWalk, nextBatch } from './segment-walk.ts';

/** The scanner's current batch takes its place in the state. */
export function replayBatch(scanner: BatchScanner, producers: ProducerState): void {
  if (scanner.producerId < 0 || scanner.producerId > Number.MAX_SAFE_INTEGER) return;
  const sequence = (scanner.attributes & BatchAttribute.CONTROL) !== 0 ? -1 : scanner.baseSequence;
  producers.record(scanner.producerId, scanner.producerEpoch, sequence, scanner.lastOffset, scanner.lastOffsetDelta, scanner.maxTimestamp);
}

/** State as of `log.writtenOffset`. `replayAll`: without a snapshot read the whole log, otherwise start out empty. */
export function reloadProducers(fs: FileSystem, scanner: BatchScanner, log: Log, replayAll: boolean): void {
  const snapshot = loadSnapshot(fs, log.dir, log.writtenOffset, log.producers);
  if (snapshot < 0 && !replayAll) return;
  replayFrom(fs, scanner, log, Math.max(snapshot, log.startOffset));
}

/** Replay the batches in [offset, log.writtenOffset). */
export function replayFrom(fs: FileSystem, scanner: BatchScanner, log: Log, offset: number): void {
  for (let i = 0; i < log.segments.length; i++) {
    const segment = log.segments[i]!;
    const next = log.segments[i + 1];
    if (next !== undefined && next.baseOffset <= offset) continue;
    if (segment.baseOffset >= log.writtenOffset) break;
    replaySegment(fs, scanner, log, i, offset);
  }
}

function replaySegment(fs: FileSystem, scanner: BatchScanner, log: Log, index: number, offset: number): void {
  const segment = log.segments[index]!;
  openSegment(fs, segment);
  let start = 0;
  if (segment.offsetIndex !== null && offset > segment.baseOffset) {
    // The entry of a batch below the offset: everything before it is older still.
    const entry = segment.offsetIndex.ceiling(offset - segment.baseOffset) - 1;
    if (entry >= 0) start = segment.offsetIndex.positions[entry]!;
  }
  beginWalk(scanner, segment, start);
  while (nextBatch(scanner, segment)) {
    if (scanner.lastOffset >= offset) replayBatch(scanner, log.producers);
  }
}
