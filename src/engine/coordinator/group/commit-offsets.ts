// OffsetCommit: how far a group has read. Owner: the shard that leads the group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { CommitOffsetsCall, PartitionErrors } from '../group-coordinator.ts';
import type { CoordinatorRecord } from '../partition-log.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { offsetRecord } from './group-records.ts';
import { generationProblem } from './member-check.ts';
import { renewSession } from './rebalance.ts';

type CommitPartition = CommitOffsetsCall['topics'][number]['partitions'][number];

export async function commitOffsets(partition: GroupPartition, call: CommitOffsetsCall): Promise<PartitionErrors> {
  const known = partition.groups.get(call.groupId);
  const problem = commitProblem(known, call);
  if (problem !== ErrorCode.NONE) return errorsFor(call, () => problem);
  if (known !== undefined) noteAlive(partition, known, call.memberId);

  const commitTimestampMs = partition.wallMs;
  const expireTimestampMs = call.retentionTimeMs < 0 ? -1 : commitTimestampMs + call.retentionTimeMs;
  const records: CoordinatorRecord[] = [];
  const errors = errorsFor(call, (topic, wanted) => {
    const errorCode = offsetProblem(partition, topic, wanted);
    if (errorCode !== ErrorCode.NONE) return errorCode;
    const { offset, leaderEpoch, metadata } = wanted;
    const committed = { offset, leaderEpoch, metadata: metadata ?? '', commitTimestampMs, expireTimestampMs };
    records.push(offsetRecord(call.groupId, topic, wanted.partition, committed));
    return ErrorCode.NONE;
  });
  if (records.length === 0) return errors;

  const written = await partition.write(known ?? partition.groupOrNew(call.groupId), records);
  if (written === ErrorCode.NONE) return errors;
  // All offsets of a request are one batch; too large a batch is too large a commit.
  const refused = written === ErrorCode.UNKNOWN_SERVER_ERROR ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE : written;
  return {
    topics: errors.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((one) => (one.errorCode === ErrorCode.NONE ? { ...one, errorCode: refused } : one)),
    })),
  };
}

/** The same error for each partition, or each its own. */
export function errorsFor(call: CommitOffsetsCall, errorOf: (topic: string, wanted: CommitPartition) => number): PartitionErrors {
  return {
    topics: call.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((wanted) => ({ partition: wanted.partition, errorCode: errorOf(name, wanted) })),
    })),
  };
}

function commitProblem(group: Group | undefined, call: CommitOffsetsCall): number {
  const { generationId, memberId, groupInstanceId } = call;
  if (group === undefined) {
    if (generationId < 0) return ErrorCode.NONE;
    return call.tellsGroupNotFound ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION;
  }
  // Consumers that assign themselves, and tools that reset offsets, as long as nobody is in the group.
  if (generationId < 0 && group.state === GroupState.EMPTY) return ErrorCode.NONE;
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.UNKNOWN_MEMBER_ID;
  const problem = generationProblem(group, memberId, groupInstanceId, generationId);
  if (problem !== ErrorCode.NONE) return problem;
  // Between join and sync the member does not know yet what it owns. Before that, in PreparingRebalance, it commits
  // what it read in the generation that ends.
  return group.state === GroupState.COMPLETING_REBALANCE ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE;
}

function noteAlive(partition: GroupPartition, group: Group, memberId: string): void {
  const member = group.members.get(memberId);
  if (member !== undefined) renewSession(partition, member);
}

function offsetProblem(partition: GroupPartition, topic: string, wanted: CommitPartition): number {
  const { environment } = partition;
  if (!environment.topicPartitionExists(topic, wanted.partition)) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  const metadataSize = wanted.metadata?.length ?? 0;
  return metadataSize > environment.config['offset.metadata.max.bytes'] ? ErrorCode.OFFSET_METADATA_TOO_LARGE : ErrorCode.NONE;
}
