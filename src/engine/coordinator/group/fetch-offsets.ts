// OffsetFetch: what a group has committed. Owner: the shard that leads the group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { FetchOffsetsAnswer, FetchOffsetsCall } from '../group-coordinator.ts';
import type { CommittedOffset } from './group.ts';
import type { GroupPartition } from './group-partition.ts';

/** Offsets are stable as soon as they are replayed while no transaction can commit any, so requireStable asks nothing. */
export function fetchOffsets(partition: GroupPartition, call: FetchOffsetsCall): FetchOffsetsAnswer {
  const group = partition.groups.get(call.groupId);
  if (call.topics === null) {
    const topics = [...(group?.offsets ?? [])].map(([name, partitions]) => ({
      name,
      partitions: [...partitions].map(([index, offset]) => answerOf(index, offset)),
    }));
    return { errorCode: ErrorCode.NONE, topics };
  }
  const topics = call.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => answerOf(index, group?.offset(name, index))),
  }));
  return { errorCode: ErrorCode.NONE, topics };
}

function answerOf(partition: number, committed: CommittedOffset | undefined): FetchOffsetsAnswer['topics'][number]['partitions'][number] {
  if (committed === undefined) return { partition, offset: -1, leaderEpoch: -1, metadata: '', errorCode: ErrorCode.NONE };
  const { offset, leaderEpoch, metadata } = committed;
  return { partition, offset, leaderEpoch, metadata, errorCode: ErrorCode.NONE };
}
