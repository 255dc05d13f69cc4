// Answers to JoinGroup and SyncGroup, parked or not. Owner: the shard that leads the group's partition. Not hot.
//
// Each parked request is answered exactly once: by a new one that takes its place, by the rebalance, or by whatever ends
// the member or the group.

import { ErrorCode } from '../../base/error-code.ts';
import type { JoinGroupAnswer, SyncGroupAnswer } from '../group-coordinator.ts';
import type { Group } from './group.ts';
import { type Member, metadataFor, NO_BYTES } from './member.ts';

export function joinFailed(memberId: string, errorCode: number): JoinGroupAnswer {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  };
}

export function syncFailed(errorCode: number): SyncGroupAnswer {
  return { errorCode, protocolType: null, protocolName: null, assignment: NO_BYTES };
}

/** The current generation as a member sees it. */
export function joinSucceeded(group: Group, memberId: string, withMembers: boolean): JoinGroupAnswer {
  return {
    errorCode: ErrorCode.NONE,
    generationId: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocol,
    leader: group.leaderId ?? '',
    skipAssignment: false,
    memberId,
    members: withMembers ? membersFor(group) : [],
  };
}

function membersFor(group: Group): JoinGroupAnswer['members'] {
  return [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataFor(member, group.protocol),
  }));
}

export function syncSucceeded(group: Group, member: Member): SyncGroupAnswer {
  return { errorCode: ErrorCode.NONE, protocolType: group.protocolType, protocolName: group.protocol, assignment: member.assignment };
}

/** A second JoinGroup of the same member comes from a client that gave up the first. */
export function parkJoin(member: Member): Promise<JoinGroupAnswer> {
  answerJoin(member, joinFailed(member.memberId, ErrorCode.REBALANCE_IN_PROGRESS));
  return new Promise((resolve) => {
    member.joining = resolve;
  });
}

export function parkSync(member: Member): Promise<SyncGroupAnswer> {
  answerSync(member, syncFailed(ErrorCode.REBALANCE_IN_PROGRESS));
  return new Promise((resolve) => {
    member.syncing = resolve;
  });
}

export function answerJoin(member: Member, answer: JoinGroupAnswer): void {
  const { joining } = member;
  member.joining = null;
  joining?.(answer);
}

export function answerSync(member: Member, answer: SyncGroupAnswer): void {
  const { syncing } = member;
  member.syncing = null;
  syncing?.(answer);
}

/** Nothing of this member stays parked. */
export function refuseParked(member: Member, errorCode: number): void {
  answerJoin(member, joinFailed(member.memberId, errorCode));
  answerSync(member, syncFailed(errorCode));
}
