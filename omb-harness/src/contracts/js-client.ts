// JsClient: a Kafka client library in this process, as load/js-load.ts needs it. Owner: the load's thread; a contract.
//
// A driver over another client library implements these three and gets schedule, stamps, checks, histograms and intervals
// from js-load.

import type { ConsumerPlan, LoadPlan, ProducerPlan } from './load-plan.ts';

export interface OutgoingRecord {
  readonly key: Uint8Array | null;
  /** The client may keep it until it has answered. */
  readonly value: Uint8Array;
  /** When the stamp does not fit into the value: the value of a header named STAMP_HEADER. */
  readonly stamp: Uint8Array | null;
}

/** What became of records handed over one after the other. */
export interface RecordOutcome {
  /** null: acknowledged. */
  readonly error: Error | null;
  /** CLOCK_MONOTONIC of when the request was written; null where the library hides it. */
  readonly writtenNs: number | null;
}

export interface JsProducer {
  /** Records that may be handed over now: the client's own bound on what is in memory. */
  readonly room: number;
  /** The partition of the next record, where this client chooses itself (lanes 'partition'); -1 where it hides that. */
  partitionFor(key: Uint8Array | null): number;
  send(record: OutgoingRecord, partition: number, done: (outcome: RecordOutcome) => void): void;
  /** Batches acknowledged so far. */
  readonly batches: number;
  close(): Promise<void>;
}

/** The bytes are read before this returns; they may be a view of a receive buffer. */
export type OnRecord = (partition: number, offset: number | bigint, value: Uint8Array, stamp: Uint8Array | null) => void;

export interface JsConsumer {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface JsClient {
  readonly effectiveSettings: Readonly<Record<string, string>>;
  readonly ignoredSettings: readonly string[];
  /** Connected when it resolves. `failed`: it cannot go on. @throws DriverError */
  producer(plan: ProducerPlan, load: LoadPlan, failed: (error: Error) => void): Promise<JsProducer>;
  /** Positioned when it resolves. `failed`: it cannot go on. @throws DriverError */
  consumer(plan: ConsumerPlan, load: LoadPlan, onRecord: OnRecord, failed: (error: Error) => void): Promise<JsConsumer>;
  close(): Promise<void>;
}

export const STAMP_HEADER = 'rl';
