// Reads one partition ahead of its consumer: one chunk is ready or on its way, no more. Owner: the calling thread. Warm.

import { errorName, ErrorCode } from '../engine/base/error-code.ts';
import type { Caller } from '../workers/caller/caller.ts';
import { abortable } from './abortable.ts';
import type { OffsetSpec } from './admin.ts';
import { FetchedChunk } from '../engine/record/fetched-chunk.ts';
import { asRinglogError, RinglogError } from './ringlog-error.ts';

/** How long a shard holds a question; asked again then. */
const WAIT_MS = 30_000;
const RETRY_PAUSE_MS = 100;
const SPECIAL = { earliest: -2, latest: -1 } as const;

export interface ReaderTerms {
  readonly caller: Caller;
  readonly maxBytes: number;
  /** Where to begin when there is nothing at the position (any more). */
  readonly from: OffsetSpec;
  /** A chunk is ready. */
  ready(): void;
  failed(error: unknown): void;
}

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  chunk: FetchedChunk | null = null;
  paused = false;
  /** Offset of the next record to be handed out; -1 until it is known. */
  position: number;
  highWatermark = -1;
  private readonly terms: ReaderTerms;
  private stop: AbortController | null = null;
  private closed = false;

  /** `position` -1: where `from` says. */
  constructor(topic: string, partition: number, position: number, terms: ReaderTerms) {
    this.topic = topic;
    this.partition = partition;
    this.position = position;
    this.terms = terms;
  }

  /** Fetch the next chunk unless one is ready or on its way. */
  start(): void {
    if (this.chunk !== null || this.stop !== null || this.paused || this.closed) return;
    const stop = new AbortController();
    this.stop = stop;
    this.fetch(stop.signal).then(
      (chunk) => {
        if (stop.signal.aborted) return;
        this.stop = null;
        this.chunk = chunk;
        this.terms.ready();
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        this.stop = null;
        this.terms.failed(asRinglogError(error));
      },
    );
  }

  /** Until it is known where that is nothing is read, and without an answer it goes on where it was. */
  async seek(spec: number | OffsetSpec, signal: AbortSignal | undefined): Promise<void> {
    if (typeof spec === 'number') return this.goTo(spec);
    this.drop();
    let offset = this.position;
    try {
      offset = await abortable(signal, () => this.resolve(spec));
    } finally {
      this.goTo(offset);
    }
  }

  /** What was read ahead, or is on its way, was from the old place. */
  goTo(offset: number): void {
    this.drop();
    this.position = offset;
    this.start();
  }

  /** Of the next record to be handed out; null when there is none. */
  async oldestTimestamp(): Promise<number | null> {
    const { position } = this;
    const { records } = await this.terms.caller.fetch(this.topic, this.partition, position, 1, 0);
    return new FetchedChunk(records, position).next()?.timestamp ?? null;
  }

  /** Forget what was read ahead; the position stays. */
  drop(): void {
    this.stop?.abort();
    this.stop = null;
    this.chunk = null;
  }

  close(): void {
    this.closed = true;
    this.drop();
  }

  private async fetch(signal: AbortSignal): Promise<FetchedChunk> {
    const { caller, maxBytes, from } = this.terms;
    for (;;) {
      if (this.position < 0) this.position = await this.resolve(from);
      signal.throwIfAborted();
      const { position } = this;
      const { errorCode, records, highWatermark } = await caller.fetch(this.topic, this.partition, position, maxBytes, WAIT_MS, signal);
      signal.throwIfAborted();
      if (errorCode === ErrorCode.NONE) {
        this.highWatermark = highWatermark;
        const chunk = new FetchedChunk(records, position);
        if (chunk.hasMore()) return chunk;
        if (chunk.nextOffset === position && records.length > 0) throw this.error(ErrorCode.CORRUPT_MESSAGE);
        // Nothing but control batches, or offsets that compaction left empty.
        this.position = chunk.nextOffset;
      } else if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) this.position = -1;
      else if (errorCode === ErrorCode.KAFKA_STORAGE_ERROR || errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
      } else throw this.error(errorCode);
    }
  }

  /** @throws RinglogError */
  private async resolve(spec: OffsetSpec): Promise<number> {
    const timestamp = typeof spec === 'object' ? spec.timestamp : SPECIAL[spec];
    const query = { topic: this.topic, partition: this.partition, currentLeaderEpoch: -1, readCommitted: true };
    const [found] = await this.terms.caller.partitions.listOffsets([{ ...query, timestamp }]);
    if (found!.errorCode !== ErrorCode.NONE) throw this.error(found!.errorCode);
    // No record is as late as that: what comes next is.
    return found!.offset < 0 ? this.resolve('latest') : found!.offset;
  }

  private error(errorCode: number): RinglogError {
    const name = errorName(errorCode);
    return new RinglogError(name, `${this.topic}-${this.partition} cannot be read: ${name}`);
  }
}
