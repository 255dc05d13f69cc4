// One partition's batches of one producer: the one being filled, those that wait, those on their way, in order.
// Owner: the calling thread. Hot: a batch at a time.
//
// At most five are on their way, as the log remembers the last five of a producer: one that is sent again is found there and
// not stored twice. When one fails for the moment, those behind it fail too (their sequence is not the next); when the last
// of them is back, all go again in order. When one fails for good, its sender hears of it and those behind it go again with
// a new producer id, because the log knows the old one's sequence and this side cannot.

import type { Timers } from '../engine/base/clock.ts';
import { errorName, ErrorCode } from '../engine/base/error-code.ts';
import type { TopicImage } from '../engine/metadata/metadata-image.ts';
import { BATCH_HEADER_BYTES } from '../engine/record/batch-header.ts';
import type { AppendListener, CallerAppends } from '../workers/caller/caller-appends.ts';
import type { RecordEncoder } from './record-encoder.ts';
import { asRinglogError, RinglogError } from './ringlog-error.ts';
import { SendBatch, type Sender } from './send-batch.ts';

const IN_FLIGHT_MAX = 5;
const BLOCK_BYTES_MIN = 4096;
const RETRY_PAUSE_MS = 20;
const SEQUENCE_MASK = 0x7fff_ffff;
const NO_ID = -1;
/** What a later try may not meet. */
const PASSING: ReadonlySet<number> = new Set([ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_LEADER_OR_FOLLOWER]);

/** What the queues of a producer share. */
export interface QueueTerms {
  readonly appends: CallerAppends;
  readonly timers: Timers;
  readonly acks: number;
  readonly lingerMs: number;
  readonly deliveryTimeoutMs: number;
  readonly idempotent: boolean;
  /** A producer id never used before. @throws RinglogError when there is none */
  nextProducerId(): Promise<number>;
  /** A batch is done with: somebody may wait for that. */
  settled(): void;
}

export class PartitionQueue {
  readonly topic: TopicImage;
  readonly partition: number;
  private readonly terms: QueueTerms;
  private readonly batchBytes: number;
  private open: SendBatch | null = null;
  /** Full or due, and not on their way yet. */
  private readonly waiting: SendBatch[] = [];
  private readonly inFlight: SendBatch[] = [];
  /** Failed for the moment, in order. */
  private again: SendBatch[] = [];
  /** Until the last of inFlight is back, and after a pause, nothing is sent. */
  private recovering = false;
  private producerId = NO_ID;
  private sequence = 0;
  private asking = false;
  /** Takes the waiting for more back. */
  private linger: (() => void) | null = null;
  private blockBytes = BLOCK_BYTES_MIN;
  /** Not a closure of add(): that would cost every record an object. */
  private readonly lingered = (): void => this.flush();

  /** `batchBytes`: batches are not longer, save for one record that is. */
  constructor(topic: TopicImage, partition: number, batchBytes: number, terms: QueueTerms) {
    this.topic = topic;
    this.partition = partition;
    this.batchBytes = batchBytes;
    this.terms = terms;
  }

  get idle(): boolean {
    return this.open === null && this.waiting.length === 0 && this.inFlight.length === 0 && this.again.length === 0;
  }

  /** Bytes of the block that the prepared record needs; 0 when it has room already. */
  blockFor(encoder: RecordEncoder, timestamp: number): number {
    if (this.open !== null) {
      if (this.open.fits(encoder, timestamp)) return 0;
      this.close();
    }
    return Math.max(Math.min(this.blockBytes, this.batchBytes), BATCH_HEADER_BYTES + encoder.sizeWith(0, 0));
  }

  /** A block for the next batch. */
  begin(at: number, blockBytes: number): void {
    this.open = new SendBatch(at, blockBytes);
  }

  /** The prepared record, for which there is room. @returns bytes that it takes */
  add(encoder: RecordEncoder, timestamp: number, sender: Sender): number {
    const batch = this.open!;
    // Sizes the record as write() needs it.
    batch.fits(encoder, timestamp);
    const bytes = batch.add(encoder, this.terms.appends.arena.bytes, timestamp, sender);
    if (batch.count === 1 && this.terms.lingerMs > 0) this.linger = this.after(this.terms.lingerMs, this.lingered);
    return bytes;
  }

  /** What is being filled is not filled any more: it goes as soon as it may. */
  flush(): void {
    if (this.open !== null) this.open.due = true;
    this.dispatch();
  }

  /** Send what may go. */
  dispatch(): void {
    while (this.inFlight.length < IN_FLIGHT_MAX && !this.recovering) {
      if (this.waiting.length === 0) {
        if (this.open === null || !(this.open.due || this.terms.lingerMs === 0)) return;
        this.close();
      }
      if (this.terms.idempotent && this.producerId === NO_ID) return this.askProducerId();
      this.send(this.waiting.shift()!, true);
    }
  }

  /** The broker is gone, and the arena with it. */
  lose(reason: Error): void {
    if (this.open !== null) this.close();
    for (const batch of [...this.inFlight.splice(0), ...this.again.splice(0), ...this.waiting.splice(0)]) batch.failed(reason);
  }

  private close(): void {
    const batch = this.open!;
    this.linger?.();
    this.linger = null;
    this.open = null;
    // Blocks as large as batches have been: a partition that gets little holds little.
    const { batchBytes } = this;
    if (!batch.due && batch.lengthBytes * 2 > this.blockBytes) this.blockBytes = Math.min(batchBytes, this.blockBytes * 2);
    else if (batch.lengthBytes * 4 < this.blockBytes) this.blockBytes = Math.max(BLOCK_BYTES_MIN, this.blockBytes / 2);
    batch.deadlineMs = this.terms.timers.monotonicMs() + this.terms.deliveryTimeoutMs;
    this.waiting.push(batch);
  }

  /** `seal`: its header is not written yet, or belongs to another producer id. */
  private send(batch: SendBatch, seal: boolean): void {
    const { appends, acks, idempotent } = this.terms;
    if (seal) {
      batch.seal(appends.arena, this.producerId, idempotent ? this.sequence : -1);
      this.sequence = (this.sequence + batch.count) & SEQUENCE_MASK;
    }
    this.inFlight.push(batch);
    const listener: AppendListener = {
      onAppended: (errorCode, baseOffset, timestampMs) => this.onAnswer(batch, errorCode, baseOffset, timestampMs),
      onLost: (reason) => batch.failed(asRinglogError(reason) as Error),
    };
    appends.send(this.topic, this.partition, batch.at, batch.lengthBytes, batch.keyless, acks, listener);
    if (acks === 0) batch.stored(this.partition, -1, -1);
  }

  private onAnswer(batch: SendBatch, errorCode: number, baseOffset: number, timestampMs: number): void {
    this.inFlight.splice(this.inFlight.indexOf(batch), 1);
    if (errorCode === ErrorCode.NONE) {
      this.done(batch);
      batch.stored(this.partition, baseOffset, timestampMs);
    } else this.onRefused(batch, errorCode);
    if (this.recovering && this.inFlight.length === 0) this.after(RETRY_PAUSE_MS, () => this.recover());
    else this.dispatch();
    this.terms.settled();
  }

  private onRefused(batch: SendBatch, errorCode: number): void {
    const behind = this.recovering && errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER;
    if (behind || (PASSING.has(errorCode) && this.terms.timers.monotonicMs() < batch.deadlineMs)) {
      this.recovering = true;
      this.again.push(batch);
      return;
    }
    const name = errorName(errorCode);
    this.done(batch);
    batch.failed(new RinglogError(name, `${this.topic.name}-${this.partition} has not taken ${batch.count} records: ${name}`));
    if (!this.terms.idempotent) return;
    this.producerId = NO_ID;
    this.recovering = this.inFlight.length > 0 || this.recovering;
  }

  /** All are back that were on their way when one failed. */
  private recover(): void {
    const { again } = this;
    this.again = [];
    this.recovering = false;
    if (this.terms.idempotent && this.producerId === NO_ID) this.waiting.unshift(...again);
    else for (const batch of again) this.send(batch, false);
    this.dispatch();
    this.terms.settled();
  }

  private askProducerId(): void {
    if (this.asking) return;
    this.asking = true;
    this.terms
      .nextProducerId()
      .then(
        (id) => {
          this.producerId = id;
          this.sequence = 0;
        },
        (error: Error) => this.failWaiting(error),
      )
      .finally(() => {
        this.asking = false;
        this.dispatch();
        this.terms.settled();
      });
  }

  private failWaiting(error: Error): void {
    for (const batch of this.waiting.splice(0)) {
      this.done(batch);
      batch.failed(error);
    }
  }

  private after(ms: number, ring: () => void): () => void {
    const { timers } = this.terms;
    return timers.at(timers.monotonicMs() + ms, ring);
  }

  private done(batch: SendBatch): void {
    this.terms.appends.arena.give(batch.at);
  }
}
