// OffsetDelete, and the offsets of topics that are gone. Owner: the shard that leads the group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { DeleteOffsetsAnswer, DeleteOffsetsCall } from '../group-coordinator.ts';
import type { CoordinatorRecord } from '../partition-log.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { CONSUMER_PROTOCOL_TYPE } from './group-protocol.ts';
import { offsetTombstone } from './group-records.ts';

export async function deleteOffsets(partition: GroupPartition, call: DeleteOffsetsCall): Promise<DeleteOffsetsAnswer> {
  const found = partition.groups.get(call.groupId);
  if (found !== undefined) await partition.quiet(found);
  const group = partition.groups.get(call.groupId);
  if (partition.runtime.closed) return { errorCode: ErrorCode.NOT_COORDINATOR, topics: [] };
  if (group === undefined) return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] };
  // What members of another kind read cannot be told.
  if (group.state !== GroupState.EMPTY && group.protocolType !== CONSUMER_PROTOCOL_TYPE) {
    return { errorCode: ErrorCode.NON_EMPTY_GROUP, topics: [] };
  }
  const records: CoordinatorRecord[] = [];
  const topics = call.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) => {
      const errorCode = deletionProblem(partition, group, name, index);
      if (errorCode === ErrorCode.NONE && group.offset(name, index) !== undefined) records.push(offsetTombstone(group.id, name, index));
      return { partition: index, errorCode };
    }),
  }));
  const errorCode = await partition.write(group, records);
  return errorCode === ErrorCode.NONE ? { errorCode, topics } : { errorCode, topics: [] };
}

function deletionProblem(partition: GroupPartition, group: Group, topic: string, index: number): number {
  if (isSubscribed(group, topic)) return ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC;
  // Offsets may outlive their topic, and that is when one wants them gone.
  if (group.offset(topic, index) !== undefined || partition.environment.topicPartitionExists(topic, index)) return ErrorCode.NONE;
  return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

/** A consumer group whose subscriptions cannot be read may read anything. */
function isSubscribed(group: Group, topic: string): boolean {
  if (group.state === GroupState.EMPTY) return false;
  return group.subscribedTopics === null || group.subscribedTopics.has(topic);
}

/** A topic made later under the same name must not start at the old one's offsets. */
export async function deleteOffsetsOfTopics(partition: GroupPartition, topics: readonly string[]): Promise<void> {
  const ids = [...partition.groups.keys()];
  for (const id of ids) {
    const found = partition.groups.get(id);
    if (found !== undefined) await partition.quiet(found);
    const group = partition.groups.get(id);
    if (partition.runtime.closed) return;
    if (group === undefined) continue;
    const records = topics.flatMap((topic) =>
      [...(group.offsets.get(topic)?.keys() ?? [])].map((index) => offsetTombstone(id, topic, index)),
    );
    if (records.length > 0) await partition.write(group, records);
  }
}
