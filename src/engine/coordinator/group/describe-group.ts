// DescribeGroups and ListGroups: groups as administrators see them. Owner: the shard that leads the group's partition.

import { ErrorCode } from '../../base/error-code.ts';
import type { DescribeGroupAnswer, DescribeGroupCall, ListGroupsAnswer, ListGroupsCall } from '../group-coordinator.ts';
import { GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { metadataFor } from './member.ts';

/** What ListGroups calls the groups of this coordinator. */
const CLASSIC_TYPE = 'classic';

export function undescribed(errorCode: number, state: string = ''): DescribeGroupAnswer {
  return { errorCode, state, protocolType: '', protocolData: '', members: [] };
}

export function describeGroup(partition: GroupPartition, call: DescribeGroupCall): DescribeGroupAnswer {
  const group = partition.groups.get(call.groupId);
  if (group === undefined) return undescribed(ErrorCode.GROUP_ID_NOT_FOUND, GroupState.DEAD);
  // Before all have synced the members' protocols are on the move.
  const protocol = group.state === GroupState.STABLE ? group.protocol : null;
  return {
    errorCode: ErrorCode.NONE,
    state: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: protocol ?? '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: metadataFor(member, protocol),
      assignment: member.assignment,
    })),
  };
}

export function listGroups(partitions: Iterable<GroupPartition>, call: ListGroupsCall): ListGroupsAnswer['groups'] {
  const states = new Set(call.states.map((state) => state.toLowerCase()));
  const types = new Set(call.types.map((type) => type.toLowerCase()));
  if (types.size > 0 && !types.has(CLASSIC_TYPE)) return [];
  const listed: ListGroupsAnswer['groups'][number][] = [];
  for (const partition of partitions) {
    for (const { id, state, protocolType } of partition.groups.values()) {
      if (states.size > 0 && !states.has(state.toLowerCase())) continue;
      listed.push({ groupId: id, protocolType: protocolType ?? '', state, type: CLASSIC_TYPE });
    }
  }
  return listed;
}
