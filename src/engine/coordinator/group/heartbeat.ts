// Heartbeat: a member is alive, and learns whether it has to join again. Owner: the shard that leads the group's
// partition. Not hot.

import { ErrorCode } from '../../base/error-code.ts';
import type { HeartbeatAnswer, HeartbeatCall } from '../group-coordinator.ts';
import { GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { generationProblem } from './member-check.ts';
import { renewSession } from './rebalance.ts';

export function heartbeat(partition: GroupPartition, call: HeartbeatCall): HeartbeatAnswer {
  const group = partition.groups.get(call.groupId);
  if (group === undefined) return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID };
  const problem = generationProblem(group, call.memberId, call.groupInstanceId, call.generationId);
  if (problem !== ErrorCode.NONE) return { errorCode: problem };
  renewSession(partition, group.members.get(call.memberId)!);
  // In CompletingRebalance a member beats between its join and its sync; nothing is wrong.
  return { errorCode: group.state === GroupState.PREPARING_REBALANCE ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE };
}
