// Driver over the embedded API: no socket, no protocol; the load calls the log that is open in its own process. Owner: the
// thread that opened it; its load runs there, the log's shards on threads of their own.

import type { Consumer } from '../../../../src/embed/consumer.ts';
import type { EmbeddedLog } from '../../../../src/embed/embedded-log.ts';
import { packageVersion } from '../../../../src/engine/base/package-file.ts';
import type { Clock } from '../../contracts/clock.ts';
import { type BrokerUsage, type Driver, DriverError, type SystemFacts, type TopicSpec } from '../../contracts/driver.ts';
import type { DriverSettings } from '../../contracts/driver-settings.ts';
import { type JsClient, type JsConsumer, type JsProducer, type OnRecord, STAMP_HEADER } from '../../contracts/js-client.ts';
import type { LoadEvents, LoadHandle } from '../../contracts/load-handle.ts';
import type { LoadPlan, ProducerPlan } from '../../contracts/load-plan.ts';
import { JsConsumerLoad } from '../../load/js-consumer-load.ts';
import { JsProducerLoad } from '../../load/js-producer-load.ts';
import { durabilityInWords } from '../durability-in-words.ts';
import {
  consumerOptions,
  embeddedConsumerSettings,
  embeddedProducerSettings,
  type EmbeddedSettings,
  producerOptions,
} from './embedded-settings.ts';

/** What a record takes in the arena beside its value, at most. */
const RECORD_OVERHEAD_BYTES = 128;
const ASSIGNED_LIMIT_NS = 60e9;
const ASSIGNED_POLL_NS = 20e6;

export interface EmbeddedOptions {
  readonly settings: DriverSettings;
  readonly bootstrap: string;
  readonly clock: Clock;
  readonly usage: () => BrokerUsage | null;
  /** null: none was opened for this run. */
  readonly log: EmbeddedLog | null;
}

export class EmbeddedDriver implements Driver {
  readonly name: string;
  readonly client: string;
  readonly lanes = 'producer';
  private readonly options: EmbeddedOptions;
  private readonly log: EmbeddedLog;

  private constructor(options: EmbeddedOptions, log: EmbeddedLog) {
    this.name = options.settings.name;
    this.client = `the embedded API, in the harness's process; the log has ${log.shards} shard${log.shards === 1 ? '' : 's'} beside it`;
    this.options = options;
    this.log = log;
  }

  static async open(options: EmbeddedOptions): Promise<EmbeddedDriver> {
    const { log, settings } = options;
    if (log === null) throw new DriverError(`${settings.driverClass} opens a log in this process: it can load no other broker`);
    embeddedProducerSettings(settings.producerConfig);
    embeddedConsumerSettings(settings.consumerConfig);
    return new EmbeddedDriver(options, log);
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name, partitions, configs } of topics)
      await refused(this.log.admin.createTopic(name, { partitions, configs: configs as Record<string, string> }));
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    for (const name of names) await refused(this.log.admin.deleteTopic(name));
  }

  topicNames(): Promise<readonly string[]> {
    return Promise.resolve(this.log.admin.listTopics().map(({ name }) => name));
  }

  partitionsOf(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    return refused(
      Promise.resolve().then(() => Object.fromEntries(names.map((name) => [name, this.log.admin.describeTopic(name).partitions]))),
    );
  }

  async describe(topic: string): Promise<SystemFacts> {
    const configs = await refused(this.log.admin.describeTopicConfigs(topic));
    const topicSettings = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']));
    const { engine } = this.log;
    const brokerSettings = { 'ringlog.fsync': this.log.syncsBeforeAck ? 'before-ack' : 'later', 'ringlog.reactor': engine.kind };
    return {
      product: `Ringlog ${packageVersion()}, embedded`,
      nodes: 1,
      bootstrap: this.options.bootstrap,
      brokerSettings,
      topicSettings,
      storageMode: topicSettings['ringlog.storage'] ?? null,
      durability: durabilityInWords(this.options.settings.producerConfig.acks ?? 'all', brokerSettings, topicSettings),
    };
  }

  openProducers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    return JsProducerLoad.open(this.clientOf(embeddedProducerSettings(plan.producerSettings)), plan, events, this.options.clock);
  }

  async openConsumers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    const members: Consumer[] = [];
    const client = this.clientOf(embeddedConsumerSettings(plan.consumerSettings), members);
    const load = await JsConsumerLoad.open(client, plan, events, this.options.clock);
    // One partition of a topic for each group that reads it.
    const owned = new Set(plan.consumers.flatMap(({ group, topics }) => topics.map((topic) => `${topic} ${group}`)));
    const due = [...owned].reduce((sum, pair) => sum + plan.partitionsPerTopic[pair.split(' ')[0]!]!, 0);
    const { clock } = this.options;
    const untilNs = clock.nowNs() + ASSIGNED_LIMIT_NS;
    while (members.reduce((sum, { assignment }) => sum + assignment.length, 0) < due) {
      if (clock.nowNs() > untilNs) {
        await load.close();
        throw new DriverError(`the groups did not share out their partitions in ${ASSIGNED_LIMIT_NS / 1e9} s`);
      }
      await clock.sleepUntil(clock.nowNs() + ASSIGNED_POLL_NS);
    }
    return load;
  }

  brokerUsage(): BrokerUsage | null {
    return this.options.usage();
  }

  /** The log is whose who opened it. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** @param members gets every consumer that is opened */
  private clientOf({ effective, ignored }: EmbeddedSettings, members: Consumer[] = []): JsClient {
    return {
      effectiveSettings: effective,
      ignoredSettings: ignored,
      producer: (plan, load, failed) => Promise.resolve(this.producer(effective, plan, load, failed)),
      consumer: ({ topics, group }, _load, onRecord, failed) => {
        const consumer = this.log.consumer({ ...consumerOptions(effective), topics, group });
        members.push(consumer);
        return Promise.resolve(reading(consumer, onRecord, failed));
      },
      close: () => Promise.resolve(),
    };
  }

  private producer(
    effective: EmbeddedSettings['effective'],
    { topic }: ProducerPlan,
    { payload }: LoadPlan,
    failed: (error: Error) => void,
  ): JsProducer {
    const producer = this.log.producer<Uint8Array, Uint8Array>(producerOptions(effective));
    const recordBytes = payload.messageBytes + RECORD_OVERHEAD_BYTES;
    return {
      // The API does not say what went together.
      batches: 0,
      get room() {
        return Math.floor((producer.inFlightBytesMax - producer.inFlightBytes) / recordBytes);
      },
      partitionFor: () => -1,
      send: ({ key, value, stamp }, _partition, done) => {
        const headers = stamp === null ? {} : { headers: { [STAMP_HEADER]: stamp } };
        producer.send(topic, { key, value, ...headers }).then(
          () => done({ error: null, writtenNs: null }),
          (error: unknown) => {
            done({ error: error as Error, writtenNs: null });
            if ((error as { code?: string }).code === 'CLOSED') failed(error as Error);
          },
        );
      },
      close: () => producer.close(),
    };
  }
}

function reading(consumer: Consumer, onRecord: OnRecord, failed: (error: Error) => void): JsConsumer {
  void readAll(consumer, onRecord).catch((error: unknown) => failed(error as Error));
  return { pause: () => consumer.pause(), resume: () => consumer.resume(), close: () => consumer.close() };
}

/** Until the consumer is closed. */
async function readAll(consumer: Consumer, onRecord: OnRecord): Promise<void> {
  for await (const { partition, records } of consumer)
    for (const { offset, value, headers } of records)
      onRecord(partition, offset, value ?? new Uint8Array(0), headers.find(({ key }) => key === STAMP_HEADER)?.value ?? null);
}

async function refused<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new DriverError((error as Error).message);
  }
}
