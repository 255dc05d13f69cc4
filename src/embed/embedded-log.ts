// EmbeddedLog: an open log in the caller's process. Owner: the thread that opened it. Not hot itself.

import type { LogAccess } from '../engine/broker/log-access.ts';
import type { RunningBroker } from '../workers/supervisor/running-broker.ts';
import { Admin } from './admin.ts';
import { RinglogError } from './ringlog-error.ts';

/** What must end before the log can. */
export interface Closeable {
  close(): Promise<void>;
}

export class EmbeddedLog {
  readonly admin: Admin;
  /** Record batches in and out, as bytes: what the gateway and `ringlog/testing` are built on. */
  readonly access: LogAccess;
  readonly #broker: RunningBroker;
  readonly #open = new Set<Closeable>();
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

  /** Threads that own partitions; 0: the calling one. */
  get shards(): number {
    return this.#broker.facts.shardCount;
  }

  /** What moves the bytes and why: native or portable. */
  get engine(): RunningBroker['facts']['reactor'] {
    return this.#broker.facts.reactor;
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
    this.#closing ??= this.#broker.abandon(this.#death.message);
  }

  async #shutDown(): Promise<void> {
    await Promise.all([...this.#open].map((one) => one.close()));
    await this.#broker.stop();
  }
}
