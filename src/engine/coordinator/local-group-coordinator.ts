// LocalGroupCoordinator: the groups whose partitions of `__consumer_offsets` this shard leads. Owner: the shard's thread.
// Not hot: a group's consumers speak once in seconds.

import { assert } from '../base/assert.ts';
import { ErrorCode } from '../base/error-code.ts';
import { coordinatorPartitionIndex } from './coordinator-partition-index.ts';
import { CoordinatorRuntime } from './coordinator-runtime.ts';
import { commitOffsets, errorsFor } from './group/commit-offsets.ts';
import type { Deadline } from './group/deadline.ts';
import { deleteGroup } from './group/delete-group.ts';
import { deleteOffsets, deleteOffsetsOfTopics } from './group/delete-offsets.ts';
import { describeGroup, listGroups, undescribed } from './group/describe-group.ts';
import { endGroups } from './group/end-groups.ts';
import { expireOffsets } from './group/expire-offsets.ts';
import { fetchOffsets } from './group/fetch-offsets.ts';
import type { Group } from './group/group.ts';
import type { GroupEnvironment } from './group/group-environment.ts';
import { GroupPartition, type GroupTimeouts } from './group/group-partition.ts';
import { heartbeat } from './group/heartbeat.ts';
import { joinGroup } from './group/join-group.ts';
import { leaveGroup } from './group/leave-group.ts';
import { joinFailed, syncFailed } from './group/parked-answers.ts';
import { onJoinDeadline, onPendingDeadline, onSessionDeadline, onSyncDeadline } from './group/rebalance.ts';
import { replayRecord, takeOver } from './group/replay-group.ts';
import { syncGroup } from './group/sync-group.ts';
import type * as Calls from './group-coordinator.ts';
import type { PartitionReader, PartitionWriter } from './partition-log.ts';

const TIMEOUTS: GroupTimeouts = {
  join: onJoinDeadline,
  sync: onSyncDeadline,
  session: onSessionDeadline,
  pending: onPendingDeadline,
};

/** A partition led here. */
interface Led {
  readonly partition: GroupPartition;
  readonly runtime: CoordinatorRuntime;
  /** The next look for expired offsets. */
  readonly expiry: Deadline;
}

export class LocalGroupCoordinator implements Calls.GroupCoordinator {
  private readonly environment: GroupEnvironment;
  private readonly led = new Map<number, Led>();

  constructor(environment: GroupEnvironment) {
    this.environment = environment;
  }

  /**
   * Reads the partition and answers for its groups from then on; until then they are told COORDINATOR_LOAD_IN_PROGRESS.
   * Also resolves when the partition was unloaded meanwhile. @throws what `reader` throws; the partition is not led then
   */
  async loadPartition(index: number, reader: PartitionReader, writer: PartitionWriter): Promise<void> {
    assert(!this.led.has(index), 'a partition is loaded once', index);
    const partition: GroupPartition = new GroupPartition(this.environment, TIMEOUTS, () => runtime);
    const runtime = new CoordinatorRuntime({ replay: (key, value) => replayRecord(partition, key, value) }, writer);
    const expiry = partition.deadline(() => void this.expire(partition, expiry));
    this.led.set(index, { partition, runtime, expiry });
    try {
      await runtime.load(reader);
    } catch (error) {
      if (!runtime.closed) this.unloadPartition(index);
      throw error;
    }
    if (runtime.closed) return;
    takeOver(partition);
    this.armExpiry(partition, expiry);
  }

  /** Its groups are answered NOT_COORDINATOR, those parked too. No effect on a partition that is not led here. */
  unloadPartition(index: number): void {
    const led = this.led.get(index);
    if (led === undefined) return;
    this.led.delete(index);
    led.runtime.closed = true;
    led.expiry.cancel();
    endGroups(led.partition);
  }

  /** For topics that have been deleted. */
  async forgetTopics(topics: readonly string[]): Promise<void> {
    const loaded = [...this.led.values()].filter(({ partition }) => partition.live);
    await Promise.all(loaded.map(({ partition }) => deleteOffsetsOfTopics(partition, topics)));
  }

  async joinGroup(call: Calls.JoinGroupCall): Promise<Calls.JoinGroupAnswer> {
    const found = this.partitionOfMembers(call.groupId);
    return typeof found === 'number' ? joinFailed(call.memberId, found) : joinGroup(found, call);
  }

  async syncGroup(call: Calls.SyncGroupCall): Promise<Calls.SyncGroupAnswer> {
    const found = this.partitionOfMembers(call.groupId);
    return typeof found === 'number' ? syncFailed(found) : syncGroup(found, call);
  }

  async heartbeat(call: Calls.HeartbeatCall): Promise<Calls.HeartbeatAnswer> {
    const found = this.partitionOfMembers(call.groupId);
    return typeof found === 'number' ? { errorCode: found } : heartbeat(found, call);
  }

  async leaveGroup(call: Calls.LeaveGroupCall): Promise<Calls.LeaveGroupAnswer> {
    const found = this.partitionOfMembers(call.groupId);
    return typeof found === 'number' ? { errorCode: found, members: [] } : leaveGroup(found, call);
  }

  async commitOffsets(call: Calls.CommitOffsetsCall): Promise<Calls.PartitionErrors> {
    const found = this.partitionOf(call.groupId);
    return typeof found === 'number' ? errorsFor(call, () => found) : commitOffsets(found, call);
  }

  async fetchOffsets(call: Calls.FetchOffsetsCall): Promise<Calls.FetchOffsetsAnswer> {
    const found = this.partitionOf(call.groupId);
    return typeof found === 'number' ? { errorCode: found, topics: [] } : fetchOffsets(found, call);
  }

  async deleteOffsets(call: Calls.DeleteOffsetsCall): Promise<Calls.DeleteOffsetsAnswer> {
    const found = this.partitionOfMembers(call.groupId);
    return typeof found === 'number' ? { errorCode: found, topics: [] } : deleteOffsets(found, call);
  }

  async listGroups(call: Calls.ListGroupsCall): Promise<Calls.ListGroupsAnswer> {
    const partitions = [...this.led.values()].map(({ partition }) => partition);
    // A list with groups missing would look complete.
    if (partitions.some(({ live }) => !live)) return { errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, groups: [] };
    return { errorCode: ErrorCode.NONE, groups: listGroups(partitions, call) };
  }

  async describeGroup(call: Calls.DescribeGroupCall): Promise<Calls.DescribeGroupAnswer> {
    const found = this.partitionOf(call.groupId);
    return typeof found === 'number' ? undescribed(found) : describeGroup(found, call);
  }

  async deleteGroup(call: Calls.DeleteGroupCall): Promise<Calls.DeleteGroupAnswer> {
    const found = this.partitionOf(call.groupId);
    return typeof found === 'number' ? { errorCode: found } : deleteGroup(found, call);
  }

  /** Offsets can be committed in the name '', from before groups had to have one; it has no members. */
  private partitionOfMembers(groupId: string): GroupPartition | number {
    return groupId === '' ? ErrorCode.INVALID_GROUP_ID : this.partitionOf(groupId);
  }

  /** Every group led here that is loaded. */
  visitGroups(visit: (group: Group) => void): void {
    for (const { partition } of this.led.values()) if (partition.live) for (const group of partition.groups.values()) visit(group);
  }

  /** The partition, or why it cannot be asked here and now. */
  private partitionOf(groupId: string): GroupPartition | number {
    const count = this.environment.partitionCount();
    if (count === 0) return ErrorCode.NOT_COORDINATOR;
    const led = this.led.get(coordinatorPartitionIndex(groupId, count));
    if (led === undefined) return ErrorCode.NOT_COORDINATOR;
    return led.partition.live ? led.partition : ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  }

  private async expire(partition: GroupPartition, expiry: Deadline): Promise<void> {
    await expireOffsets(partition);
    if (!partition.runtime.closed) this.armExpiry(partition, expiry);
  }

  private armExpiry(partition: GroupPartition, expiry: Deadline): void {
    expiry.arm(partition.nowMs + this.environment.config['offsets.retention.check.interval.ms']);
  }
}
