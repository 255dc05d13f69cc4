// Consumer: the records of topics, in order within each partition, to whoever iterates. Owner: the calling thread.
// Warm: an object a record.
//
// What is handed out counts as processed when the loop comes for the next; only that is ever committed, so a record may come
// again after a crash, and is never skipped. One chunk of each partition is read ahead, within bufferBytes.

import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { LogRecord } from '../engine/record/log-records.ts';
import type { Caller } from '../workers/caller/caller.ts';
import { abortable, type AbortOptions } from './abortable.ts';
import type { OffsetSpec, PartitionOffset } from './admin.ts';
import { checkArgument, checkPlace } from './check-options.ts';
import { type Codec, codec } from './codec.ts';
import { ConsumerCommits } from './consumer-commits.ts';
import { checkConsumerOptions, type ConsumerOptions, type TopicPartition } from './consumer-options.ts';
import { GroupMember } from './group-member.ts';
import { type PartitionLag, PartitionReader, type ReaderTerms } from './partition-reader.ts';
import { asRinglogError, RinglogError } from './ringlog-error.ts';

export interface ConsumedRecord<K, V> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: K | null;
  readonly value: V | null;
  readonly headers: LogRecord['headers'];
}

export interface ConsumedBatch<K, V> extends TopicPartition {
  readonly records: readonly ConsumedRecord<K, V>[];
  /** End of the partition when this was read. */
  readonly highWatermark: number;
  /** Commit up to the end of this batch. With a signal: as Consumer.commit(). */
  commit(options?: AbortOptions): Promise<void>;
}

const BUFFER_BYTES = 8 * 1024 * 1024;
const FETCH_BYTES_MIN = 64 * 1024;
const FETCH_BYTES_MAX = 1024 * 1024;
const MAX_RECORDS = 500;
const COMMIT_INTERVAL_MS = 5000;
const SESSION_TIMEOUT_MS = 45_000;
const REBALANCE_TIMEOUT_MS = 60_000;
const HEARTBEAT_MS = 1000;

type BatchIterator<K, V> = AsyncIterator<ConsumedBatch<K, V>, undefined> & AsyncIterable<ConsumedBatch<K, V>>;

interface Position extends TopicPartition {
  offset: number;
}

export class Consumer<K = Buffer, V = Buffer> {
  readonly #caller: Caller;
  readonly #options: ConsumerOptions<K, V>;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #maxRecords: number;
  readonly #member: GroupMember | null;
  readonly #onClose: () => void;
  #readers: PartitionReader[] = [];
  /** Where the next look for a chunk begins, so that no partition starves another. */
  #turn = 0;
  /** Up to where it is handed out, until the loop comes back. */
  #inHand: Position | null = null;
  /** Null without a group. */
  readonly #commits: ConsumerCommits | null;
  #timer: NodeJS.Timeout | null = null;
  #waiter: (() => void) | null = null;
  #waiting = false;
  /** Somebody waits for the loop to come back. */
  #quiesced: (() => void)[] = [];
  #failure: unknown = null;
  /** What the loop ends with, without throwing, when the consumer is closed. */
  readonly #ended = new RinglogError('CLOSED', 'the consumer is closed');
  #closing: Promise<void> | null = null;

  /** @throws RinglogError INVALID_ARGUMENT, UNKNOWN_TOPIC_OR_PARTITION */
  constructor(caller: Caller, options: ConsumerOptions<K, V>, onClose: () => void) {
    checkConsumerOptions(options);
    const { topics, partitions, group, commit, maxRecords = MAX_RECORDS, signal } = options;
    signal?.throwIfAborted();
    this.#caller = caller;
    this.#options = options;
    this.#key = options.key ?? (codec.raw as unknown as Codec<K>);
    this.#value = options.value ?? (codec.raw as unknown as Codec<V>);
    this.#maxRecords = maxRecords;
    this.#onClose = onClose;
    for (const topic of topics ?? partitions!.map((one) => one.topic)) this.#partitionsOf(topic, true);
    this.#member = topics !== undefined && group !== undefined ? this.#openMember(topics, group) : null;
    this.#commits = group === undefined ? null : this.#openCommits(group);
    if (this.#member !== null) this.#member.start();
    else this.#assignFixed(partitions ?? topics!.flatMap((topic) => this.#allOf(topic)));
    if (group !== undefined && commit === 'auto') {
      this.#timer = setInterval(() => this.#commits!.soon(), options.commitIntervalMs ?? COMMIT_INTERVAL_MS);
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  /** What is read now; of a group, what this member was given. */
  get assignment(): TopicPartition[] {
    return this.#readers.map(({ topic, partition }) => ({ topic, partition }));
  }

  /** Offset of the next record to be handed out, of each partition; -1 until it is known. */
  positions(): PartitionOffset[] {
    return this.#readers.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
  }

  /**
   * The next batch, when there is one. An aborted signal ends this wait alone: nothing is handed out, and the next call goes on
   * from here. @throws the reason of a signal, RinglogError CLOSED, IN_USE while another call waits, or why a partition cannot
   * be read
   */
  async next({ signal }: AbortOptions = {}): Promise<ConsumedBatch<K, V>> {
    if (this.#waiting) throw new RinglogError('IN_USE', 'a consumer is read by one loop at a time, and another next() waits');
    this.#finishInHand();
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      signal?.throwIfAborted();
      const reader = this.#quiesced.length > 0 ? null : this.#readyReader();
      if (reader !== null) return this.#handOut(reader);
      this.#waiting = true;
      const woken = (): Promise<void> => new Promise((resolve) => (this.#waiter = resolve));
      try {
        await (signal === undefined ? woken() : abortable(signal, woken));
      } finally {
        this.#waiting = false;
      }
    }
  }

  /** Batches without end. Leaving the loop keeps the assignment; its last batch does not count as processed. */
  [Symbol.asyncIterator](): BatchIterator<K, V> {
    return this.batches();
  }

  /** The same with a signal: aborted, the loop throws its reason when it comes for the next, and the consumer stays as it is. */
  batches(options: AbortOptions = {}): BatchIterator<K, V> {
    const iterator = {
      next: async () => {
        try {
          return { done: false as const, value: await this.next(options) };
        } catch (error) {
          // Closed by its owner: the loop is over, which is no failure.
          if (error === this.#ended) return { done: true as const, value: undefined };
          throw error;
        }
      },
      return: async () => {
        this.#letGo();
        return { done: true as const, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Record by record. One counts as processed when the loop comes for the next. A loop that is left, or whose signal is aborted,
   * leaves the rest of its batch to the next one.
   */
  async *records(options: AbortOptions = {}): AsyncGenerator<ConsumedRecord<K, V>, void> {
    for await (const { topic, partition, records } of this.batches(options)) {
      const position = this.#inHand!;
      const end = position.offset;
      try {
        for (const record of records) {
          position.offset = record.offset + 1;
          yield record;
          // It was sought elsewhere, or the partition went to another member.
          if (this.#inHand !== position) break;
          this.#commits?.mark({ ...position });
          options.signal?.throwIfAborted();
        }
        if (this.#inHand === position) position.offset = end;
      } finally {
        if (this.#inHand === position && position.offset < end) this.#reader(topic, partition).goTo(position.offset);
      }
    }
  }

  /**
   * Read from there on; what was read ahead is forgotten. A signal that is aborted before the shard has said where that is
   * leaves the consumer where it was.
   */
  async seek({ topic, partition }: TopicPartition, to: number | OffsetSpec, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (typeof to === 'number') checkArgument(Number.isSafeInteger(to) && to >= 0, `${to} is no offset`);
    else checkPlace('the place to seek', to);
    const reader = this.#reader(topic, partition);
    this.#commits?.forget(reader);
    if (this.#inHand?.topic === topic && this.#inHand.partition === partition) this.#inHand = null;
    await reader.seek(to, signal);
  }

  /** All partitions when none are named. */
  pause(partitions?: readonly TopicPartition[]): void {
    for (const reader of this.#chosen(partitions)) reader.paused = true;
  }

  resume(partitions?: readonly TopicPartition[]): void {
    for (const reader of this.#chosen(partitions)) {
      reader.paused = false;
      reader.start();
    }
    this.#wakeLoop();
  }

  /**
   * Commit all that was handed out, what the loop has in hand included. An aborted signal ends the wait; a commit that was sent
   * may still take effect. @throws RinglogError, or the signal's reason
   */
  async commit({ signal }: AbortOptions = {}): Promise<void> {
    await this.#commitUpTo(this.#inHand, signal);
  }

  /** records() as a Node stream; an aborted signal is its error. */
  readable(options: AbortOptions = {}): Readable {
    return Readable.from(this.records(options));
  }

  /** records() as a web stream. */
  readableStream(options: AbortOptions = {}): ReadableStream<ConsumedRecord<K, V>> {
    return Readable.toWeb(this.readable(options)) as ReadableStream<ConsumedRecord<K, V>>;
  }

  /** How far behind the end each partition is. */
  async lag({ signal }: AbortOptions = {}): Promise<PartitionLag[]> {
    return abortable(signal, () => Promise.all(this.#readers.map((reader) => reader.lag())));
  }

  /** Commits what was processed, leaves the group at once, stops reading. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The broker is gone. */
  lose(reason: Error): void {
    this.#member?.lose();
    this.#stop(reason);
    this.#closing ??= Promise.resolve();
    this.#onClose();
  }

  readonly #aborted = (): void => {
    const { reason } = this.#options.signal!;
    this.#fail(reason);
    this.close().catch(() => undefined);
  };

  async #shutDown(): Promise<void> {
    this.#stop(this.#ended);
    try {
      if (this.#options.commit !== 'manual') await this.#commits?.all();
    } finally {
      await this.#member?.leave();
      this.#onClose();
    }
  }

  #stop(reason: unknown): void {
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#fail(reason);
    for (const reader of this.#readers) reader.close();
    this.#letGo();
  }

  #fail(error: unknown): void {
    this.#failure ??= asRinglogError(error);
    this.#wakeLoop();
  }

  #wakeLoop(): void {
    this.#waiter?.();
    this.#waiter = null;
  }

  /** Nothing is in hand: whoever waits for that goes on. */
  #letGo(): void {
    this.#inHand = null;
    for (const resolve of this.#quiesced) resolve();
  }

  /** The loop has come back: what it had is processed. */
  #finishInHand(): void {
    if (this.#inHand !== null) this.#commits?.mark(this.#inHand);
    this.#letGo();
    if ((this.#options.commit ?? 'after-processing') === 'after-processing') this.#commits?.soon();
  }

  async #commitUpTo(position: Position | null, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const commits = this.#commits;
    if (commits === null) throw new RinglogError('INVALID_ARGUMENT', 'only a consumer of a group commits');
    if (position !== null) commits.mark({ ...position });
    await abortable(signal, () => commits.all());
  }

  #readyReader(): PartitionReader | null {
    const readers = this.#readers;
    for (let i = 0; i < readers.length; i++) {
      const reader = readers[(this.#turn + i) % readers.length]!;
      if (reader.chunk === null || reader.paused) continue;
      this.#turn = (this.#turn + i + 1) % readers.length;
      return reader;
    }
    return null;
  }

  #handOut(reader: PartitionReader): ConsumedBatch<K, V> {
    const { topic, partition, highWatermark } = reader;
    const chunk = reader.chunk!;
    const records: ConsumedRecord<K, V>[] = [];
    while (records.length < this.#maxRecords) {
      const record = chunk.next();
      if (record === null) break;
      records.push(this.#decoded(topic, partition, record));
    }
    const more = chunk.hasMore();
    reader.position = more ? records.at(-1)!.offset + 1 : chunk.nextOffset;
    if (!more) {
      reader.chunk = null;
      reader.start();
    }
    const { position: offset } = reader;
    const commit = ({ signal }: AbortOptions = {}): Promise<void> => this.#commitUpTo({ topic, partition, offset }, signal);
    this.#inHand = { topic, partition, offset };
    return { topic, partition, records, highWatermark, commit };
  }

  #decoded(topic: string, partition: number, { offset, timestamp, key, value, headers }: LogRecord): ConsumedRecord<K, V> {
    return {
      topic,
      partition,
      offset,
      timestamp,
      key: key === null ? null : this.#key.decode(key),
      value: value === null ? null : this.#value.decode(value),
      headers,
    };
  }

  #reader(topic: string, partition: number): PartitionReader {
    const found = this.#readers.find((reader) => reader.topic === topic && reader.partition === partition);
    if (found === undefined) throw new RinglogError('INVALID_ARGUMENT', `${topic}-${partition} is not assigned to this consumer`);
    return found;
  }

  #chosen(partitions: readonly TopicPartition[] | undefined): readonly PartitionReader[] {
    return partitions === undefined ? this.#readers : partitions.map(({ topic, partition }) => this.#reader(topic, partition));
  }

  #partitionsOf(topic: string, must: boolean): number {
    const image = this.#caller.image.topic(topic);
    if (image === undefined && must) throw new RinglogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${topic}`);
    return image?.partitions.length ?? 0;
  }

  #allOf(topic: string): TopicPartition[] {
    return Array.from({ length: this.#partitionsOf(topic, true) }, (_, partition) => ({ topic, partition }));
  }

  #assignFixed(partitions: readonly TopicPartition[]): void {
    if (this.#commits === null) this.#read(partitions, []);
    else this.#begin(partitions).catch((error: unknown) => this.#fail(error));
  }

  #openMember(topics: readonly string[], groupId: string): GroupMember {
    const {
      instanceId = null,
      sessionTimeoutMs = SESSION_TIMEOUT_MS,
      heartbeatMs = HEARTBEAT_MS,
      rebalanceTimeoutMs = REBALANCE_TIMEOUT_MS,
    } = this.#options;
    return new GroupMember({
      groups: this.#caller.groups,
      groupId,
      instanceId,
      clientId: 'ringlog-embedded',
      topics,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      heartbeatMs,
      partitionsOf: (topic) => this.#partitionsOf(topic, false),
      assigned: (assigned) => this.#begin([...assigned].flatMap(([topic, own]) => own.map((partition) => ({ topic, partition })))),
      revoked: () => this.#revoke(rebalanceTimeoutMs),
      failed: (error) => this.#fail(error),
    });
  }

  #openCommits(groupId: string): ConsumerCommits {
    return new ConsumerCommits({
      groups: this.#caller.groups,
      groupId,
      identity: () => ({
        generationId: this.#member?.generationId ?? -1,
        memberId: this.#member?.memberId ?? '',
        groupInstanceId: this.#member === null ? null : (this.#options.instanceId ?? null),
      }),
      failed: (error) => this.#fail(error),
    });
  }

  /** Read these, each from where the group stands, or from where the consumer was told to. */
  async #begin(partitions: readonly TopicPartition[]): Promise<void> {
    const stored = await this.#commits!.stored(partitions);
    if (this.#closing === null) this.#read(partitions, stored);
  }

  #read(partitions: readonly TopicPartition[], stored: readonly number[]): void {
    const { bufferBytes = BUFFER_BYTES, from = 'earliest' } = this.#options;
    const share = Math.floor(bufferBytes / Math.max(1, partitions.length) / 2);
    const terms: ReaderTerms = {
      caller: this.#caller,
      maxBytes: Math.min(FETCH_BYTES_MAX, Math.max(FETCH_BYTES_MIN, share)),
      from,
      ready: () => this.#wakeLoop(),
      failed: (error) => this.#fail(error),
    };
    this.#readers = partitions.map(({ topic, partition }, i) => new PartitionReader(topic, partition, stored[i] ?? -1, terms));
    for (const reader of this.#readers) reader.start();
  }

  /** The group rebalances: hand out nothing more, let what is in hand be finished, commit, forget. */
  async #revoke(patienceMs: number): Promise<void> {
    if (this.#inHand !== null) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#quiesced.push(resolve);
        timer = setTimeout(resolve, patienceMs);
      });
      clearTimeout(timer);
    }
    this.#quiesced = [];
    for (const reader of this.#readers) reader.close();
    this.#readers = [];
    if (this.#options.commit !== 'manual') await this.#commits!.all().catch(() => undefined);
    this.#commits!.forgetAll();
    this.#inHand = null;
  }
}
