// The partition is led elsewhere from now on: nobody stays parked and no timer stays armed. Owner: the shard that led it.

import { ErrorCode } from '../../base/error-code.ts';
import type { GroupPartition } from './group-partition.ts';
import { refuseParked } from './parked-answers.ts';

export function endGroups(partition: GroupPartition): void {
  for (const group of partition.groups.values()) {
    group.timers.join.cancel();
    group.timers.sync.cancel();
    for (const deadline of group.pendingMembers.values()) deadline.cancel();
    for (const member of group.members.values()) {
      member.session.cancel();
      refuseParked(member, ErrorCode.NOT_COORDINATOR);
    }
  }
  partition.groups.clear();
}
