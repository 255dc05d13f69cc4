// DeleteGroups: a group and all its offsets. Owner: the shard that leads the group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { DeleteGroupAnswer, DeleteGroupCall } from '../group-coordinator.ts';
import type { CoordinatorRecord } from '../partition-log.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { groupTombstone, offsetTombstone } from './group-records.ts';

export async function deleteGroup(partition: GroupPartition, call: DeleteGroupCall): Promise<DeleteGroupAnswer> {
  const found = partition.groups.get(call.groupId);
  if (found !== undefined) await partition.quiet(found);
  const group = partition.groups.get(call.groupId);
  if (partition.runtime.closed) return { errorCode: ErrorCode.NOT_COORDINATOR };
  if (group === undefined) return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND };
  if (group.state !== GroupState.EMPTY) return { errorCode: ErrorCode.NON_EMPTY_GROUP };
  return { errorCode: await partition.write(group, [...tombstonesOfOffsets(group), groupTombstone(group.id)]) };
}

function tombstonesOfOffsets(group: Group): CoordinatorRecord[] {
  const records: CoordinatorRecord[] = [];
  for (const [topic, partitions] of group.offsets) {
    for (const index of partitions.keys()) records.push(offsetTombstone(group.id, topic, index));
  }
  return records;
}
