// Who may speak for a member: the checks that SyncGroup, Heartbeat, OffsetCommit and LeaveGroup share. Owner: pure.

import { ErrorCode } from '../../base/error-code.ts';
import type { Group } from './group.ts';

/** An instance has one member id at a time; whoever comes with an older one has been replaced and must stop. */
export function memberProblem(group: Group, memberId: string, groupInstanceId: string | null): number {
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId);
    if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
    if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
  }
  return group.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
}

/** As memberProblem, and the member must be in the current generation. */
export function generationProblem(group: Group, memberId: string, groupInstanceId: string | null, generationId: number): number {
  const problem = memberProblem(group, memberId, groupInstanceId);
  if (problem !== ErrorCode.NONE) return problem;
  return generationId === group.generation ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION;
}
