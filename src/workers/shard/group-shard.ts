// The group coordinator of one shard: it coordinates the groups whose partition of `__consumer_offsets` the shard leads.
// Owner: the shard's thread. Not hot.

import { uuidSource } from '../../engine/base/uuid.ts';
import { partitionReader, PartitionWrites } from '../../engine/broker/partition-writer.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { LocalGroupCoordinator } from '../../engine/coordinator/local-group-coordinator.ts';
import type { MetadataImage } from '../../engine/metadata/metadata-image.ts';
import type { Partition } from '../../engine/partition/partition.ts';

export const OFFSETS_TOPIC = '__consumer_offsets';

export class GroupShard {
  readonly coordinator: LocalGroupCoordinator;
  private readonly broker: ShardBroker;
  private readonly writes: PartitionWrites;
  private readonly onLoadFailed: (partition: number, error: unknown) => void;

  constructor(
    broker: ShardBroker,
    schedule: () => void,
    randomBytes: (sizeBytes: number) => Uint8Array,
    image: () => MetadataImage,
    onLoadFailed: (partition: number, error: unknown) => void,
  ) {
    this.broker = broker;
    this.onLoadFailed = onLoadFailed;
    this.writes = new PartitionWrites(broker, schedule);
    broker.writers.push(this.writes);
    this.coordinator = new LocalGroupCoordinator({
      config: broker.config,
      wheel: broker.wheel,
      clock: { nowMs: () => broker.nowMs(), wallMs: () => broker.wallMs() },
      uuids: uuidSource(randomBytes),
      partitionCount: () => image().topic(OFFSETS_TOPIC)?.partitions.length ?? broker.config['offsets.topic.num.partitions'],
      topicPartitionExists: (topic, partition) => image().partition(topic, partition) !== undefined,
    });
  }

  onOpened(partition: Partition): void {
    if (partition.topicName !== OFFSETS_TOPIC) return;
    const loaded = this.coordinator.loadPartition(
      partition.index,
      partitionReader(this.broker, partition),
      this.writes.writerFor(partition),
    );
    loaded.catch((error: unknown) => this.onLoadFailed(partition.index, error));
  }

  onClosed(partition: Partition): void {
    if (partition.topicName === OFFSETS_TOPIC) this.coordinator.unloadPartition(partition.index);
  }
}
