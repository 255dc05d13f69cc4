// ProducerState: what a log remembers of its idempotent producers, so that a batch is stored once and in order.
// Owner: the shard's thread. Hot: check() and record() once a batch; an entry is allocated when a producer is first seen.
//
// Kept for each producer id: its epoch and its last five batches. It describes the log as staged, so batches pipelined
// in one tick see each other; producer-snapshot.ts stores the last of the five, recovery replays them from the batches
// themselves, and producer-recall.ts finds the other four when they are asked for.

import type { BatchFacts } from '../record/batch-facts.ts';

const REMEMBERED_BATCHES = 5;
/** Ids from here on stand for idempotency keys of the gateway (net/http/gateway); those given out to clients count up from zero. */
export const GATEWAY_PRODUCER_ID_MIN = 2 ** 52;
const SEQUENCE_MAX = 0x7fff_ffff;

/** What check() finds. */
export const SequenceVerdict = {
  NEXT: 0,
  /** One of the last five batches again; duplicateBaseOffset and its companions say where it is stored. */
  DUPLICATE: 1,
  OUT_OF_ORDER: 2,
  OLD_EPOCH: 3,
} as const;

/** Sequence of the record `delta` after `sequence`: after 2^31 - 1 comes 0. */
export function advanceSequence(sequence: number, delta: number): number {
  const next = sequence + delta;
  return next > SEQUENCE_MAX ? next - SEQUENCE_MAX - 1 : next;
}

/** Sequence of the record `delta` before `sequence`. */
export function retreatSequence(sequence: number, delta: number): number {
  const previous = sequence - delta;
  return previous < 0 ? previous + SEQUENCE_MAX + 1 : previous;
}

export interface RememberedBatch {
  readonly lastSequence: number;
  readonly lastOffset: number;
  readonly offsetDelta: number;
  readonly timestamp: number;
}

export class ProducerEntry {
  readonly producerId: number;
  epoch: number;
  coordinatorEpoch = -1;
  /** First offset of the open transaction, or -1. */
  currentTxnFirstOffset = -1;
  /** Of the last batch, for expiry. */
  lastTimestamp = -1;
  count = 0;
  private next = 0;
  private readonly lastSequences = new Int32Array(REMEMBERED_BATCHES);
  private readonly offsetDeltas = new Int32Array(REMEMBERED_BATCHES);
  private readonly lastOffsets = new Float64Array(REMEMBERED_BATCHES);
  private readonly timestamps = new Float64Array(REMEMBERED_BATCHES);

  constructor(producerId: number, epoch: number) {
    this.producerId = producerId;
    this.epoch = epoch;
  }

  /** A new epoch starts without batches. */
  begin(epoch: number): void {
    this.epoch = epoch;
    this.count = 0;
  }

  /** add() from the batch itself: a timestamp handed on as an argument is a heap number on the hot path. */
  addBatch(batch: BatchFacts, lastOffset: number): void {
    const at = this.next;
    this.next = (at + 1) % REMEMBERED_BATCHES;
    this.lastSequences[at] = advanceSequence(batch.baseSequence, batch.lastOffsetDelta);
    this.offsetDeltas[at] = batch.lastOffsetDelta;
    this.lastOffsets[at] = lastOffset;
    this.timestamps[at] = batch.maxTimestamp;
    this.lastTimestamp = batch.maxTimestamp;
    if (this.count < REMEMBERED_BATCHES) this.count++;
  }

  add(lastSequence: number, lastOffset: number, offsetDelta: number, timestamp: number): void {
    const at = this.next;
    this.next = (at + 1) % REMEMBERED_BATCHES;
    this.lastSequences[at] = lastSequence;
    this.offsetDeltas[at] = offsetDelta;
    this.lastOffsets[at] = lastOffset;
    this.timestamps[at] = timestamp;
    this.lastTimestamp = timestamp;
    if (this.count < REMEMBERED_BATCHES) this.count++;
  }

  /** A batch from before all that are known; nothing when there is no room. */
  private addBefore(lastSequence: number, lastOffset: number, offsetDelta: number, timestamp: number): void {
    if (this.isFull) return;
    this.count++;
    const at = (this.next + REMEMBERED_BATCHES - this.count) % REMEMBERED_BATCHES;
    this.lastSequences[at] = lastSequence;
    this.offsetDeltas[at] = offsetDelta;
    this.lastOffsets[at] = lastOffset;
    this.timestamps[at] = timestamp;
  }

  /** Those of `older`'s batches that lie before the ones known here. */
  addOlder(older: ProducerEntry): void {
    if (older.epoch !== this.epoch) return;
    for (let i = 1; i <= older.count; i++) {
      const at = (older.next + REMEMBERED_BATCHES - i) % REMEMBERED_BATCHES;
      const lastOffset = older.lastOffsets[at]!;
      if (lastOffset < this.oldestOffset)
        this.addBefore(older.lastSequences[at]!, lastOffset, older.offsetDeltas[at]!, older.timestamps[at]!);
    }
  }

  get isFull(): boolean {
    return this.count === REMEMBERED_BATCHES;
  }

  /** Last offset of the oldest batch known, or -1. */
  get oldestOffset(): number {
    return this.count === 0 ? -1 : this.lastOffsets[(this.next + REMEMBERED_BATCHES - this.count) % REMEMBERED_BATCHES]!;
  }

  /** The remembered batches, oldest first. */
  *batches(): Generator<RememberedBatch> {
    for (let i = this.count; i > 0; i--) {
      const at = (this.next + REMEMBERED_BATCHES - i) % REMEMBERED_BATCHES;
      yield {
        lastSequence: this.lastSequences[at]!,
        lastOffset: this.lastOffsets[at]!,
        offsetDelta: this.offsetDeltas[at]!,
        timestamp: this.timestamps[at]!,
      };
    }
  }

  private get last(): number {
    return (this.next + REMEMBERED_BATCHES - 1) % REMEMBERED_BATCHES;
  }

  /** -1 when no batch is known. */
  get lastSequence(): number {
    return this.count === 0 ? -1 : this.lastSequences[this.last]!;
  }

  get lastOffset(): number {
    return this.count === 0 ? -1 : this.lastOffsets[this.last]!;
  }

  get lastOffsetDelta(): number {
    return this.count === 0 ? 0 : this.offsetDeltas[this.last]!;
  }

  /** The remembered batch with exactly these sequences, or -1. */
  find(firstSequence: number, lastSequence: number): number {
    for (let i = 1; i <= this.count; i++) {
      const at = (this.next + REMEMBERED_BATCHES - i) % REMEMBERED_BATCHES;
      const last = this.lastSequences[at]!;
      if (last === lastSequence && retreatSequence(last, this.offsetDeltas[at]!) === firstSequence) return at;
    }
    return -1;
  }

  baseOffsetOf(batch: number): number {
    return this.lastOffsets[batch]! - this.offsetDeltas[batch]!;
  }

  endOffsetOf(batch: number): number {
    return this.lastOffsets[batch]! + 1;
  }

  timestampOf(batch: number): number {
    return this.timestamps[batch]!;
  }
}

/** A producer as DescribeProducers shows it. */
export interface ActiveProducer {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly lastSequence: number;
  readonly lastTimestamp: number;
  readonly coordinatorEpoch: number;
  readonly currentTxnStartOffset: number;
}

export class ProducerState {
  readonly entries = new Map<number, ProducerEntry>();
  /** Loaded from a snapshot as of this offset, below which only the last batch of each producer is known; -1: not so. */
  snapshotOffset = -1;
  /** Where the batch of the last DUPLICATE verdict is stored. */
  duplicateBaseOffset = -1;
  duplicateEndOffset = -1;
  duplicateTimestamp = -1;

  /** May this batch be appended next? Only for batches with a producer id. */
  check(batch: BatchFacts): number {
    const entry = this.entries.get(batch.producerId);
    // A producer that is not known any more, or not yet: any sequence is taken.
    if (entry === undefined) return SequenceVerdict.NEXT;
    const first = batch.baseSequence;
    if (batch.producerEpoch !== entry.epoch) {
      if (batch.producerEpoch < entry.epoch) return SequenceVerdict.OLD_EPOCH;
      return first === 0 ? SequenceVerdict.NEXT : SequenceVerdict.OUT_OF_ORDER;
    }
    const known = entry.lastSequence;
    if (first === (known < 0 ? 0 : advanceSequence(known, 1))) return SequenceVerdict.NEXT;
    const duplicate = entry.find(first, advanceSequence(first, batch.lastOffsetDelta));
    if (duplicate < 0) return SequenceVerdict.OUT_OF_ORDER;
    this.duplicateBaseOffset = entry.baseOffsetOf(duplicate);
    this.duplicateEndOffset = entry.endOffsetOf(duplicate);
    this.duplicateTimestamp = entry.timestampOf(duplicate);
    return SequenceVerdict.DUPLICATE;
  }

  /** The batch was found OUT_OF_ORDER, but it may be one that the snapshot did not keep. */
  mayHaveForgotten(batch: BatchFacts): boolean {
    const entry = this.entries.get(batch.producerId);
    if (entry === undefined || entry.epoch !== batch.producerEpoch) return false;
    return !entry.isFull && entry.oldestOffset < this.snapshotOffset;
  }

  /** Batches from before a snapshot, for the producers known. */
  addOlder(before: ProducerState): void {
    for (const older of before.entries.values()) this.entries.get(older.producerId)?.addOlder(older);
  }

  /** The batch, checked, takes its place in the log. */
  recordBatch(batch: BatchFacts, lastOffset: number): void {
    const entry = this.entryFor(batch.producerId, batch.producerEpoch);
    entry.addBatch(batch, lastOffset);
  }

  /** A batch has its place in the log. No rule is applied: recovery replays what is stored. */
  record(producerId: number, epoch: number, baseSequence: number, lastOffset: number, offsetDelta: number, timestamp: number): void {
    const entry = this.entryFor(producerId, epoch);
    // Transaction markers have no sequence; they only carry the epoch on.
    if (baseSequence >= 0) entry.add(advanceSequence(baseSequence, offsetDelta), lastOffset, offsetDelta, timestamp);
    else entry.lastTimestamp = timestamp;
  }

  private entryFor(producerId: number, epoch: number): ProducerEntry {
    let entry = this.entries.get(producerId);
    if (entry === undefined) {
      entry = new ProducerEntry(producerId, epoch);
      this.entries.set(producerId, entry);
    } else if (entry.epoch !== epoch) {
      entry.begin(epoch);
    }
    return entry;
  }

  /** Forget producers silent for longer than `expirationMs`, and keys for longer than `keyMs`, except those with an open transaction. */
  expire(nowMs: number, expirationMs: number, keyMs: number): number {
    let expired = 0;
    for (const entry of this.entries.values()) {
      const limitMs = entry.producerId >= GATEWAY_PRODUCER_ID_MIN ? keyMs : expirationMs;
      if (entry.currentTxnFirstOffset < 0 && nowMs - entry.lastTimestamp >= limitMs) {
        this.entries.delete(entry.producerId);
        expired++;
      }
    }
    return expired;
  }

  list(): ActiveProducer[] {
    return [...this.entries.values()].map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.lastSequence,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.currentTxnFirstOffset,
    }));
  }

  clear(): void {
    this.entries.clear();
    this.snapshotOffset = -1;
  }
}
