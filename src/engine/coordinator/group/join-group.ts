// JoinGroup: a consumer comes to a group, new or again. Owner: the shard that leads the group's partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { JoinGroupAnswer, JoinGroupCall } from '../group-coordinator.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { acceptsProtocols } from './group-protocol.ts';
import { type Member, sameProtocols } from './member.ts';
import { memberProblem } from './member-check.ts';
import { newMemberId } from './member-id.ts';
import { joinFailed, joinSucceeded, parkJoin } from './parked-answers.ts';
import { maybeCompleteJoin, prepareRebalance } from './rebalance.ts';
import { rejoinStatic } from './static-member.ts';

/** How long a new member's join may be parked. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000;

export function joinGroup(partition: GroupPartition, call: JoinGroupCall): JoinGroupAnswer | Promise<JoinGroupAnswer> {
  const { config } = partition.environment;
  const { groupId, memberId, sessionTimeoutMs } = call;
  if (sessionTimeoutMs < config['group.min.session.timeout.ms'] || sessionTimeoutMs > config['group.max.session.timeout.ms']) {
    return joinFailed(memberId, ErrorCode.INVALID_SESSION_TIMEOUT);
  }
  const known = partition.groups.get(groupId);
  if (known === undefined && memberId !== '') return joinFailed(memberId, ErrorCode.UNKNOWN_MEMBER_ID);
  const group = known ?? partition.newGroup(groupId);
  if (!hasRoom(group, call, config['group.max.size'])) {
    group.removePending(memberId);
    maybeCompleteJoin(partition, group);
    return joinFailed('', ErrorCode.GROUP_MAX_SIZE_REACHED);
  }
  if (!acceptsProtocols(group, call.protocolType, call.protocols)) return joinFailed(memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  partition.groups.set(groupId, group);
  return memberId === '' ? joinWithoutId(partition, group, call) : joinWithId(partition, group, call);
}

function hasRoom(group: Group, { memberId, groupInstanceId }: JoinGroupCall, sizeMax: number): boolean {
  if (group.state === GroupState.EMPTY) return true;
  // An instance that comes again takes its own place.
  if (groupInstanceId !== null && group.staticMembers.has(groupInstanceId)) return true;
  const member = group.members.get(memberId);
  if (group.state !== GroupState.PREPARING_REBALANCE) return member !== undefined || group.members.size < sizeMax;
  // During a rebalance the places go to those who come first.
  if (member !== undefined && member.joining !== null) return true;
  let joined = 0;
  for (const other of group.members.values()) if (other.joining !== null) joined++;
  return joined < sizeMax;
}

function joinWithoutId(partition: GroupPartition, group: Group, call: JoinGroupCall): JoinGroupAnswer | Promise<JoinGroupAnswer> {
  const memberId = newMemberId(partition.environment.uuids, call.groupInstanceId ?? call.clientId);
  if (call.groupInstanceId !== null) {
    const current = group.members.get(group.staticMembers.get(call.groupInstanceId) ?? '');
    return current === undefined ? addMember(partition, group, call, memberId) : rejoinStatic(partition, group, current, call, memberId);
  }
  if (!call.memberIdRequired) return addMember(partition, group, call, memberId);
  // A client that never hears the answer to its join leaves an id behind, not a member that the others wait for.
  const deadline = partition.pendingDeadline(group, memberId);
  deadline.arm(partition.nowMs + call.sessionTimeoutMs);
  group.pendingMembers.set(memberId, deadline);
  return joinFailed(memberId, ErrorCode.MEMBER_ID_REQUIRED);
}

function joinWithId(partition: GroupPartition, group: Group, call: JoinGroupCall): JoinGroupAnswer | Promise<JoinGroupAnswer> {
  const { memberId } = call;
  if (group.pendingMembers.has(memberId)) {
    // Static members are given their id when they join, never before.
    if (call.groupInstanceId !== null) return joinFailed(memberId, ErrorCode.INVALID_REQUEST);
    return addMember(partition, group, call, memberId);
  }
  const problem = memberProblem(group, memberId, call.groupInstanceId);
  if (problem !== ErrorCode.NONE) return joinFailed(memberId, problem);
  const member = group.members.get(memberId)!;
  const unchanged = sameProtocols(member.protocols, call.protocols);
  const leads = group.leaderId === memberId;
  switch (group.state) {
    case GroupState.COMPLETING_REBALANCE:
      // The answer got lost: this is it again.
      if (unchanged) return joinSucceeded(group, memberId, leads);
      break;
    case GroupState.STABLE:
      // A leader joins again when it wants to assign anew.
      if (unchanged && !leads) return joinSucceeded(group, memberId, false);
      break;
    default:
      break;
  }
  return rejoin(partition, group, member, call);
}

function addMember(partition: GroupPartition, group: Group, call: JoinGroupCall, memberId: string): Promise<JoinGroupAnswer> {
  group.removePending(memberId);
  if (group.members.size === 0) group.protocolType = call.protocolType;
  const { groupInstanceId, clientId, clientHost, sessionTimeoutMs, protocols } = call;
  const rebalanceTimeoutMs = rebalanceTimeoutOf(call);
  const member = partition.newMember(group, {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocols,
  });
  member.isNew = true;
  const answer = parkJoin(member);
  group.addMember(member);
  member.session.arm(partition.nowMs + NEW_MEMBER_JOIN_TIMEOUT_MS);
  if (group.initialDelay !== null) group.initialDelay.joined = true;
  if (group.state === GroupState.PREPARING_REBALANCE) maybeCompleteJoin(partition, group);
  else prepareRebalance(partition, group);
  return answer;
}

function rejoin(partition: GroupPartition, group: Group, member: Member, call: JoinGroupCall): Promise<JoinGroupAnswer> {
  member.protocols = call.protocols;
  member.sessionTimeoutMs = call.sessionTimeoutMs;
  member.rebalanceTimeoutMs = rebalanceTimeoutOf(call);
  const answer = parkJoin(member);
  if (group.state === GroupState.PREPARING_REBALANCE) maybeCompleteJoin(partition, group);
  else prepareRebalance(partition, group);
  return answer;
}

function rebalanceTimeoutOf({ rebalanceTimeoutMs, sessionTimeoutMs }: JoinGroupCall): number {
  return rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs;
}
