// Driver: the only way the harness knows a system. Owner: the thread that opened it; a contract.

import type { LoadEvents, LoadHandle } from './load-handle.ts';
import type { LoadPlan } from './load-plan.ts';

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** What a system says of itself when asked; not an echo of what it was told. */
export interface SystemFacts {
  /** "ringlog 0.1.0", "Apache Kafka (software version unknown)". */
  readonly product: string;
  readonly nodes: number;
  readonly bootstrap: string;
  /** Settings of the broker and of the first topic, after defaults, as DescribeConfigs answers. */
  readonly brokerSettings: Readonly<Record<string, string>>;
  readonly topicSettings: Readonly<Record<string, string>>;
  /** Page cache or managed, where the system says it. */
  readonly storageMode: string | null;
  /** When an ack is given and what it survives, in words. */
  readonly durability: string;
}

/** Broker processes on this host, summed, and what their disk and the machine's memory did meanwhile. */
export interface BrokerUsage {
  readonly atNs: number;
  /** User and system time since the process began. */
  readonly cpuUs: number;
  readonly residentBytes: number;
  /** Counters of the whole device below the data folder, since the machine started; null where it is on none (tmpfs). */
  readonly device: DeviceUsage | null;
  /** Of the whole machine: pages of files in memory, and those of them that the disk does not have yet. */
  readonly pageCacheBytes: number;
  readonly dirtyBytes: number;
  /** Of the broker's data folder; null where nobody can look. */
  readonly cached: CachedBytes | null;
}

/** Pages of a folder's files in memory, and those of them that the disk does not have yet (null before Linux 6.5). */
export interface CachedBytes {
  readonly residentBytes: number;
  readonly dirtyBytes: number | null;
}

export interface DeviceUsage {
  readonly writtenBytes: number;
  readonly flushes: number;
}

export interface Driver {
  /** `name` of the driver file. */
  readonly name: string;
  /** Which client makes the load, for the report: "ringlog's TypeScript client". */
  readonly client: string;
  /** Whether this client chooses partitions itself (LoadPlan.lanes). */
  readonly lanes: LoadPlan['lanes'];
  /** @throws DriverError when a topic is refused */
  createTopics(topics: readonly TopicSpec[]): Promise<void>;
  deleteTopics(names: readonly string[]): Promise<void>;
  /** All there are, internal ones left out. */
  topicNames(): Promise<readonly string[]>;
  /** Partitions of existing topics. @throws DriverError when one is unknown */
  partitionsOf(names: readonly string[]): Promise<Readonly<Record<string, number>>>;
  describe(topic: string): Promise<SystemFacts>;
  /** Connected and ready to send when it resolves. @throws DriverError */
  openProducers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle>;
  /** Every partition has its consumer, positioned, when it resolves. @throws DriverError */
  openConsumers(plan: LoadPlan, events: LoadEvents): Promise<LoadHandle>;
  /** null where broker processes are not known (another host). */
  brokerUsage(): BrokerUsage | null;
  close(): Promise<void>;
}

/** A system said no, or is not there: one line for the user. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
}
