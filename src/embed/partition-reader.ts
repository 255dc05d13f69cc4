// Reads one partition ahead of its consumer: one chunk is ready or on its way, no more. Owner: the calling thread. Warm.

import { errorName, ErrorCode } from '../engine/base/error-code.ts';
import type { Caller } from '../workers/caller/caller.ts';
import { abortable } from './abortable.ts';
import type { OffsetSpec } from './admin.ts';
import type { TopicPartition } from './consumer-options.ts';
import { FetchedChunk } from '../engine/record/fetched-chunk.ts';
import { asRinglogError, RinglogError } from './ringlog-error.ts';

/** How long a shard holds a question; asked again then. */
const WAIT_MS = 30_000;
const RETRY_PAUSE_MS = 100;
const SPECIAL = { earliest: -2, latest: -1 } as const;

export interface PartitionLag extends TopicPartition {
  /** Behind the end of the partition. */
  readonly records: number;
  /** Age of the oldest record that was not handed out yet; 0 when there is none. */
  readonly ms: number;
}

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
  /** Of the fetch on its way, and of those after it: a new one after each stop, not for each fetch. */
  private stop = new AbortController();
  private fetching = false;
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
    if (this.chunk !== null || this.fetching || this.paused || this.closed) return;
    this.fetching = true;
    const { signal } = this.stop;
    this.fetch(signal).then(
      (chunk) => {
        if (signal.aborted) return;
        this.fetching = false;
        this.chunk = chunk;
        this.terms.ready();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.fetching = false;
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

  /** How far behind the end. @throws RinglogError */
  async lag(): Promise<PartitionLag> {
    const { topic, partition, position, terms } = this;
    const { offset } = await this.find(SPECIAL.latest);
    const records = position < 0 ? 0 : Math.max(0, offset - position);
    if (records === 0) return { topic, partition, records, ms: 0 };
    const { records: oldest } = await terms.caller.fetch(topic, partition, position, 1, 0);
    const timestamp = new FetchedChunk(oldest, position).next()?.timestamp ?? null;
    return { topic, partition, records, ms: timestamp === null ? 0 : Math.max(0, Date.now() - timestamp) };
  }

  /** Forget what was read ahead; the position stays. */
  drop(): void {
    if (this.fetching) {
      this.stop.abort();
      this.stop = new AbortController();
      this.fetching = false;
    }
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
    const { offset } = await this.find(typeof spec === 'object' ? spec.timestamp : SPECIAL[spec]);
    // No record is as late as that: what comes next is.
    return offset < 0 ? this.resolve('latest') : offset;
  }

  /** @throws RinglogError */
  private async find(timestamp: number): Promise<{ readonly offset: number }> {
    const { topic, partition, terms } = this;
    const [found] = await terms.caller.partitions.listOffsets([
      { topic, partition, currentLeaderEpoch: -1, readCommitted: true, timestamp },
    ]);
    if (found!.errorCode !== ErrorCode.NONE) throw this.error(found!.errorCode);
    return found!;
  }

  private error(errorCode: number): RinglogError {
    const name = errorName(errorCode);
    return new RinglogError(name, `${this.topic}-${this.partition} cannot be read: ${name}`);
  }
}
