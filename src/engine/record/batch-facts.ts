// What is known of one record batch about to be appended. One object is reused for every batch of a shard.
// Owner: the shard's thread. Hot: filled from a native descriptor, never allocated per batch.

export class BatchFacts {
  /** Absolute address of the batch's first byte (APPEND's ADDRESS). */
  address = 0;
  /** Offset in this shard's own arena, or -1 when the bytes belong to another thread. */
  arenaOffset = -1;
  lengthBytes = 0;
  attributes = 0;
  lastOffsetDelta = 0;
  recordCount = 0;
  baseTimestamp = 0;
  maxTimestamp = 0;
  producerId = -1;
  producerEpoch = -1;
  baseSequence = -1;
  /** Wall-clock milliseconds of the append. Here, because as an argument it would be a heap number a batch. */
  nowMs = 0;

  copy(from: BatchFacts): void {
    this.address = from.address;
    this.arenaOffset = from.arenaOffset;
    this.lengthBytes = from.lengthBytes;
    this.attributes = from.attributes;
    this.lastOffsetDelta = from.lastOffsetDelta;
    this.recordCount = from.recordCount;
    this.baseTimestamp = from.baseTimestamp;
    this.maxTimestamp = from.maxTimestamp;
    this.producerId = from.producerId;
    this.producerEpoch = from.producerEpoch;
    this.baseSequence = from.baseSequence;
    this.nowMs = from.nowMs;
  }
}
