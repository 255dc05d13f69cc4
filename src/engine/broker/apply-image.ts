// Make a shard's partitions those of a metadata image: open logs, follow epochs and configs, drop what is gone.
// Owner: the shard's thread, between ticks. Not hot: opening a log reads and recovers its files.

import type { BrokerLayers, BrokerSettings } from '../base/config-broker.ts';
import { effectiveTopicConfig } from '../base/config-topic.ts';
import type { Log } from '../log/log.ts';
import type { LogConfig } from '../log/log-config.ts';
import { brokerLayers } from '../metadata/broker-layers.ts';
import type { MetadataDelta } from '../metadata/metadata-delta.ts';
import type { MetadataImage, PartitionImage, TopicImage } from '../metadata/metadata-image.ts';
import { toLogConfig } from '../metadata/topic-log-config.ts';
import { DurableQueue } from '../partition/durable-queue.ts';
import type { Partition } from '../partition/partition.ts';
import { TopicEntry } from '../partition/topic-table.ts';
import { WatchList } from '../partition/watch-list.ts';
import type { ShardBroker } from './shard-broker.ts';

/** What the checkpoints of the log directories say of each partition, by `topic-partition`. */
export interface RecoveryFacts {
  /** The last stop was clean in that directory. */
  isClean(logDir: string): boolean;
  recoveryPoint(logDir: string, name: string): number;
  logStartOffset(logDir: string, name: string): number;
  /** Names the page cache that the directory is in; empty when that is not known. */
  session(logDir: string): string;
  firstDirtyOffset(logDir: string, name: string): number;
}

interface PartitionListener {
  /** The shard leads this partition from now on. */
  onOpened(partition: Partition): void;
  /** It does not any more; the log is closed or gone when this returns. */
  onClosed(partition: Partition): void;
}

export interface ImageContext {
  /** What the process was started with. */
  readonly settings: BrokerSettings;
  readonly recovery: RecoveryFacts;
  readonly listener: PartitionListener;
}

/** `delta` led to `image`. */
export function applyImage(broker: ShardBroker, image: MetadataImage, delta: MetadataDelta, context: ImageContext): void {
  for (const name of delta.removedTopicNames) removeTopic(broker, name, context);
  // A changed broker default changes every topic that does not override it.
  const changed = delta.brokerConfigs.length > 0 ? [...image.topicsByName.keys()] : delta.topics.map((topic) => topic.name);
  const layers = brokerLayers(context.settings, image, null);
  for (const name of changed) applyTopic(broker, image.topicsByName.get(name)!, layers, context);
}

/** Try again what found no room to be opened. */
export function openMissing(broker: ShardBroker, image: MetadataImage, context: ImageContext): void {
  if (broker.unopened.size === 0) return;
  const layers = brokerLayers(context.settings, image, null);
  const names = [...broker.unopened];
  broker.unopened.clear();
  for (const name of names) {
    const topic = image.topicsByName.get(name);
    if (topic !== undefined) applyTopic(broker, topic, layers, context);
  }
}

function applyTopic(broker: ShardBroker, topic: TopicImage, layers: BrokerLayers, context: ImageContext): void {
  let entry = broker.topics.byName.get(topic.name);
  if (entry !== undefined && entry.id !== topic.id) {
    removeTopic(broker, topic.name, context);
    entry = undefined;
  }
  if (entry === undefined) {
    entry = new TopicEntry(topic.name, topic.id, Buffer.from(topic.name), topic.idBytes, topic.internal);
    entry.counterRow = broker.counters.takeTopicRow(topic.idBytes);
    broker.topics.add(entry);
  }
  const config = toLogConfig(effectiveTopicConfig(topic.configs, layers));
  entry.logAppendTime = config.timestampType === 'LogAppendTime';
  entry.compacted = config.cleanupCompact;
  for (const partition of topic.partitions) applyPartition(broker, entry, partition, config, context);
}

function applyPartition(broker: ShardBroker, topic: TopicEntry, image: PartitionImage, config: LogConfig, context: ImageContext): void {
  const { index } = image;
  topic.leaderNodeIds[index] = image.leaderNodeId;
  topic.leaderEpochs[index] = image.leaderEpoch;
  topic.shards[index] = image.shard;
  const current = topic.partitions[index] ?? null;
  if (image.shard !== broker.identity.shard || image.logDir === '') {
    if (current !== null) closePartition(broker, topic, current, context);
    topic.partitions[index] = null;
    return;
  }
  if (current === null) {
    topic.partitions[index] = openPartition(broker, topic, image, config, context);
    return;
  }
  current.log.config = config;
  if (current.leaderEpoch === image.leaderEpoch) return;
  current.leaderEpoch = image.leaderEpoch;
  current.log.leaderEpoch = image.leaderEpoch;
  broker.touchPartition(current);
}

function openPartition(
  broker: ShardBroker,
  topic: TopicEntry,
  image: PartitionImage,
  config: LogConfig,
  context: ImageContext,
): Partition | null {
  const log = openLog(broker, topic, image, config, context.recovery);
  if (log === null) return null;
  log.counterRow = topic.counterRow;
  const partition: Partition = {
    topicName: topic.name,
    topicId: topic.id,
    index: image.index,
    log,
    leaderEpoch: image.leaderEpoch,
    watchers: new WatchList(),
    durable: new DurableQueue(),
    touched: false,
    gone: false,
  };
  broker.partitionByTicket[log.ticket] = partition;
  context.listener.onOpened(partition);
  return partition;
}

/** Null when the disk refuses: for good, which takes its directory offline, or for want of room (ShardBroker.unopened). */
function openLog(broker: ShardBroker, topic: TopicEntry, image: PartitionImage, config: LogConfig, recovery: RecoveryFacts): Log | null {
  const name = `${topic.name}-${image.index}`;
  const dir = `${image.logDir}/${name}`;
  try {
    return broker.logs.open(dir, name, config, {
      recoveryPoint: recovery.recoveryPoint(image.logDir, name),
      clean: recovery.isClean(image.logDir),
      session: recovery.session(image.logDir),
      logStartOffset: recovery.logStartOffset(image.logDir, name),
      firstDirtyOffset: recovery.firstDirtyOffset(image.logDir, name),
      leaderEpoch: image.leaderEpoch,
      topicId: topic.id,
      nowMs: broker.clock.wallMs(),
    });
  } catch (error) {
    broker.logs.onDiskError(dir, error);
    broker.unopened.add(topic.name);
    return null;
  }
}

function closePartition(broker: ShardBroker, topic: TopicEntry, partition: Partition, { listener }: ImageContext): void {
  forget(broker, topic, partition);
  try {
    broker.logs.close(partition.log);
  } catch (error) {
    broker.logs.onDiskError(partition.log.dir, error);
  }
  listener.onClosed(partition);
}

function removeTopic(broker: ShardBroker, name: string, { listener }: ImageContext): void {
  const topic = broker.topics.byName.get(name);
  if (topic === undefined) return;
  broker.topics.remove(topic);
  for (const partition of topic.partitions) {
    if (partition == null) continue;
    forget(broker, topic, partition);
    broker.logs.remove(partition.log);
    listener.onClosed(partition);
  }
  broker.counters.giveTopicRow(topic.counterRow);
}

/** Everyone who waits for the partition is woken and finds it gone. */
function forget(broker: ShardBroker, topic: TopicEntry, partition: Partition): void {
  partition.gone = true;
  topic.partitions[partition.index] = null;
  broker.partitionByTicket[partition.log.ticket] = null;
  partition.durable.fail(-1);
  broker.touchPartition(partition);
}
