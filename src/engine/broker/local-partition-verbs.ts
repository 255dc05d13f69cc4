// PartitionVerbs on the partitions this shard leads. Owner: the shard's thread. Not hot.

import { ErrorCode } from '../base/error-code.ts';
import type { Log } from '../log/log.ts';
import { maxTimestampOffset, offsetForTimestamp, type TimestampOffset } from '../log/offset-lookup.ts';
import { deleteRecordsBefore } from '../log/retention.ts';
import { highWatermark, lastStableOffset, type Partition } from '../partition/partition.ts';
import { CannotDecompress, decompress } from '../record/compression.ts';
import type {
  DeleteRecordsAnswer,
  DeleteRecordsQuery,
  DescribeProducersAnswer,
  LeaderEpochAnswer,
  LeaderEpochQuery,
  ListOffsetsAnswer,
  ListOffsetsQuery,
  LogDirPartition,
  PartitionName,
  PartitionVerbs,
} from './partition-verbs.ts';
import type { ShardBroker } from './shard-broker.ts';

/** ListOffsets' special timestamps. */
const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;
const EARLIEST_PENDING_UPLOAD = -6;
const NONE_FOUND: ListOffsetsAnswer = { errorCode: ErrorCode.NONE, timestamp: -1, offset: -1, leaderEpoch: -1 };

export class LocalPartitionVerbs implements PartitionVerbs {
  private readonly broker: ShardBroker;

  constructor(broker: ShardBroker) {
    this.broker = broker;
  }

  async listOffsets(queries: readonly ListOffsetsQuery[]): Promise<ListOffsetsAnswer[]> {
    return queries.map((query) => this.listOffset(query));
  }

  async offsetsForLeaderEpoch(queries: readonly LeaderEpochQuery[]): Promise<LeaderEpochAnswer[]> {
    return queries.map((query) => {
      const partition = this.find(query, query.currentLeaderEpoch);
      if (typeof partition === 'number') return { errorCode: partition, leaderEpoch: -1, endOffset: -1 };
      const { epoch, endOffset } = partition.log.leaderEpochs.endOffsetFor(
        query.leaderEpoch,
        partition.leaderEpoch,
        partition.log.endOffset,
      );
      return { errorCode: ErrorCode.NONE, leaderEpoch: epoch, endOffset };
    });
  }

  async deleteRecords(queries: readonly DeleteRecordsQuery[]): Promise<DeleteRecordsAnswer[]> {
    return queries.map((query) => {
      const partition = this.find(query, -1);
      if (typeof partition === 'number') return { errorCode: partition, lowWatermark: -1 };
      const high = highWatermark(partition);
      const offset = query.offset === -1 ? high : query.offset;
      if (offset < 0 || offset > high) return { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, lowWatermark: -1 };
      if (partition.log.config.cleanupCompact && !partition.log.config.cleanupDelete) {
        return { errorCode: ErrorCode.POLICY_VIOLATION, lowWatermark: -1 };
      }
      deleteRecordsBefore(this.broker.logs, partition.log, offset);
      this.broker.touchPartition(partition);
      return { errorCode: ErrorCode.NONE, lowWatermark: partition.log.startOffset };
    });
  }

  async describeProducers(queries: readonly PartitionName[]): Promise<DescribeProducersAnswer[]> {
    return queries.map((query) => {
      const partition = this.find(query, -1);
      if (typeof partition === 'number') return { errorCode: partition, producers: [] };
      return { errorCode: ErrorCode.NONE, producers: partition.log.producers.list() };
    });
  }

  async describeLogDirs(): Promise<LogDirPartition[]> {
    const found: LogDirPartition[] = [];
    for (const partition of this.broker.partitionByTicket) {
      if (partition == null) continue;
      const { log } = partition;
      found.push({
        topic: partition.topicName,
        partition: partition.index,
        logDir: log.dir.slice(0, log.dir.lastIndexOf('/')),
        sizeBytes: log.sizeBytes,
        endOffset: log.endOffset,
      });
    }
    return found;
  }

  /** The partition, or Kafka's error for why it is not served here. */
  private find({ topic, partition: index }: PartitionName, currentLeaderEpoch: number): Partition | number {
    const entry = this.broker.topics.byName.get(topic);
    if (entry === undefined || index < 0 || index >= entry.leaderNodeIds.length) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    const partition = entry.partitions[index];
    if (partition == null) return this.broker.absenceOf(entry, index);
    if (currentLeaderEpoch < 0 || currentLeaderEpoch === partition.leaderEpoch) return partition;
    return currentLeaderEpoch < partition.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
  }

  private listOffset(query: ListOffsetsQuery): ListOffsetsAnswer {
    const partition = this.find(query, query.currentLeaderEpoch);
    if (typeof partition === 'number') return { ...NONE_FOUND, errorCode: partition };
    const { log } = partition;
    const limit = query.readCommitted ? lastStableOffset(partition) : highWatermark(partition);
    switch (query.timestamp) {
      case LATEST:
        return { errorCode: ErrorCode.NONE, timestamp: -1, offset: limit, leaderEpoch: partition.leaderEpoch };
      case EARLIEST:
      case EARLIEST_LOCAL:
        return {
          errorCode: ErrorCode.NONE,
          timestamp: -1,
          offset: log.startOffset,
          leaderEpoch: epochOf(log, log.startOffset, partition.leaderEpoch),
        };
      case LATEST_TIERED:
        return NONE_FOUND;
      case EARLIEST_PENDING_UPLOAD:
        return NONE_FOUND;
      case MAX_TIMESTAMP:
        return answerOf(maxTimestampOffset(this.broker.logs, log, decompressed), limit);
      default:
        if (query.timestamp < 0) return { ...NONE_FOUND, errorCode: ErrorCode.INVALID_REQUEST };
        return answerOf(offsetForTimestamp(this.broker.logs, log, query.timestamp, limit, decompressed), limit);
    }
  }
}

/** A batch that cannot be opened is answered by its base offset. */
function decompressed(codec: number, bytes: Uint8Array): Uint8Array | null {
  try {
    return decompress(codec, bytes);
  } catch (error) {
    if (error instanceof CannotDecompress) return null;
    throw error;
  }
}

/** An empty log has no epochs yet. */
function epochOf(log: Log, offset: number, leaderEpoch: number): number {
  const epoch = log.leaderEpochs.epochAt(offset);
  return epoch < 0 ? leaderEpoch : epoch;
}

function answerOf(found: TimestampOffset | null, limit: number): ListOffsetsAnswer {
  if (found === null || found.offset >= limit) return NONE_FOUND;
  return { errorCode: ErrorCode.NONE, timestamp: found.timestamp, offset: found.offset, leaderEpoch: found.leaderEpoch };
}
