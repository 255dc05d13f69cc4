// Replay: what records do to groups and offsets, at a start and after each commit alike, and what a group needs when it
// is taken over. Owner: the shard that leads the group's partition. Not hot.

import type { GroupMetadataValue } from '../records/generated/group-metadata.ts';
import { type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { subscribedTopicsOf } from './group-protocol.ts';
import { decodeGroupRecord } from './group-records.ts';
import { prepareRebalance, renewSession } from './rebalance.ts';

export function replayRecord(partition: GroupPartition, keyBytes: Uint8Array, valueBytes: Uint8Array | null): void {
  const record = decodeGroupRecord(keyBytes, valueBytes);
  switch (record.kind) {
    case 'offset': {
      const { key, value } = record;
      // A group that only commits offsets exists from its first commit on.
      if (value !== null) partition.groupOrNew(key.group).setOffset(key.topic, key.partition, value);
      else partition.groups.get(key.group)?.deleteOffset(key.topic, key.partition);
      return;
    }
    case 'group':
      if (record.value === null) forget(partition, record.groupId);
      else if (partition.live) confirm(partition.groupOrNew(record.groupId), record.value);
      else restore(partition, partition.groupOrNew(record.groupId), record.value);
      return;
    default:
  }
}

/** The group itself goes; offsets go by tombstones of their own. */
function forget(partition: GroupPartition, groupId: string): void {
  const group = partition.groups.get(groupId);
  if (group === undefined) return;
  group.persisted = false;
  // Somebody came while the tombstone was on its way: the group that now forms is another one.
  if (partition.live && (group.state !== GroupState.EMPTY || group.pendingMembers.size > 0)) return;
  clearMembers(group);
  group.state = GroupState.EMPTY;
  group.generation = 0;
  group.stateTimestampMs = -1;
  group.protocolType = null;
  group.protocol = null;
  group.subscribedTopics = null;
  if (group.offsets.size === 0) partition.groups.delete(groupId);
}

/** The assignment of the generation at hand is committed. A record the group has moved on from changes nothing. */
function confirm(group: Group, value: GroupMetadataValue): void {
  group.persisted = true;
  if (group.state !== GroupState.COMPLETING_REBALANCE || group.generation !== value.generation) return;
  for (const { memberId, assignment } of value.members) {
    const member = group.members.get(memberId);
    if (member !== undefined) member.assignment = assignment;
  }
  group.state = GroupState.STABLE;
  group.stateTimestampMs = value.currentStateTimestamp;
}

/** The group as it was when this was written. */
function restore(partition: GroupPartition, group: Group, value: GroupMetadataValue): void {
  clearMembers(group);
  for (const found of value.members) {
    const member = partition.newMember(group, {
      memberId: found.memberId,
      groupInstanceId: found.groupInstanceId,
      clientId: found.clientId,
      clientHost: found.clientHost,
      sessionTimeoutMs: found.sessionTimeout,
      rebalanceTimeoutMs: found.rebalanceTimeout < 0 ? found.sessionTimeout : found.rebalanceTimeout,
      // Only the protocol in use was written; the member tells the rest when it joins again.
      protocols: value.protocol === null ? [] : [{ name: value.protocol, metadata: found.subscription }],
    });
    member.assignment = found.assignment;
    group.addMember(member);
  }
  group.persisted = true;
  group.state = group.members.size > 0 ? GroupState.STABLE : GroupState.EMPTY;
  group.stateTimestampMs = value.currentStateTimestamp;
  group.generation = value.generation;
  group.protocolType = value.protocolType === '' ? null : value.protocolType;
  group.protocol = value.protocol;
  if (value.leader !== null && group.members.has(value.leader)) group.leaderId = value.leader;
  group.subscribedTopics = subscribedTopicsOf(group);
}

function clearMembers(group: Group): void {
  group.members.clear();
  group.staticMembers.clear();
  group.leaderId = null;
}

/** Everything is read. Sessions start now: nobody could send heartbeats while nobody answered. */
export function takeOver(partition: GroupPartition): void {
  partition.live = true;
  const sizeMax = partition.environment.config['group.max.size'];
  for (const group of partition.groups.values()) {
    // All its offsets have expired since, and that is all it was.
    if (!group.persisted && group.offsets.size === 0) partition.groups.delete(group.id);
    for (const member of group.members.values()) renewSession(partition, member);
    // The limit was lowered: only the first to come back will stay.
    if (group.members.size > sizeMax) prepareRebalance(partition, group);
  }
}
