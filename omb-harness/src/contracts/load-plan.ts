// LoadPlan: what one load worker is told before it connects. Owner: pure; a contract, types only.
//
// Plain JSON, so that a worker in another language or process can read it. Phases come later, over the handle
// (load-handle.ts), because a warm-up by criterion and a rate search decide them as they go.
//
// Every record carries a STAMP (load/record-stamp.ts has the layout): 32 bytes, big-endian, at the head of the value, or as
// the value of a record header named `rl` where messages are smaller than that.

import type { KeyDistribution } from './workload.ts';

export interface ProducerPlan {
  /** Of the whole run, from 0. */
  readonly producerId: number;
  readonly topic: string;
  /**
   * Lanes of this producer: `firstLane + partition` when `LoadPlan.lanes` is 'partition', else just `firstLane`. A lane is
   * a stream of records with sequence 0, 1, 2 …, over all phases; lane ids are unique in the run.
   */
  readonly firstLane: number;
  /** Some subscription reads its topic. */
  readonly isRead: boolean;
}

export interface ConsumerPlan {
  readonly consumerId: number;
  readonly topics: readonly string[];
  readonly group: string;
  /** Of the group's consumers of this topic, which one this is: for clients that assign partitions by hand. */
  readonly indexInGroup: number;
  readonly groupSize: number;
  /** Records a second this consumer takes at most; null: as many as come. */
  readonly rateLimitPerSecond: number | null;
}

/** Values to send. A worker goes through the pool in turn; the stamp overwrites the head of a copy. */
export interface PayloadPlan {
  /** Of each, or on average. */
  readonly messageBytes: number;
  /** Base64. At least one. */
  readonly pool: readonly string[];
  /** The turn, as indexes into the pool; not given: as they lie. */
  readonly order?: readonly number[];
  readonly stampIn: 'value' | 'header';
}

export interface LoadPlan {
  readonly planVersion: 1;
  /** 32 bits, random in each run: records of other runs are told by it and only counted (`foreign`). */
  readonly runId: number;
  readonly workerId: number;
  /** Producing workers of the run, and which of them this is: the n-th due time of a phase belongs to worker n mod count. */
  readonly producerWorkers: number;
  readonly producerWorkerIndex: number;
  readonly bootstrap: string;
  readonly seed: number;
  /**
   * 'partition': the client chooses the partition itself, so order is checked in each lane. 'producer': a client library
   * hides the choice; loss and duplicates are checked by lane, order is checked within (lane, partition).
   */
  readonly lanes: 'partition' | 'producer';
  readonly partitionsPerTopic: Readonly<Record<string, number>>;
  readonly producers: readonly ProducerPlan[];
  readonly consumers: readonly ConsumerPlan[];
  readonly keyDistribution: KeyDistribution;
  readonly payload: PayloadPlan;
  /** Java client settings after all merging, as text: `acks`, `linger.ms`, `batch.size`, `fetch.min.bytes` … */
  readonly producerSettings: Readonly<Record<string, string>>;
  readonly consumerSettings: Readonly<Record<string, string>>;
  /** Records that may wait in the client for room before a due record counts as `overflowed` instead of being sent. */
  readonly queueRecordsMax: number;
  /** An interval record is reported each time this much has passed. */
  readonly intervalMs: number;
  readonly pinToCpu: number | null;
  /** Consumers begin when they are resumed. */
  readonly startsPaused: boolean;
  /** Topics that others write, too: what carries no stamp of this run is theirs, whatever its bytes. */
  readonly sharedTopics: boolean;
}
