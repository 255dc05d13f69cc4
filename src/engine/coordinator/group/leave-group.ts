// LeaveGroup: members go of their own accord, or an administrator takes static ones out. Owner: the shard that leads the
// group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { LeaveGroupAnswer, LeaveGroupCall } from '../group-coordinator.ts';
import type { Group } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { memberProblem } from './member-check.ts';
import { dropMember, maybeCompleteJoin } from './rebalance.ts';

export function leaveGroup(partition: GroupPartition, call: LeaveGroupCall): LeaveGroupAnswer {
  const group = partition.groups.get(call.groupId);
  if (group === undefined) return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, members: [] };
  const members = call.members.map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode: leave(partition, group, memberId, groupInstanceId),
  }));
  return { errorCode: ErrorCode.NONE, members };
}

function leave(partition: GroupPartition, group: Group, memberId: string, groupInstanceId: string | null): number {
  if (group.pendingMembers.has(memberId)) {
    if (groupInstanceId !== null) return ErrorCode.UNKNOWN_MEMBER_ID;
    group.removePending(memberId);
    maybeCompleteJoin(partition, group);
    return ErrorCode.NONE;
  }
  // By instance alone: whichever member holds its place.
  const actualId = memberId === '' && groupInstanceId !== null ? (group.staticMembers.get(groupInstanceId) ?? '') : memberId;
  const problem = memberProblem(group, actualId, groupInstanceId);
  if (problem !== ErrorCode.NONE) return problem;
  dropMember(partition, group, group.members.get(actualId)!);
  return ErrorCode.NONE;
}
