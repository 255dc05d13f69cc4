// TestBroker: what startTestBroker() gives. Owner: the test's thread. Not hot.

import type { BrokerSettings } from '../engine/base/config-broker.ts';
import { Admin, type CommittedOffset, type GroupDescription } from '../embed/admin.ts';
import { Producer, type ProducerOptions } from '../embed/producer.ts';
import { RinglogError } from '../embed/ringlog-error.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import { type BrokerClock, brokerTurn } from './broker-clock.ts';
import type { BrokerDisk } from './broker-disk.ts';
import { beginLife, type BrokerLife } from './broker-life.ts';
import { ClientTap } from './client-tap.ts';
import { Faults } from './faults.ts';
import { type RequestFilter, RequestLog, type SeenRequest } from './request-log.ts';
import { type StoredRecord, storedRecords } from './stored-records.ts';

export interface TestBrokerParts {
  readonly disk: BrokerDisk;
  readonly clock: BrokerClock;
  readonly log: BrokerLog;
  readonly requestsKept: number;
  readonly settingsFor: (port: number) => BrokerSettings;
}

export interface GroupState extends GroupDescription {
  /** What the group has committed. */
  readonly offsets: readonly CommittedOffset[];
}

export class TestBroker {
  readonly clock: BrokerClock;
  /** What goes wrong, and for whom. */
  readonly faults = new Faults();
  readonly #parts: TestBrokerParts;
  readonly #requests: RequestLog;
  #life: BrokerLife | null = null;
  #port = 0;
  #admin: Admin | null = null;
  readonly #producers = new Set<Pick<Producer, 'close' | 'lose'>>();
  /** Starts, crashes and stops, one after the other. */
  #changing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(parts: TestBrokerParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.#requests = new RequestLog(parts.requestsKept);
  }

  /** Of startTestBroker() alone: the first start. */
  begin(port: number): Promise<void> {
    this.#port = port;
    return this.#start();
  }

  /** `127.0.0.1:port`; the same after a restart. */
  get bootstrap(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Topics, configs, groups and offsets, by the broker's own operations. @throws RinglogError CLOSED when it is not running */
  get admin(): Admin {
    void this.#running;
    return this.#admin!;
  }

  /** Everything the topic (or one partition of it) holds, decompressed. @throws RinglogError UNKNOWN_TOPIC_OR_PARTITION */
  records(topic: string, partition: number | null = null): Promise<StoredRecord[]> {
    return storedRecords(this.#running.caller, topic, partition);
  }

  /** State, members and committed offsets. @throws RinglogError GROUP_ID_NOT_FOUND */
  async group(groupId: string): Promise<GroupState> {
    const { admin } = this;
    return { ...(await admin.describeGroup(groupId)), offsets: await admin.groupOffsets(groupId) };
  }

  /**
   * A producer of the embedded API: fills topics without a client, and lingers by the broker's clock. It ends with this life of
   * the broker; a crash loses what it has under way. @throws RinglogError INVALID_ARGUMENT, CLOSED
   */
  producer<K = Uint8Array | string, V = Uint8Array | string>(options: ProducerOptions<K, V> = {}): Producer<K, V> {
    const { caller, facts } = this.#running;
    const done = (): void => void this.#producers.delete(producer);
    const producer: Producer<K, V> = new Producer(caller, facts.syncsBeforeAck, options, done, this.clock);
    this.#producers.add(producer);
    return producer;
  }

  /** What clients have asked so far, oldest first: the newest `requestsKept` of them. */
  get requests(): readonly SeenRequest[] {
    return this.#requests.newest;
  }

  /** The next request from now on that fits, when the broker has taken it up: `await broker.nextRequest({ api: 'Fetch', topic: 'orders' })`. */
  async nextRequest(filter: RequestFilter = {}, { signal }: { readonly signal?: AbortSignal } = {}): Promise<SeenRequest> {
    const request = await this.#requests.next(filter, signal);
    await brokerTurn();
    return request;
  }

  /**
   * End at once, as a process that is killed: connections close, nothing more is written. `lose: 'unsynced'`: the power fails
   * too, and what was not synced is gone; in memory only. @throws RinglogError INVALID_ARGUMENT, CLOSED
   */
  crash({ lose = 'nothing' }: { readonly lose?: 'nothing' | 'unsynced' } = {}): Promise<void> {
    if (lose !== 'nothing' && lose !== 'unsynced')
      throw new RinglogError('INVALID_ARGUMENT', `lose=${String(lose)}: 'nothing' or 'unsynced'`);
    const { memory } = this.#parts.disk;
    if (lose === 'unsynced' && memory === null) {
      throw new RinglogError(
        'INVALID_ARGUMENT',
        "only storage: 'memory' can lose what was not synced: the kernel keeps files of a directory",
      );
    }
    return this.#change(async () => {
      void this.#running;
      const life = this.#life!;
      this.#life = null;
      await life.crash();
      for (const producer of this.#producers) producer.lose(new RinglogError('CLOSED', 'the broker has crashed'));
      this.#producers.clear();
      if (lose === 'unsynced') memory!.crash();
    });
  }

  /** Start again on the same data and the same port; a broker that runs is stopped cleanly first. */
  restart(): Promise<void> {
    return this.#change(async () => {
      if (this.#closing !== null) throw new RinglogError('CLOSED', 'the broker is closed');
      await this.#stop();
      await this.#start();
    });
  }

  /** Stop, and let go of everything, data included unless `dir` was given. */
  close(): Promise<void> {
    this.#closing ??= this.#change(async () => {
      try {
        await this.#stop();
      } finally {
        this.#parts.disk.remove();
      }
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #running(): BrokerLife['running'] {
    if (this.#life !== null) return this.#life.running;
    throw new RinglogError('CLOSED', this.#closing === null ? 'the broker has crashed: restart() it' : 'the broker is closed');
  }

  #change(work: () => Promise<void>): Promise<void> {
    const done = this.#changing.then(work);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  async #start(): Promise<void> {
    const { disk, clock, log, settingsFor } = this.#parts;
    if (disk.memory !== null) disk.memory.nowMs = clock.wallMs();
    const names = (id: string): string => this.#life?.running.caller.image.topicById(id)?.name ?? '';
    const settings = settingsFor(this.#port);
    const requestMaxBytes = settings.config['socket.request.max.bytes'];
    const life = await beginLife({
      settings,
      disk,
      clock,
      tap: (socket, give) => {
        const tap = new ClientTap(socket, give, { clock, faults: this.faults, requests: this.#requests, names, requestMaxBytes });
        return { link: tap, take: tap.take };
      },
      log,
      onDeath: (cause) => log.error(`the test broker cannot go on: ${cause.message}`),
    });
    this.#life = life;
    this.#port = life.running.facts.addresses[0]!.port;
    this.#admin = new Admin(life.running.caller);
  }

  async #stop(): Promise<void> {
    const life = this.#life;
    this.#life = null;
    await Promise.allSettled([...this.#producers].map((producer) => producer.close()));
    await life?.running.stop();
  }
}
