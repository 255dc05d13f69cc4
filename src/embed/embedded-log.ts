// EmbeddedLog: an open log in the caller's process. Owner: the thread that opened it. Not hot itself.

import type { LogAccess } from '../engine/broker/log-access.ts';
import type { RunningBroker } from '../workers/supervisor/running-broker.ts';
import { Admin } from './admin.ts';
import { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { Producer, type ProducerOptions } from './producer.ts';
import type { ProducerHandle } from './producer-handle.ts';
import { RinglogError } from './ringlog-error.ts';

/** What must end before the log can. */
interface Part {
  close(): Promise<void>;
  /** The broker is gone. */
  lose(reason: Error): void;
}

export class EmbeddedLog {
  readonly admin: Admin;
  /** Record batches in and out, as bytes: what the gateway and `ringlog/testing` are built on. */
  readonly access: LogAccess;
  readonly #broker: RunningBroker;
  readonly #parts = new Set<Part>();
  #closing: Promise<void> | null = null;
  #death: Error | null = null;

  constructor(broker: RunningBroker) {
    this.#broker = broker;
    this.admin = new Admin(broker.caller);
    this.access = broker.caller;
  }

  get clusterId(): string {
    return this.#broker.facts.clusterId;
  }

  /** Where Kafka clients connect, as `host:port`; empty unless open() was asked for it. */
  get brokers(): readonly string[] {
    return this.#broker.facts.addresses.map(({ host, port }) => `${host}:${port}`);
  }

  /** Where the gateway, metrics and the console are; null unless open() was asked for them. */
  get httpPort(): number | null {
    return this.#broker.facts.httpPort;
  }

  /** Threads that own partitions; 0: the calling one. */
  get shards(): number {
    return this.#broker.facts.shardCount;
  }

  /** What moves the bytes and why: native or portable. */
  get engine(): RunningBroker['facts']['reactor'] {
    return this.#broker.facts.reactor;
  }

  /** Whether acks 'all' means on the disk (ringlog.fsync). */
  get syncsBeforeAck(): boolean {
    return this.#broker.facts.syncsBeforeAck;
  }

  /** @throws RinglogError INVALID_ARGUMENT, CLOSED */
  producer<K = Uint8Array | string, V = Uint8Array | string>(options: ProducerOptions<K, V> = {}): Producer<K, V> {
    this.#check();
    const { caller, facts } = this.#broker;
    const producer: Producer<K, V> = new Producer(caller, facts.syncsBeforeAck, options, () => void this.#parts.delete(producer));
    this.#parts.add(producer);
    return producer;
  }

  /**
   * A producer for a thread of yours, with rings of its own to the shards: post it there and openProducer() it. As many as
   * open({ workerProducers }) said. @throws RinglogError INVALID_ARGUMENT, CLOSED
   */
  producerHandle(): ProducerHandle {
    this.#check();
    const { guests, facts } = this.#broker;
    const pass = guests.admit();
    if (pass === null) throw new RinglogError('INVALID_ARGUMENT', 'all places are taken: open({ workerProducers }) makes more');
    const { port, ...rest } = pass;
    return { port, pass: rest, durable: facts.syncsBeforeAck };
  }

  /** @throws RinglogError INVALID_ARGUMENT, UNKNOWN_TOPIC_OR_PARTITION, CLOSED */
  consumer<K = Buffer, V = Buffer>(options: ConsumerOptions<K, V>): Consumer<K, V> {
    this.#check();
    const consumer: Consumer<K, V> = new Consumer(this.#broker.caller, options, () => void this.#parts.delete(consumer));
    this.#parts.add(consumer);
    return consumer;
  }

  /** Ends producers and consumers, then everything acked is on the disk and every thread, descriptor and mapping is given back. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A shard died: every call fails from now on; what was acked is on the disk as its level says. */
  die(cause: Error): void {
    this.#death ??= new RinglogError('CLOSED', `the log is dead: ${cause.message}`, { cause });
    this.#closing ??= this.#broker.abandon(this.#death.message, this.shards === 0);
    for (const part of this.#parts) part.lose(this.#death);
    this.#broker.guests.lose(this.#death.message);
  }

  /** What one part fails with keeps no other, and not the broker, from ending well. */
  async #shutDown(): Promise<void> {
    const ended = await Promise.allSettled([...[...this.#parts].map((part) => part.close()), this.#broker.guests.end()]);
    await this.#broker.stop();
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  #check(): void {
    if (this.#death !== null) throw this.#death;
    if (this.#closing !== null) throw new RinglogError('CLOSED', 'the log is closed');
  }
}
