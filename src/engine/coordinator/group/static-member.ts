// A static member (KIP-345) comes back after a restart of its process: it takes its old place under a new member id, and
// where nothing else changed the group does not rebalance. Owner: the shard that leads the group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { JoinGroupAnswer, JoinGroupCall } from '../group-coordinator.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { selectProtocol, subscribedTopicsOf } from './group-protocol.ts';
import { groupRecord } from './group-records.ts';
import { type Member, NO_BYTES } from './member.ts';
import { joinFailed, joinSucceeded, parkJoin, refuseParked } from './parked-answers.ts';
import { maybeCompleteJoin, prepareRebalance, renewSession } from './rebalance.ts';

export function rejoinStatic(
  partition: GroupPartition,
  group: Group,
  member: Member,
  call: JoinGroupCall,
  memberId: string,
): Promise<JoinGroupAnswer> {
  // Whoever used the old id is a process that should be dead by now.
  refuseParked(member, ErrorCode.FENCED_INSTANCE_ID);
  const restore = takePlace(group, member, call, memberId);
  renewSession(partition, member);
  if (group.state === GroupState.STABLE && selectProtocol(group) === group.protocol) {
    return keepGeneration(partition, group, member, call, restore);
  }
  const answer = parkJoin(member);
  // In CompletingRebalance the leader may be assigning to the old id just now.
  if (group.state === GroupState.PREPARING_REBALANCE) maybeCompleteJoin(partition, group);
  else prepareRebalance(partition, group);
  return answer;
}

/** Who it was before, for when the new id cannot be written down. */
interface Former {
  readonly memberId: string;
  readonly wasLeader: boolean;
  undo(): void;
}

function takePlace(group: Group, member: Member, call: JoinGroupCall, memberId: string): Former {
  const { memberId: formerId, clientId, clientHost, protocols, sessionTimeoutMs, rebalanceTimeoutMs } = member;
  const wasLeader = group.leaderId === formerId;
  renameMember(group, member, memberId);
  member.clientId = call.clientId;
  member.clientHost = call.clientHost;
  member.protocols = call.protocols;
  member.sessionTimeoutMs = call.sessionTimeoutMs;
  member.rebalanceTimeoutMs = call.rebalanceTimeoutMs < 0 ? call.sessionTimeoutMs : call.rebalanceTimeoutMs;
  return {
    memberId: formerId,
    wasLeader,
    undo() {
      if (group.members.get(memberId) !== member) return;
      renameMember(group, member, formerId);
      Object.assign(member, { clientId, clientHost, protocols, sessionTimeoutMs, rebalanceTimeoutMs });
    },
  };
}

function renameMember(group: Group, member: Member, memberId: string): void {
  const formerId = member.memberId;
  group.members.delete(formerId);
  member.memberId = memberId;
  group.members.set(memberId, member);
  group.staticMembers.set(member.groupInstanceId!, memberId);
  if (group.pendingSync.delete(formerId)) group.pendingSync.add(memberId);
  if (group.leaderId === formerId) group.leaderId = memberId;
}

/** The new id must outlive a restart of ours, or the member would be fenced by its own past. */
async function keepGeneration(
  partition: GroupPartition,
  group: Group,
  member: Member,
  call: JoinGroupCall,
  former: Former,
): Promise<JoinGroupAnswer> {
  const { memberId } = member;
  group.subscribedTopics = subscribedTopicsOf(group);
  const succeeded = joinSucceeded(group, memberId, former.wasLeader && call.canSkipAssignment);
  const record = groupRecord(group, (id) => group.members.get(id)?.assignment ?? NO_BYTES, group.stateTimestampMs);
  const errorCode = await partition.write(group, [record]);
  if (errorCode !== ErrorCode.NONE) {
    former.undo();
    group.subscribedTopics = subscribedTopicsOf(group);
    return joinFailed(memberId, errorCode);
  }
  if (!former.wasLeader) return succeeded;
  // A leader that is not to assign: newer clients are told so; older ones must not recognise themselves as the leader.
  return call.canSkipAssignment ? { ...succeeded, skipAssignment: true } : { ...succeeded, leader: former.memberId };
}
