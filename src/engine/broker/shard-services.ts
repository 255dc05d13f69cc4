// What the handlers of one shard work with, besides bytes. Owner: the shard's thread; put together by workers/shard.
//
// Calls that end on another thread (the controller, another shard's partitions or coordinators) are promises; in a
// process of one shard the same interfaces are direct calls.

import type { BrokerConfig } from '../base/config-schema.ts';
import type { GroupCoordinator } from '../coordinator/group-coordinator.ts';
import type { ControllerVerbs } from '../metadata/controller-requests.ts';
import type { MetadataImage } from '../metadata/metadata-image.ts';
import type { PartitionVerbs } from './partition-verbs.ts';
import type { ShardBroker } from './shard-broker.ts';

export interface ShardServices {
  readonly config: BrokerConfig;
  readonly broker: ShardBroker;
  /** The newest metadata this shard has. */
  image(): MetadataImage;
  readonly controller: ControllerVerbs;
  /** Partition work that is not Produce or Fetch, on whichever shard leads the partition in `single` mode. */
  readonly partitions: PartitionVerbs;
  /** Groups; routed to the shard that leads the group's partition of `__consumer_offsets`. */
  readonly groups: GroupCoordinator;
  /** True once this shard's image satisfies `predicate`; false when it has not within `timeoutMs`. */
  imageWith(predicate: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean>;
  /** A producer id never given out before. */
  nextProducerId(): Promise<number>;
  /** Broker configs in force now, dynamic ones included. */
  effectiveConfig(): BrokerConfig;
}
