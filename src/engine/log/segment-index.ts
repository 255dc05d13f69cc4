// Index entries of a segment as batches are added to it. Owner: the shard's thread. @hot noteBatch()
//
// The rule (Kafka's): when more than index.interval.bytes lie between the last entry and a batch, that batch gets an
// offset entry, and a time entry if the maximum timestamp grew since the last. Checked before the batch is counted, so
// the first batch of a segment gets none. Rolling and closing add one last time entry.

import type { Segment } from './segment.ts';

/** What an index entry needs of a batch. An object, as a float handed to a function is a heap number on the hot path. */
export interface IndexedBatch {
  readonly lengthBytes: number;
  readonly maxTimestamp: number;
  /** 0: compaction emptied it. Its header keeps a time that no record has any more. */
  readonly recordCount: number;
}

export function noteBatch(segment: Segment, intervalBytes: number, position: number, lastOffset: number, batch: IndexedBatch): void {
  const maxTimestamp = batch.maxTimestamp;
  const relative = lastOffset - segment.baseOffset;
  if (position === 0) segment.firstTimestamp = maxTimestamp;
  if (maxTimestamp > segment.maxTimestamp && batch.recordCount > 0) {
    segment.maxTimestamp = maxTimestamp;
    segment.maxTimestampOffset = lastOffset;
  }
  if (segment.sinceIndexBytes > intervalBytes) {
    segment.offsetIndex!.add(relative, position);
    addTimeEntry(segment);
    segment.sinceIndexBytes = 0;
    segment.indexDirty = true;
  }
  segment.sinceIndexBytes += batch.lengthBytes;
}

/** The maximum timestamp so far as a time entry, if it is a new one. */
export function addTimeEntry(segment: Segment): void {
  if (segment.maxTimestamp < 0) return;
  const timeIndex = segment.timeIndex!;
  const before = timeIndex.count;
  timeIndex.add(segment.maxTimestamp, segment.maxTimestampOffset - segment.baseOffset);
  if (timeIndex.count !== before) segment.indexDirty = true;
}
