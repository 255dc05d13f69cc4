// Driver whose load is made by @platformatic/kafka: for those who want that client measured, with the system behind it. Topics
// and facts are asked for over the wire, as by the native driver. Owner: the thread that opened it; its load runs there, too.

import type { BrokerUsage, Driver, SystemFacts, TopicSpec } from '../../contracts/driver.ts';
import { DriverError } from '../../contracts/driver.ts';
import { type JsClient, type JsConsumer, type JsProducer, type OnRecord, STAMP_HEADER } from '../../contracts/js-client.ts';
import type { LoadEvents, LoadHandle } from '../../contracts/load-handle.ts';
import type { ConsumerPlan, LoadPlan, ProducerPlan } from '../../contracts/load-plan.ts';
import { JsConsumerLoad } from '../../load/js-consumer-load.ts';
import { JsProducerLoad } from '../../load/js-producer-load.ts';
import { KafkaWireDriver, type KafkaWireOptions } from '../kafka-wire/kafka-wire-driver.ts';
import { BatchingProducer } from './batching-producer.ts';
import { openPlatformatic, type PlatformaticLibrary } from './platformatic-library.ts';
import {
  consumerOptions,
  libraryConsumerSettings,
  libraryProducerSettings,
  type LibrarySettings,
  producerOptions,
} from './platformatic-settings.ts';

const ANSWERLESS = /PLT_KFK_(NETWORK|TIMEOUT)/;

export class PlatformaticDriver implements Driver {
  readonly name: string;
  readonly client: string;
  /** The library chooses partitions itself. */
  readonly lanes = 'producer';
  private readonly options: KafkaWireOptions;
  private readonly library: PlatformaticLibrary;
  private readonly admin: Driver;

  private constructor(options: KafkaWireOptions, library: PlatformaticLibrary, admin: Driver) {
    this.name = options.settings.name;
    this.client = `@platformatic/kafka ${library.version} on Node ${process.versions.node}, in the harness's process`;
    this.options = options;
    this.library = library;
    this.admin = admin;
  }

  static async open(options: KafkaWireOptions): Promise<PlatformaticDriver> {
    libraryProducerSettings(options.settings.producerConfig);
    libraryConsumerSettings(options.settings.consumerConfig);
    const library = await openPlatformatic();
    // Its dials are not for the other client to judge.
    const bare = { ...options.settings, producerConfig: { acks: options.settings.producerConfig.acks ?? 'all' }, consumerConfig: {} };
    return new PlatformaticDriver(options, library, await KafkaWireDriver.open({ ...options, settings: bare }));
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.admin.createTopics(topics);
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.admin.deleteTopics(names);
  }

  topicNames(): Promise<readonly string[]> {
    return this.admin.topicNames();
  }

  partitionsOf(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    return this.admin.partitionsOf(names);
  }

  describe(topic: string): Promise<SystemFacts> {
    return this.admin.describe(topic);
  }

  openProducers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    const settings = libraryProducerSettings(plan.producerSettings);
    return JsProducerLoad.open(this.clientOf(settings), plan, events, this.options.clock);
  }

  openConsumers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    const settings = libraryConsumerSettings(plan.consumerSettings);
    return JsConsumerLoad.open(this.clientOf(settings), plan, events, this.options.clock);
  }

  brokerUsage(): BrokerUsage | null {
    return this.admin.brokerUsage();
  }

  close(): Promise<void> {
    return this.admin.close();
  }

  private get base(): object {
    return { clientId: 'ringlog-bench', bootstrapBrokers: this.options.bootstrap.split(',') };
  }

  private clientOf({ effective, ignored }: LibrarySettings): JsClient {
    return {
      effectiveSettings: effective,
      ignoredSettings: ignored,
      producer: (plan, load, failed) => Promise.resolve(this.producer(effective, plan, load, failed)),
      consumer: (plan, _load, onRecord, failed) => this.consumer(effective, plan, onRecord, failed),
      close: () => Promise.resolve(),
    };
  }

  private producer(
    effective: LibrarySettings['effective'],
    { topic }: ProducerPlan,
    { payload }: LoadPlan,
    failed: (error: Error) => void,
  ): JsProducer {
    const producer = new this.library.Producer({ ...this.base, ...producerOptions(effective) });
    return new BatchingProducer({
      lingerMs: Number(effective['linger.ms']),
      batchBytes: Number(effective['batch.size']),
      inFlightMax: Number(effective['max.in.flight.requests.per.connection']),
      bufferBytes: Number(effective['buffer.memory']),
      messageBytes: payload.messageBytes,
      sendBatch: (records) =>
        producer.send({
          messages: records.map(({ key, value, stamp }) => ({
            ...{ topic, value: asBuffer(value) },
            ...(key !== null && { key: asBuffer(key) }),
            ...(stamp !== null && { headers: { [STAMP_HEADER]: asBuffer(stamp) } }),
          })),
        }),
      close: () => producer.close(),
      isLost: (error) => ANSWERLESS.test(codesOf(error)),
      failed,
    });
  }

  private async consumer(
    effective: LibrarySettings['effective'],
    { topics, group }: ConsumerPlan,
    onRecord: OnRecord,
    failed: (error: Error) => void,
  ): Promise<JsConsumer> {
    const deserializers = { headerKey: (bytes?: Uint8Array) => Buffer.from(bytes ?? []).toString() };
    const consumer = new this.library.Consumer({ ...this.base, groupId: group, deserializers });
    let closing = false;
    try {
      const stream = await consumer.consume({ topics: [...topics], ...consumerOptions(effective) });
      stream.on('data', ({ partition, offset, value, headers }) => onRecord(partition, offset, value, headers.get(STAMP_HEADER) ?? null));
      stream.on('error', (error) => {
        if (!closing) failed(error);
      });
      const close = (): Promise<void> => {
        closing = true;
        return consumer.close(true);
      };
      return { pause: () => void stream.pause(), resume: () => void stream.resume(), close };
    } catch (error) {
      await consumer.close(true).catch(() => undefined);
      throw new DriverError(`@platformatic/kafka: ${(error as Error).message}`);
    }
  }
}

/** It serializes nothing but buffers when it is told nothing else. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** An error and what it is made of. */
function codesOf(error: unknown): string {
  const { code, errors, cause } = error as { code?: string; errors?: readonly unknown[]; cause?: unknown };
  const within = [...(errors ?? []), ...(cause === undefined ? [] : [cause])];
  return [code ?? '', ...within.map(codesOf)].join(' ');
}
