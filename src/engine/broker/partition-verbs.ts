// Partition work that is not Produce or Fetch, asked for by name. Owner: the asking shard's thread; the answer may come
// from another shard (`single` listeners). Plain objects, so that a ring can carry them.

import type { ActiveProducer } from '../log/producer-state.ts';

export interface PartitionName {
  readonly topic: string;
  readonly partition: number;
}

export interface ListOffsetsQuery extends PartitionName {
  /** -1: not checked. */
  readonly currentLeaderEpoch: number;
  /** Milliseconds, or a ListOffsets special (-1 latest, -2 earliest, -3 max timestamp …). */
  readonly timestamp: number;
  readonly readCommitted: boolean;
}

export interface ListOffsetsAnswer {
  readonly errorCode: number;
  readonly timestamp: number;
  readonly offset: number;
  readonly leaderEpoch: number;
}

export interface LeaderEpochQuery extends PartitionName {
  readonly currentLeaderEpoch: number;
  readonly leaderEpoch: number;
}

export interface LeaderEpochAnswer {
  readonly errorCode: number;
  /** -1 when unknown. */
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

export interface DeleteRecordsQuery extends PartitionName {
  /** Everything below goes; -1: everything below the high watermark. */
  readonly offset: number;
}

export interface DeleteRecordsAnswer {
  readonly errorCode: number;
  readonly lowWatermark: number;
}

export interface DescribeProducersAnswer {
  readonly errorCode: number;
  readonly producers: readonly ActiveProducer[];
}

export interface LogDirPartition extends PartitionName {
  readonly logDir: string;
  readonly sizeBytes: number;
  readonly endOffset: number;
}

export interface PartitionVerbs {
  listOffsets(queries: readonly ListOffsetsQuery[]): Promise<readonly ListOffsetsAnswer[]>;
  offsetsForLeaderEpoch(queries: readonly LeaderEpochQuery[]): Promise<readonly LeaderEpochAnswer[]>;
  deleteRecords(queries: readonly DeleteRecordsQuery[]): Promise<readonly DeleteRecordsAnswer[]>;
  describeProducers(queries: readonly PartitionName[]): Promise<readonly DescribeProducersAnswer[]>;
  /** Every partition this node serves. */
  describeLogDirs(): Promise<readonly LogDirPartition[]>;
}
