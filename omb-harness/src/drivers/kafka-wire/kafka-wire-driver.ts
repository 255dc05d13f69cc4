// Driver over the Kafka wire: load by native workers in processes of their own (any Kafka 2.7 or later), or by Ringlog's own
// small client in this process (2.1 or later). Owner: the thread that opened it. Not hot; its producers and consumers are.

import { errorName, ErrorCode } from '../../../../src/engine/base/error-code.ts';
import { ZERO_UUID } from '../../../../src/engine/base/uuid.ts';
import { ClusterClient, EARLIEST, LATEST } from '../../../../src/net/kafka/client/cluster-client.ts';
import { createTopicsApi } from '../../../../src/net/kafka/schema/generated/create-topics.ts';
import { deleteTopicsApi } from '../../../../src/net/kafka/schema/generated/delete-topics.ts';
import { describeConfigsApi } from '../../../../src/net/kafka/schema/generated/describe-configs.ts';
import type { Clock } from '../../contracts/clock.ts';
import { type BrokerUsage, type Driver, DriverError, type SystemFacts, type TopicSpec } from '../../contracts/driver.ts';
import type { DriverSettings } from '../../contracts/driver-settings.ts';
import type { JsClient } from '../../contracts/js-client.ts';
import type { LoadEvents, LoadHandle } from '../../contracts/load-handle.ts';
import type { LoadPlan } from '../../contracts/load-plan.ts';
import { JsConsumerLoad } from '../../load/js-consumer-load.ts';
import { JsProducerLoad } from '../../load/js-producer-load.ts';
import { NativeLoad } from '../../load/native-load.ts';
import { durabilityInWords } from '../durability-in-words.ts';
import type { NativeProgram } from '../native-worker.ts';
import { nativePlan } from './native-plan.ts';
import { patiently } from './patiently.ts';
import { WireConsumer } from './wire-consumer.ts';
import { type Leader, WireProducer } from './wire-producer.ts';
import { consumerSettings, nativeConsumerSettings, nativeProducerSettings, producerSettings, type WireSettings } from './wire-settings.ts';

const TIMEOUT_MS = 60_000;
const TOPICS_AT_ONCE = 500;
const RESOURCE_TOPIC = 2;
const RESOURCE_BROKER = 4;
/** What a worker gives for a batch whose connection went away before it was answered. */
const CONNECTION_LOST = -1000;

export interface KafkaWireOptions {
  readonly settings: DriverSettings;
  readonly bootstrap: string;
  readonly clock: Clock;
  readonly usage: () => BrokerUsage | null;
  /** What is known of the system that it does not say of itself. */
  readonly product?: string | null;
  /** The load worker to use; not ok: the load is made in this process. */
  readonly worker: NativeProgram;
}

export class KafkaWireDriver implements Driver {
  readonly name: string;
  readonly client: string;
  readonly lanes = 'partition';
  private readonly options: KafkaWireOptions;
  private readonly cluster: ClusterClient;

  private constructor(options: KafkaWireOptions, cluster: ClusterClient) {
    this.name = options.settings.name;
    this.client = options.worker.ok
      ? 'native load workers, one process each'
      : `Ringlog's TypeScript client, in the harness's process (no native load worker: ${options.worker.why})`;
    this.options = options;
    this.cluster = cluster;
  }

  static async open(options: KafkaWireOptions): Promise<KafkaWireDriver> {
    const { settings, worker } = options;
    // Said before anything is created.
    (worker.ok ? nativeProducerSettings : producerSettings)(settings.producerConfig);
    (worker.ok ? nativeConsumerSettings : consumerSettings)(settings.consumerConfig);
    return new KafkaWireDriver(options, await refused(ClusterClient.open(options.bootstrap)));
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (let from = 0; from < topics.length; from += TOPICS_AT_ONCE) {
      const asked = topics.slice(from, from + TOPICS_AT_ONCE).map(({ name, partitions, replicationFactor, configs }) => ({
        name,
        numPartitions: partitions,
        replicationFactor,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      }));
      const answer = await refused(this.cluster.anyNode.call(createTopicsApi, { topics: asked, timeoutMs: TIMEOUT_MS }));
      for (const { name, errorCode, errorMessage } of answer.topics)
        if (errorCode !== ErrorCode.NONE) throw new DriverError(`topic ${name} was refused: ${errorMessage ?? errorName(errorCode)}`);
    }
    for (const { name } of topics) await refused(patiently(() => this.cluster.topic(name)));
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += TOPICS_AT_ONCE) {
      const some = names.slice(from, from + TOPICS_AT_ONCE);
      const topics = some.map((name) => ({ name, topicId: ZERO_UUID }));
      // Version 6 on names topics one by one, the ones before by a list.
      const answer = await refused(this.cluster.anyNode.call(deleteTopicsApi, { topics, topicNames: some, timeoutMs: TIMEOUT_MS }));
      for (const { name, errorCode } of answer.responses)
        if (errorCode !== ErrorCode.NONE) throw new DriverError(`delete ${name ?? 'a topic'}: ${errorName(errorCode)}`);
    }
  }

  async topicNames(): Promise<readonly string[]> {
    const { topics } = await refused(this.cluster.describe(null));
    return topics.flatMap(({ name, isInternal }) => (isInternal === true || name === null ? [] : [name]));
  }

  async partitionsOf(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const found: Record<string, number> = {};
    for (const name of names) found[name] = (await refused(this.cluster.topic(name))).partitions.length;
    return found;
  }

  async describe(topic: string): Promise<SystemFacts> {
    const { brokers } = await refused(this.cluster.describe([topic]));
    const topicSettings = await this.settingsOf(RESOURCE_TOPIC, topic);
    const brokerSettings = await this.settingsOf(RESOURCE_BROKER, String(brokers[0]!.nodeId));
    const ours = [...Object.keys(brokerSettings), ...Object.keys(topicSettings)].some((key) => key.startsWith('ringlog.'));
    return {
      product: this.options.product ?? `${ours ? 'Ringlog' : 'Kafka-compatible'} (the protocol tells no version)`,
      nodes: brokers.length,
      bootstrap: this.options.bootstrap,
      brokerSettings,
      topicSettings,
      storageMode: topicSettings['ringlog.storage'] ?? null,
      durability: durabilityInWords(this.options.settings.producerConfig.acks ?? 'all', brokerSettings, topicSettings),
    };
  }

  async openProducers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    const { worker } = this.options;
    if (worker.ok) return this.openNative(worker.program, plan, nativeProducerSettings(plan.producerSettings), events);
    return JsProducerLoad.open(this.clientOf(producerSettings(plan.producerSettings)), plan, events, this.options.clock);
  }

  async openConsumers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle> {
    const { worker } = this.options;
    if (worker.ok) return this.openNative(worker.program, plan, nativeConsumerSettings(plan.consumerSettings), events);
    return JsConsumerLoad.open(this.clientOf(consumerSettings(plan.consumerSettings)), plan, events, this.options.clock);
  }

  brokerUsage(): BrokerUsage | null {
    return this.options.usage();
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  private async openNative(program: string, plan: LoadPlan, settings: WireSettings, events: LoadEvents): Promise<LoadHandle> {
    const { effective, ignored } = settings;
    const native = await refused(nativePlan(this.cluster, plan, effective, (topic) => this.leadersOf(topic)));
    const errorText = (code: number): string => (code === CONNECTION_LOST ? 'the connection was lost' : errorName(code));
    const { workerId } = plan;
    return NativeLoad.open({ program, workerId, plan: native, events, effectiveSettings: effective, ignoredSettings: ignored, errorText });
  }

  private clientOf({ effective, ignored }: WireSettings): JsClient {
    return {
      effectiveSettings: effective,
      ignoredSettings: ignored,
      producer: async ({ topic }, { payload }, failed) => {
        const leaders = await this.leadersOf(topic);
        const options = { topic, leaders, settings: effective, messageBytes: payload.messageBytes, clock: this.options.clock, failed };
        return refused(WireProducer.connect(options));
      },
      consumer: async ({ topics, indexInGroup, groupSize }, _, onRecord, failed) => {
        const topic = topics[0]!;
        const starts = await refused(
          patiently(async () =>
            this.cluster.offsets(await this.cluster.topic(topic), effective['auto.offset.reset'] === 'latest' ? LATEST : EARLIEST),
          ),
        );
        const own = (await this.leadersOf(topic)).filter(({ partition }) => partition % groupSize === indexInGroup);
        const positions = own.map((leader) => ({ ...leader, offset: starts.get(leader.partition)! }));
        return refused(WireConsumer.start({ topic, positions, settings: effective, onRecord, failed }));
      },
      close: () => Promise.resolve(),
    };
  }

  /** By partition, ascending. */
  private async leadersOf(topic: string): Promise<Leader[]> {
    const { partitions } = await refused(patiently(() => this.cluster.topic(topic)));
    const { brokers } = await refused(this.cluster.describe([topic]));
    return partitions
      .map(({ partitionIndex, leaderId }) => {
        const broker = brokers.find(({ nodeId }) => nodeId === leaderId);
        if (broker === undefined)
          throw new DriverError(`${topic}-${partitionIndex} is led by node ${leaderId}, which is not in the cluster`);
        return { partition: partitionIndex, host: broker.host, port: broker.port };
      })
      .sort((a, b) => a.partition - b.partition);
  }

  /** Empty where the system does not tell. */
  private async settingsOf(resourceType: number, resourceName: string): Promise<Record<string, string>> {
    const resources = [{ resourceType, resourceName, configurationKeys: null }];
    const { results } = await refused(this.cluster.anyNode.call(describeConfigsApi, { resources }));
    return Object.fromEntries(results.flatMap(({ configs }) => configs.map(({ name, value }) => [name, value ?? ''])));
  }
}

/** What a system says no with, or its absence, is the user's to read: one line. */
async function refused<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DriverError) throw error;
    throw new DriverError((error as Error).message);
  }
}
