// What the group coordinator is given from outside: time, chance, configuration and knowledge of topics.
// Owner: the shard's thread; handed to LocalGroupCoordinator once. Not hot.

import type { BrokerConfig } from '../../base/config-schema.ts';
import type { UuidSource } from '../../base/uuid.ts';
import type { TimingWheel } from '../../purgatory/timing-wheel.ts';
import type { CoordinatorClock } from '../coordinator-clock.ts';

export interface GroupEnvironment {
  readonly config: BrokerConfig;
  /** Turns by the clock's nowMs(); whoever owns it advances it. */
  readonly wheel: TimingWheel;
  readonly clock: CoordinatorClock;
  /** Where member ids come from. */
  readonly uuids: UuidSource;
  /** Of the topic that holds groups and offsets; 0 while it does not exist. */
  partitionCount(): number;
  topicPartitionExists(topic: string, partition: number): boolean;
}
