// Producer: records into topics of an open log. Owner: the calling thread. Hot: send, trySend, sendBatch.
//
// A record is encoded once, where it is appended from: in a block of the arena that the caller shares with the shards. The
// arena is the bound of what is in flight; when it is full, send() and sendBatch() wait in line and trySend() says no.
// Batches form by themselves: what is sent in one turn of the event loop goes together, and so does what comes while five
// batches of a partition are on their way.

import { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import { systemTimers, type Timers } from '../engine/base/clock.ts';
import { ErrorCode } from '../engine/base/error-code.ts';
import { microtask } from '../engine/base/microtask.ts';
import type { TopicImage } from '../engine/metadata/metadata-image.ts';
import { keyPartition } from '../net/kafka/client/key-partition.ts';
import { BATCH_HEADER_BYTES } from '../engine/record/batch-header.ts';
import type { CallerAppends } from '../workers/caller/caller-appends.ts';
import { abortable, type AbortOptions } from './abortable.ts';
import { checkArgument, checkCodec, checkNumber, checkOptions, type Known } from './check-options.ts';
import { type Codec, codec } from './codec.ts';
import { type Partitioner, StickyPartition } from './partitioner.ts';
import { PartitionQueue, type QueueTerms } from './partition-queue.ts';
import { type Headers, RecordEncoder } from './record-encoder.ts';
import { asRinglogError, checkCode, RinglogError } from './ringlog-error.ts';
import type { Sender } from './send-batch.ts';
import { BatchSender, type BatchResult, type Durability, OneSender, type SendResult } from './senders.ts';

export interface ProducerRecord<K, V> {
  readonly key?: K | null;
  /** null is a tombstone of its key. */
  readonly value: V | null;
  readonly headers?: Headers;
  /** Milliseconds since the Unix epoch; now when absent. */
  readonly timestamp?: number;
  /** Chosen by the partitioner when absent. */
  readonly partition?: number;
}

export interface ProducerOptions<K, V> {
  /** 'all': on the disk (with the default ringlog.fsync); 1: written by the shard; 0: handed over, errors are not heard of. */
  readonly acks?: 'all' | 1 | 0;
  /** How long a batch waits for more records; 0, the default, sends at the end of the event loop's turn. */
  readonly lingerMs?: number;
  /** A batch is not longer, save for one record that is. 64 KiB when absent. */
  readonly batchBytes?: number;
  /** With a producer id: a batch that is sent again is not stored twice. */
  readonly idempotent?: boolean;
  /** How long a batch that a log cannot take for the moment is sent again. 30 s when absent. */
  readonly deliveryTimeoutMs?: number;
  readonly key?: Codec<K>;
  readonly value?: Codec<V>;
  /** 'murmur2', as Kafka's clients, when absent; records without a key stay with one partition for a batch's worth of bytes. */
  readonly partitioner?: 'murmur2' | Partitioner;
}

/** Where it sends: the log's own thread, or a guest of it. */
export interface ProducerHost {
  readonly appends: CallerAppends;
  readonly image: { topic(name: string): TopicImage | undefined };
  /** Why nothing can be sent any more, or null. */
  readonly closed: Error | null;
  maxBatchBytes(topic: TopicImage): number;
  /** -1 when there is none now. */
  nextProducerId(): Promise<number>;
}

interface Waiting {
  readonly topic: string;
  readonly records: readonly ProducerRecord<unknown, unknown>[];
  next: number;
  readonly sender: Sender;
  readonly fail: (reason: unknown) => void;
  readonly unlisten: () => void;
}

interface TopicState {
  readonly image: TopicImage;
  /** The topic's max.message.bytes. */
  readonly maxBytes: number;
  readonly queues: PartitionQueue[];
  readonly sticky: StickyPartition;
}

const NO_OPTIONS: AbortOptions = {};
const RECORD = 'it is { key, value, headers, timestamp, partition }';
const BATCH_BYTES = 64 * 1024;
const BATCH_BYTES_MIN = 1024;
const BATCH_BYTES_MAX = 1024 * 1024;
const DELIVERY_TIMEOUT_MS = 30_000;
const LINGER_MS_MAX = 60_000;
const OPTIONS: Known<ProducerOptions<unknown, unknown>> = {
  acks: true,
  lingerMs: true,
  batchBytes: true,
  idempotent: true,
  deliveryTimeoutMs: true,
  key: true,
  value: true,
  partitioner: true,
};

export class Producer<K = Uint8Array | string, V = Uint8Array | string> {
  readonly #caller: ProducerHost;
  readonly #key: Codec<unknown>;
  readonly #value: Codec<unknown>;
  readonly #partitioner: Partitioner | null;
  readonly #batchBytes: number;
  readonly #durability: Durability;
  readonly #terms: QueueTerms;
  readonly #encoder = new RecordEncoder();
  readonly #topics = new Map<string, TopicState>();
  readonly #onClose: () => void;
  readonly #line: Waiting[] = [];
  #pumping = false;
  /** A block that the head of the line waited for. */
  #spare: { readonly at: number; readonly bytes: number } | null = null;
  #dirty: PartitionQueue[] = [];
  /** Of this turn of the event loop: one number object for all its records. */
  #nowMs: number | null = null;
  readonly #flushers = new Set<() => void>();
  /** What trySend() could not tell. */
  #failure: Error | null = null;
  #closing: Promise<void> | null = null;
  readonly #unheard: Sender = { onStored: () => undefined, onFailed: (error) => void (this.#failure ??= error) };

  /** @throws RinglogError INVALID_ARGUMENT */
  constructor(caller: ProducerHost, durable: boolean, options: ProducerOptions<K, V>, onClose: () => void, timers: Timers = systemTimers) {
    checkOptions('producer()', options, OPTIONS);
    const { acks = 'all', lingerMs = 0, batchBytes = BATCH_BYTES, idempotent = true, deliveryTimeoutMs = DELIVERY_TIMEOUT_MS } = options;
    checkArgument(acks === 'all' || acks === 1 || acks === 0, "acks is 'all', 1 or 0");
    checkNumber('lingerMs', lingerMs, 0, LINGER_MS_MAX);
    checkNumber('batchBytes', batchBytes, BATCH_BYTES_MIN, BATCH_BYTES_MAX);
    checkNumber('deliveryTimeoutMs', deliveryTimeoutMs, 0);
    checkArgument(typeof idempotent === 'boolean', 'idempotent is true or false');
    checkCodec('key', options.key);
    checkCodec('value', options.value);
    const { partitioner = 'murmur2' } = options;
    checkArgument(partitioner === 'murmur2' || typeof partitioner === 'function', "partitioner is 'murmur2' or a function");
    this.#caller = caller;
    this.#key = (options.key ?? codec.raw) as Codec<unknown>;
    this.#value = (options.value ?? codec.raw) as Codec<unknown>;
    this.#partitioner = partitioner === 'murmur2' ? null : partitioner;
    this.#batchBytes = batchBytes;
    this.#durability = acks === 0 ? 'sent' : acks === 'all' && durable ? 'disk' : 'written';
    this.#onClose = onClose;
    const { appends } = caller;
    this.#terms = {
      appends,
      timers,
      acks: acks === 'all' ? -1 : acks,
      lingerMs,
      deliveryTimeoutMs,
      idempotent,
      nextProducerId: () => this.#nextProducerId(),
      settled: () => this.#settled(),
    };
  }

  /** Bytes in flight, of all producers of the log, and their bound. */
  get inFlightBytes(): number {
    return this.#caller.appends.arena.takenBytes;
  }

  get inFlightBytesMax(): number {
    return this.#caller.appends.arena.totalBytes;
  }

  /**
   * Resolves when the record has reached the producer's level. Waits for room before. An aborted signal ends the wait; a record
   * that was laid out already is stored all the same.
   * @throws (rejects with) RinglogError, or the signal's reason
   */
  send(topic: string, record: ProducerRecord<K, V>, options: AbortOptions = NO_OPTIONS): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      const sender = new OneSender(topic, this.#durability, resolve, reject);
      const { signal } = options;
      try {
        this.#check(signal);
        const one = record as ProducerRecord<unknown, unknown>;
        if (this.#line.length === 0 && this.#place(this.#topicState(topic), one, sender)) return;
        this.#wait(topic, [one], 0, sender, reject, signal);
      } catch (error) {
        reject(error);
      }
    });
  }

  /**
   * As send() of each, with one promise for all: no object a record. Of records that were laid out when one is refused, or the
   * signal ends the wait, those are stored.
   */
  sendBatch(topic: string, records: readonly ProducerRecord<K, V>[], options: AbortOptions = NO_OPTIONS): Promise<BatchResult> {
    return new Promise((resolve, reject) => {
      checkArgument(Array.isArray(records), 'sendBatch() takes an array of records');
      const sender = new BatchSender(topic, this.#durability, records.length, resolve, reject);
      this.#sendAll(topic, records as readonly ProducerRecord<unknown, unknown>[], sender, reject, options.signal);
    });
  }

  /**
   * Without a promise: true, and the record is on its way; false when there is no room now. What becomes of it is heard at
   * flush(). @throws RinglogError when the record or the topic is wrong
   */
  trySend(topic: string, record: ProducerRecord<K, V>): boolean {
    this.#check(undefined);
    return this.#line.length === 0 && this.#place(this.#topicState(topic), record as ProducerRecord<unknown, unknown>, this.#unheard);
  }

  /** A Node stream of records into `topic`; it is as full as the log's bound of bytes, and ends with flush(). */
  writable(topic: string): Writable {
    return new Writable({
      objectMode: true,
      write: (record: ProducerRecord<K, V>, _encoding, done) => {
        try {
          if (this.trySend(topic, record)) done();
          else this.send(topic, record).then(() => done(), done);
        } catch (error) {
          done(error as Error);
        }
      },
      final: (done) => void this.flush().then(() => done(), done),
    });
  }

  /** writable() as a web stream. */
  writableStream(topic: string): WritableStream<ProducerRecord<K, V>> {
    return Writable.toWeb(this.writable(topic));
  }

  /**
   * Resolves when all that was sent before has reached its level. An aborted signal ends the wait; what was sent goes on.
   * @throws (rejects with) the first failure of a trySend(), or the signal's reason
   */
  async flush({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#flushQueues();
    if (!this.#idle()) await this.#untilIdle(signal);
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  /** Nothing more is taken; resolves as flush(). */
  close(): Promise<void> {
    this.#closing ??= this.flush().finally(this.#onClose);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The broker is gone: everything under way fails. */
  lose(reason: Error): void {
    for (const { queues } of this.#topics.values()) for (const queue of queues) queue?.lose(reason);
    for (const waiting of this.#line.splice(0)) waiting.fail(reason);
    this.#settled();
  }

  #check(signal: AbortSignal | undefined): void {
    if (this.#closing !== null) throw new RinglogError('CLOSED', 'the producer is closed');
    if (this.#caller.closed !== null) throw asRinglogError(this.#caller.closed);
    signal?.throwIfAborted();
  }

  #sendAll(
    topic: string,
    records: readonly ProducerRecord<unknown, unknown>[],
    sender: Sender,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ): void {
    try {
      this.#check(signal);
      let next = 0;
      if (this.#line.length === 0) {
        const state = this.#topicState(topic);
        while (next < records.length && this.#place(state, records[next]!, sender)) next++;
      }
      if (next < records.length) this.#wait(topic, records, next, sender, reject, signal);
    } catch (error) {
      reject(error);
    }
  }

  /** False: no room now. @throws RinglogError, or what a codec throws */
  #place(state: TopicState, record: ProducerRecord<unknown, unknown>, sender: Sender): boolean {
    const encoder = this.#encoder;
    if (typeof record !== 'object' || record === null)
      throw new RinglogError('INVALID_ARGUMENT', `${String(record)} is no record: ${RECORD}`);
    if (this.#dirty.length === 0) this.#nowMs = this.#terms.timers.wallMs();
    const { key = null, value, headers, timestamp = this.#nowMs! } = record;
    if (!Number.isSafeInteger(timestamp) || timestamp < 0)
      throw new RinglogError('INVALID_TIMESTAMP', `timestamp ${timestamp} is no time in milliseconds`);
    encoder.prepare(key === null ? null : this.#key.encode(key), value === null ? null : this.#value.encode(value), headers);
    const keyed = encoder.keyBytes >= 0 || this.#partitioner !== null;
    const partition = record.partition ?? (keyed ? this.#partitionOf(state) : state.sticky.choose(state.image.partitions.length));
    const queue = this.#queue(state, partition);
    const bytesAlone = BATCH_HEADER_BYTES + encoder.sizeWith(0, 0);
    if (bytesAlone > state.maxBytes) {
      throw new RinglogError(
        'MESSAGE_TOO_LARGE',
        `a record of ${bytesAlone} bytes is more than max.message.bytes=${state.maxBytes} of ${state.image.name}`,
      );
    }
    const needed = queue.blockFor(encoder, timestamp);
    if (needed > 0) {
      const at = this.#takeBlock(needed);
      // blockFor() has closed a full batch: it must go, or nothing makes room.
      if (at < 0) {
        this.#flushQueues();
        return false;
      }
      queue.begin(at, needed);
    }
    const bytes = queue.add(encoder, timestamp, sender);
    encoder.forget();
    if (!keyed) state.sticky.add(bytes);
    if (this.#dirty.length === 0) microtask(this.#endTurn);
    if (this.#dirty[this.#dirty.length - 1] !== queue) this.#dirty.push(queue);
    return true;
  }

  #partitionOf({ image }: TopicState): number {
    const { keyBytes } = this.#encoder;
    const key = keyBytes < 0 ? null : this.#encoder.keyView();
    return this.#partitioner === null ? keyPartition(key!, image.partitions.length) : this.#partitioner(key, image.partitions.length);
  }

  #topicState(name: string): TopicState {
    const image = this.#caller.image.topic(name);
    if (image === undefined) throw new RinglogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`);
    let state = this.#topics.get(name);
    if (state === undefined || state.image !== image) {
      const same = state?.image.id === image.id;
      const queues = same ? state!.queues : [];
      state = { image, maxBytes: this.#caller.maxBatchBytes(image), queues, sticky: new StickyPartition(this.#batchBytes, Math.random) };
      this.#topics.set(name, state);
    }
    return state;
  }

  #queue({ image, maxBytes, queues }: TopicState, partition: number): PartitionQueue {
    if (!(Number.isInteger(partition) && partition >= 0 && partition < image.partitions.length)) {
      throw new RinglogError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `topic ${image.name} has ${image.partitions.length} partitions, not one of number ${partition}`,
      );
    }
    return (queues[partition] ??= new PartitionQueue(image, partition, Math.min(this.#batchBytes, maxBytes), this.#terms));
  }

  #takeBlock(bytes: number): number {
    const { arena } = this.#terms.appends;
    if (bytes > arena.totalBytes)
      throw new RinglogError('MESSAGE_TOO_LARGE', `a record of ${bytes} bytes is more than inFlightBytes=${arena.totalBytes}`);
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null && spare.bytes >= bytes) return spare.at;
    if (spare !== null) arena.give(spare.at);
    return arena.take(bytes);
  }

  #wait(
    topic: string,
    records: readonly ProducerRecord<unknown, unknown>[],
    next: number,
    sender: Sender,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ): void {
    const aborted = (): void => {
      const at = this.#line.indexOf(waiting);
      if (at >= 0) this.#line.splice(at, 1);
      waiting.fail(signal!.reason);
    };
    const unlisten = (): void => signal?.removeEventListener('abort', aborted);
    const fail = (reason: unknown): void => {
      unlisten();
      reject(reason);
    };
    const waiting: Waiting = { topic, records, next, sender, fail, unlisten };
    signal?.addEventListener('abort', aborted, { once: true });
    this.#line.push(waiting);
    void this.#pump();
  }

  /** Lays out what waits in line, one block after the other. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const { arena } = this.#terms.appends;
    while (this.#line.length > 0) {
      const head = this.#line[0]!;
      if (this.#placeNext(head)) continue;
      const bytes = Math.max(this.#batchBytes, this.#encoder.sizeWith(0, 0) + 4096);
      try {
        const at = await arena.takeLater(Math.min(bytes, arena.totalBytes), undefined);
        this.#spare = { at, bytes: Math.min(bytes, arena.totalBytes) };
      } catch (error) {
        for (const waiting of this.#line.splice(0)) waiting.fail(asRinglogError(error));
      }
    }
    if (this.#spare !== null) arena.give(this.#spare.at);
    this.#spare = null;
    this.#pumping = false;
    this.#settled();
  }

  /** False: no room for the next record of `head`. */
  #placeNext(head: Waiting): boolean {
    try {
      if (!this.#place(this.#topicState(head.topic), head.records[head.next]!, head.sender)) return false;
      head.next++;
      if (head.next < head.records.length) return true;
      head.unlisten();
    } catch (error) {
      head.fail(error);
    }
    this.#line.shift();
    return true;
  }

  /** Not a closure of #place(): that would cost every record an object. */
  readonly #endTurn = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (let i = 0; i < dirty.length; i++) dirty[i]!.dispatch();
  };

  #flushQueues(): void {
    for (const { queues } of this.#topics.values()) for (const queue of queues) queue?.flush();
  }

  #idle(): boolean {
    if (this.#line.length > 0) return false;
    for (const { queues } of this.#topics.values()) for (const queue of queues) if (queue !== undefined && !queue.idle) return false;
    return true;
  }

  #settled(): void {
    if (this.#flushers.size === 0) return;
    // What waited in line, or came back, must go too.
    this.#flushQueues();
    if (!this.#idle()) return;
    for (const resolve of this.#flushers) resolve();
    this.#flushers.clear();
  }

  async #untilIdle(signal: AbortSignal | undefined): Promise<void> {
    let told = (): void => undefined;
    const idle = new Promise<void>((resolve) => (told = resolve));
    this.#flushers.add(told);
    await abortable(signal, () => idle).finally(() => this.#flushers.delete(told));
  }

  async #nextProducerId(): Promise<number> {
    const id = await this.#caller.nextProducerId();
    checkCode(id < 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : ErrorCode.NONE, 'no producer id');
    return id;
  }
}
