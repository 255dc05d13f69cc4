// A system in the test's own process: a log of records per partition that answers after a delay, and lies when it is told
// to. Owner: the test's thread.

import type { Clock } from '../../src/contracts/clock.ts';
import type { BrokerUsage, Driver, SystemFacts, TopicSpec } from '../../src/contracts/driver.ts';
import { DriverError } from '../../src/contracts/driver.ts';
import type { JsClient, OnRecord } from '../../src/contracts/js-client.ts';
import type { LoadEvents, LoadHandle } from '../../src/contracts/load-handle.ts';
import type { LoadPlan } from '../../src/contracts/load-plan.ts';
import { JsConsumerLoad } from '../../src/load/js-consumer-load.ts';
import { JsProducerLoad } from '../../src/load/js-producer-load.ts';
import { monotonicClock } from '../../src/run/monotonic-clock.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** 'redeliver': the same place of the log is read again; 'duplicate': it is in the log twice. */
export type Fault = 'lose' | 'duplicate' | 'redeliver' | 'reorder' | 'corrupt';

export interface FakeOptions {
  /** Acknowledged after this. */
  readonly delayMs?: number;
  /** In place of `delayMs`, under a virtual clock: when a record that is handed over now is acknowledged. */
  readonly clock?: VirtualClock;
  readonly answerAtNs?: (nowNs: number) => number;
  /** What happens to the n-th record, once. */
  readonly faults?: readonly { readonly kind: Fault; readonly at: number }[];
  /** Records that may be unanswered at a time. */
  readonly room?: number;
  readonly refuseTopics?: boolean;
  /** After so many records the system is gone. */
  readonly diesAt?: number;
}

interface Stored {
  readonly value: Uint8Array;
  readonly stamp: Uint8Array | null;
  readonly offset: number;
}

interface Reader {
  readonly topic: string;
  readonly own: (partition: number) => boolean;
  readonly onRecord: OnRecord;
  paused: boolean;
  /** What came while it was paused. */
  readonly kept: (readonly [partition: number, record: Stored])[];
}

export class FakeSystem implements Driver {
  readonly name = 'fake';
  readonly client = 'none: in the process';
  readonly lanes = 'partition';
  readonly topics = new Map<string, TopicSpec>();
  taken = 0;
  private readonly options: FakeOptions;
  private readonly clock: Clock;
  private readonly readers: Reader[] = [];
  private readonly before: (readonly [topic: string, partition: number, record: Stored])[] = [];
  private readonly held = new Map<string, Stored>();

  constructor(options: FakeOptions = {}) {
    this.options = options;
    this.clock = options.clock ?? monotonicClock;
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    if (this.options.refuseTopics === true) return Promise.reject(new DriverError('topic test was refused: POLICY_VIOLATION'));
    for (const topic of topics) this.topics.set(topic.name, topic);
    return Promise.resolve();
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    for (const name of names) this.topics.delete(name);
    return Promise.resolve();
  }

  topicNames(): Promise<readonly string[]> {
    return Promise.resolve([...this.topics.keys()]);
  }

  partitionsOf(): Promise<Record<string, number>> {
    return Promise.resolve(Object.fromEntries([...this.topics.values()].map(({ name, partitions }) => [name, partitions])));
  }

  describe(): Promise<SystemFacts> {
    const facts = { product: 'fake', nodes: 1, bootstrap: 'nowhere', brokerSettings: {}, topicSettings: {}, storageMode: null };
    return Promise.resolve({ ...facts, durability: 'none' });
  }

  openProducers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    return JsProducerLoad.open(this.jsClient(), plan, events, this.clock);
  }

  openConsumers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    return JsConsumerLoad.open(this.jsClient(), plan, events, this.clock);
  }

  brokerUsage(): BrokerUsage | null {
    return null;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private jsClient(): JsClient {
    return {
      effectiveSettings: { acks: 'all' },
      ignoredSettings: [],
      producer: ({ topic }, plan, failed) => {
        let room = this.options.room ?? 100_000;
        let turn = 0;
        const partitions = plan.partitionsPerTopic[topic]!;
        return Promise.resolve({
          batches: 0,
          get room() {
            return room;
          },
          partitionFor: () => turn++ % partitions,
          send: ({ value, stamp }, partition, done) => {
            room--;
            const writtenNs = this.clock.nowNs();
            this.later(() => {
              room++;
              if (this.options.diesAt !== undefined && this.taken >= this.options.diesAt) {
                done({ error: new Error('connection closed'), writtenNs });
                failed(new Error('the system closed the connection'));
                return;
              }
              done({ error: null, writtenNs });
              this.take(topic, partition, { value, stamp, offset: this.taken });
            });
          },
          close: () => Promise.resolve(),
        });
      },
      consumer: ({ topics, indexInGroup, groupSize }, _plan, onRecord) => {
        const own = (partition: number): boolean => partition % groupSize === indexInGroup;
        const reader: Reader = { topic: topics[0]!, own, onRecord, paused: false, kept: [] };
        this.readers.push(reader);
        for (const [topic, partition, record] of this.before)
          if (topic === reader.topic && own(partition)) reader.kept.push([partition, record]);
        const resume = (): void => {
          reader.paused = false;
          for (const [partition, { offset, value, stamp }] of reader.kept.splice(0)) onRecord(partition, offset, value, stamp);
        };
        return Promise.resolve({ pause: () => void (reader.paused = true), resume, close: () => Promise.resolve() });
      },
      close: () => Promise.resolve(),
    };
  }

  private later(answer: () => void): void {
    const { clock, answerAtNs, delayMs } = this.options;
    if (clock === undefined) setTimeout(answer, delayMs ?? 0);
    else clock.at(answerAtNs!(clock.nowNs()), answer);
  }

  /** Before a run: whoever reads the topic later gets it. */
  put(topic: string, partition: number, value: Uint8Array): void {
    this.before.push([topic, partition, { value, stamp: null, offset: this.taken++ }]);
  }

  private take(topic: string, partition: number, record: Stored): void {
    const fault = this.options.faults?.find(({ at }) => at === this.taken)?.kind;
    this.taken++;
    const lane = `${topic} ${partition}`;
    const before = this.held.get(lane);
    this.held.delete(lane);
    if (fault === 'reorder') {
      this.held.set(lane, record);
      return;
    }
    if (fault === 'lose') return;
    if (fault === 'corrupt') record.value[record.value.length - 1]! ^= 1;
    this.give(topic, partition, record);
    if (fault === 'redeliver') this.give(topic, partition, record);
    if (fault === 'duplicate') this.give(topic, partition, { ...record, offset: record.offset + 0.5 });
    if (before !== undefined) this.give(topic, partition, before);
  }

  private give(topic: string, partition: number, record: Stored): void {
    for (const reader of this.readers) {
      if (reader.topic !== topic || !reader.own(partition)) continue;
      if (reader.paused) reader.kept.push([partition, record]);
      else reader.onRecord(partition, record.offset, record.value, record.stamp);
    }
  }
}
