// Offsets that nobody has used for offsets.retention.minutes go, and groups that are empty and without offsets with them.
// Owner: the shard that leads the group's partition. Not hot: a look every offsets.retention.check.interval.ms.

import type { CoordinatorRecord } from '../partition-log.ts';
import { type CommittedOffset, type Group, GroupState } from './group.ts';
import type { GroupPartition } from './group-partition.ts';
import { CONSUMER_PROTOCOL_TYPE } from './group-protocol.ts';
import { groupTombstone, offsetTombstone } from './group-records.ts';

/** Keeps the batch far below any max.message.bytes: a key can take 32 KiB, yet is some tens of bytes. */
const TOMBSTONES_PER_WRITE = 500;

export async function expireOffsets(partition: GroupPartition): Promise<void> {
  const ids = [...partition.groups.keys()];
  for (const id of ids) {
    const group = partition.groups.get(id);
    if (partition.runtime.closed) return;
    // A commit under way stands in the log before any tombstone written now, which would undo it; next time, then.
    if (group === undefined || group.writesUnderWay > 0) continue;
    const records = expiredIn(partition, group);
    const size = records.length;
    if (group.state === GroupState.EMPTY && group.pendingMembers.size === 0 && size === offsetsIn(group)) {
      if (group.persisted) records.push(groupTombstone(id));
      else if (size === 0) partition.groups.delete(id);
    }
    for (let at = 0; at < records.length; at += TOMBSTONES_PER_WRITE) {
      void partition.write(group, records.slice(at, at + TOMBSTONES_PER_WRITE));
    }
    await partition.runtime.idle();
  }
}

function offsetsIn(group: Group): number {
  let count = 0;
  for (const partitions of group.offsets.values()) count += partitions.size;
  return count;
}

function expiredIn(partition: GroupPartition, group: Group): CoordinatorRecord[] {
  const records: CoordinatorRecord[] = [];
  const retentionMs = partition.environment.config['offsets.retention.minutes'] * 60_000;
  const { wallMs } = partition;
  for (const [topic, partitions] of group.offsets) {
    for (const [index, offset] of partitions) {
      const sinceMs = unusedSince(group, topic, offset);
      if (sinceMs === null) continue;
      const dueMs = offset.expireTimestampMs >= 0 ? offset.expireTimestampMs : sinceMs + retentionMs;
      if (wallMs >= dueMs) records.push(offsetTombstone(group.id, topic, index));
    }
  }
  return records;
}

/** Null while the offset is in use. */
function unusedSince(group: Group, topic: string, { commitTimestampMs }: CommittedOffset): number | null {
  // Nobody ever was a member: each commit stands for itself.
  if (group.protocolType === null) return commitTimestampMs;
  if (group.state === GroupState.EMPTY)
    return group.stateTimestampMs < 0 ? commitTimestampMs : Math.max(group.stateTimestampMs, commitTimestampMs);
  // Members that no longer subscribe to the topic.
  const subscribed = group.protocolType === CONSUMER_PROTOCOL_TYPE && group.state === GroupState.STABLE ? group.subscribedTopics : null;
  return subscribed === null || subscribed.has(topic) ? null : commitTimestampMs;
}
