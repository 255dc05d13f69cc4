// SyncGroup: the leader hands in the assignment, every member gets its part. Owner: the shard that leads the group's
// partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { SyncGroupAnswer, SyncGroupCall } from '../group-coordinator.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { groupRecord } from './group-records.ts';
import { type Member, NO_BYTES } from './member.ts';
import { generationProblem } from './member-check.ts';
import { answerSync, parkSync, syncFailed, syncSucceeded } from './parked-answers.ts';
import { prepareRebalance, refuseSyncs, renewSession } from './rebalance.ts';

export function syncGroup(partition: GroupPartition, call: SyncGroupCall): SyncGroupAnswer | Promise<SyncGroupAnswer> {
  const group = partition.groups.get(call.groupId);
  if (group === undefined) return syncFailed(ErrorCode.UNKNOWN_MEMBER_ID);
  const problem = syncProblem(group, call);
  if (problem !== ErrorCode.NONE) return syncFailed(problem);
  const member = group.members.get(call.memberId)!;
  switch (group.state) {
    case GroupState.PREPARING_REBALANCE:
      return syncFailed(ErrorCode.REBALANCE_IN_PROGRESS);
    case GroupState.COMPLETING_REBALANCE: {
      group.pendingSync.delete(member.memberId);
      const answer = parkSync(member);
      if (group.leaderId === member.memberId && !group.assigning) void assign(partition, group, call);
      return answer;
    }
    case GroupState.STABLE:
      return syncLate(partition, group, member);
    default:
      return syncFailed(ErrorCode.UNKNOWN_MEMBER_ID);
  }
}

function syncProblem(group: Group, call: SyncGroupCall): number {
  const problem = generationProblem(group, call.memberId, call.groupInstanceId, call.generationId);
  if (problem !== ErrorCode.NONE) return problem;
  if (call.protocolType !== null && call.protocolType !== group.protocolType) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  if (call.protocolName !== null && call.protocolName !== group.protocol) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  return ErrorCode.NONE;
}

function syncLate(partition: GroupPartition, group: Group, member: Member): SyncGroupAnswer {
  group.pendingSync.delete(member.memberId);
  if (group.pendingSync.size === 0) group.timers.sync.cancel();
  renewSession(partition, member);
  return syncSucceeded(group, member);
}

/** Writes the generation; replay makes the group Stable, then the parked requests get their parts. */
async function assign(partition: GroupPartition, group: Group, call: SyncGroupCall): Promise<void> {
  const { generation } = group;
  group.assigning = true;
  const parts = new Map(call.assignments.map(({ memberId, assignment }) => [memberId, assignment]));
  const record = groupRecord(group, (memberId) => parts.get(memberId) ?? NO_BYTES, partition.wallMs);
  const errorCode = await partition.write(group, [record]);
  // Meanwhile somebody came or went, and those who waited have been told.
  if (partition.runtime.closed || group.generation !== generation) return;
  if (errorCode === ErrorCode.NONE) {
    if (group.state === GroupState.STABLE) handOut(partition, group);
    return;
  }
  if (group.state !== GroupState.COMPLETING_REBALANCE) return;
  refuseSyncs(partition, group, errorCode);
  prepareRebalance(partition, group);
}

function handOut(partition: GroupPartition, group: Group): void {
  if (group.pendingSync.size === 0) group.timers.sync.cancel();
  for (const member of group.members.values()) {
    if (member.syncing === null) continue;
    renewSession(partition, member);
    answerSync(member, syncSucceeded(group, member));
  }
}
