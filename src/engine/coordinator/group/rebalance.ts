// The rebalance: from the first reason for one until every member knows its new generation.
// Owner: the shard that leads the group's partition. Not hot.
//
//   Empty ──first join──► PreparingRebalance ──all joined, or time is up──► CompletingRebalance ──leader synced──► Stable
//                          ▲   │ nobody left: Empty                            │                                     │
//                          └───┴──────────────── any change of members ────────┴─────────────────────────────────────┘

import { ErrorCode } from '../../base/error-code.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { selectProtocol, subscribedTopicsOf } from './group-protocol.ts';
import { groupRecord } from './group-records.ts';
import { type Member, NO_BYTES } from './member.ts';
import { answerJoin, answerSync, joinSucceeded, refuseParked, syncFailed } from './parked-answers.ts';

/** The member is alive: its session begins anew. */
export function renewSession(partition: GroupPartition, member: Member): void {
  member.session.arm(partition.nowMs + member.sessionTimeoutMs);
}

/** Answers all parked SyncGroups with an error. Their members could not send heartbeats; now they can again. */
export function refuseSyncs(partition: GroupPartition, group: Group, errorCode: number): void {
  for (const member of group.members.values()) {
    if (member.syncing === null) continue;
    renewSession(partition, member);
    answerSync(member, syncFailed(errorCode));
  }
}

/** Every member has to join again. Those that do so at once may complete it within this call. */
export function prepareRebalance(partition: GroupPartition, group: Group): void {
  const before = group.state;
  if (before === GroupState.COMPLETING_REBALANCE) for (const member of group.members.values()) member.assignment = NO_BYTES;
  // Also when Stable: the assignment may have been committed and not yet handed out.
  refuseSyncs(partition, group, ErrorCode.REBALANCE_IN_PROGRESS);
  group.timers.sync.cancel();
  group.pendingSync.clear();
  group.state = GroupState.PREPARING_REBALANCE;
  if (before === GroupState.EMPTY) {
    beginInitialDelay(partition, group);
    return;
  }
  group.timers.join.arm(partition.nowMs + group.rebalanceTimeoutMs);
  maybeCompleteJoin(partition, group);
}

/** Consumers of a new group start within moments of each other; waiting spares all but one rebalance. */
function beginInitialDelay(partition: GroupPartition, group: Group): void {
  const delayMs = partition.environment.config['group.initial.rebalance.delay.ms'];
  const limitMs = group.rebalanceTimeoutMs;
  if (delayMs === 0 || limitMs === 0) {
    completeJoin(partition, group);
    return;
  }
  group.initialDelay = { remainingMs: Math.max(limitMs - delayMs, 0), joined: false };
  group.timers.join.arm(partition.nowMs + Math.min(delayMs, limitMs));
}

export function onJoinDeadline(partition: GroupPartition, group: Group): void {
  if (group.state !== GroupState.PREPARING_REBALANCE) return;
  const delay = group.initialDelay;
  if (delay !== null && delay.joined && delay.remainingMs > 0) {
    const nextMs = Math.min(partition.environment.config['group.initial.rebalance.delay.ms'], delay.remainingMs);
    delay.remainingMs -= nextMs;
    delay.joined = false;
    group.timers.join.arm(partition.nowMs + nextMs);
    return;
  }
  completeJoin(partition, group);
}

export function maybeCompleteJoin(partition: GroupPartition, group: Group): void {
  if (group.state !== GroupState.PREPARING_REBALANCE || group.initialDelay !== null) return;
  if (group.everyoneHasJoined) completeJoin(partition, group);
}

/** Opens the next generation with those who are here. */
function completeJoin(partition: GroupPartition, group: Group): void {
  group.timers.join.cancel();
  group.initialDelay = null;
  for (const member of group.members.values()) {
    // A static member may be restarting; its place is kept until its session ends.
    if (member.joining === null && member.groupInstanceId === null) group.removeMember(member);
  }
  if (group.members.size > 0 && !electJoinedLeader(group)) {
    // Only silent static members: nobody could assign.
    group.timers.join.arm(partition.nowMs + group.rebalanceTimeoutMs);
    return;
  }
  group.generation++;
  group.assigning = false;
  group.pendingSync.clear();
  if (group.members.size === 0) {
    becomeEmpty(partition, group);
    return;
  }
  group.protocol = selectProtocol(group);
  group.subscribedTopics = subscribedTopicsOf(group);
  group.state = GroupState.COMPLETING_REBALANCE;
  group.timers.sync.arm(partition.nowMs + group.rebalanceTimeoutMs);
  for (const member of group.members.values()) group.pendingSync.add(member.memberId);
  for (const member of group.members.values()) {
    // A static member that is silent has only what is left of its session.
    if (member.joining === null) continue;
    renewSession(partition, member);
    member.isNew = false;
    answerJoin(member, joinSucceeded(group, member.memberId, member.memberId === group.leaderId));
  }
}

/** The leader stays when it has joined, else the first that has. @returns false when nobody has */
function electJoinedLeader(group: Group): boolean {
  if (group.leaderId !== null && group.members.get(group.leaderId)?.joining != null) return true;
  for (const member of group.members.values()) {
    if (member.joining === null) continue;
    group.leaderId = member.memberId;
    return true;
  }
  return false;
}

/** Written down, so that a restart does not bring back members that have left. */
function becomeEmpty(partition: GroupPartition, group: Group): void {
  group.state = GroupState.EMPTY;
  group.protocol = null;
  group.leaderId = null;
  group.subscribedTopics = subscribedTopicsOf(group);
  group.stateTimestampMs = partition.wallMs;
  // If the log refuses, a restart does bring them back, and their sessions end again.
  void partition.write(group, [groupRecord(group, () => NO_BYTES, group.stateTimestampMs)]);
}

/** Members that joined and never asked for their assignment are gone. */
export function onSyncDeadline(partition: GroupPartition, group: Group): void {
  if (group.state !== GroupState.COMPLETING_REBALANCE && group.state !== GroupState.STABLE) return;
  if (group.pendingSync.size === 0) return;
  for (const memberId of group.pendingSync) {
    const member = group.members.get(memberId);
    if (member !== undefined) group.removeMember(member);
  }
  prepareRebalance(partition, group);
}

export function onSessionDeadline(partition: GroupPartition, group: Group, member: Member): void {
  // Whoever has a request parked cannot send heartbeats. A new member may have hung up long ago without our noticing,
  // so it is not kept for ever.
  if (!member.isNew && (member.joining !== null || member.syncing !== null)) {
    renewSession(partition, member);
    return;
  }
  dropMember(partition, group, member);
}

export function onPendingDeadline(partition: GroupPartition, group: Group, memberId: string): void {
  group.removePending(memberId);
  maybeCompleteJoin(partition, group);
}

/** Takes a member out; the others share what it had. */
export function dropMember(partition: GroupPartition, group: Group, member: Member): void {
  refuseParked(member, ErrorCode.UNKNOWN_MEMBER_ID);
  group.removeMember(member);
  if (group.state === GroupState.STABLE || group.state === GroupState.COMPLETING_REBALANCE) prepareRebalance(partition, group);
  else maybeCompleteJoin(partition, group);
}
