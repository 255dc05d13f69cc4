// Group: the state of one classic group and of the offsets committed in its name.
// Owner: the shard that leads the group's partition. State only; the verbs stand in files of their own. Not hot.
//
// Persisted, thus changed by replay: generation, protocol, leader, members and assignments as of the last SyncGroup, and
// the offsets. The rest, above all a rebalance under way, lives in memory; after a restart members find their generation
// as it was last written and join again if it was not.

import type { Deadline } from './deadline.ts';
import type { Member } from './member.ts';

/** Kafka's names, as ListGroups and DescribeGroups show them. */
export const GroupState = {
  EMPTY: 'Empty',
  PREPARING_REBALANCE: 'PreparingRebalance',
  COMPLETING_REBALANCE: 'CompletingRebalance',
  STABLE: 'Stable',
  /** What a group that does not exist is described as. */
  DEAD: 'Dead',
} as const;

export type GroupState = (typeof GroupState)[keyof typeof GroupState];

export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestampMs: number;
  /** -1: by the broker's retention. */
  readonly expireTimestampMs: number;
}

export interface GroupTimers {
  /** Ends the wait for members to join. */
  readonly join: Deadline;
  /** Ends the wait for members to sync. */
  readonly sync: Deadline;
}

/** The first rebalance of a group waits for stragglers. */
export interface InitialDelay {
  /** Of the rebalance timeout, beyond the wait that is armed. */
  remainingMs: number;
  /** Somebody came during the wait that is armed. */
  joined: boolean;
}

export class Group {
  readonly id: string;
  state: GroupState = GroupState.EMPTY;
  /** Wall-clock time of the last change of state that was written; -1 when unknown. */
  stateTimestampMs = -1;
  /** 0 until the first rebalance. */
  generation = 0;
  /** Null for a group that only commits offsets. */
  protocolType: string | null = null;
  protocol: string | null = null;
  leaderId: string | null = null;
  /** In the order they came. */
  readonly members = new Map<string, Member>();
  /** Member id by instance id. */
  readonly staticMembers = new Map<string, string>();
  /** Ids given out to members that have not come back with them yet. */
  readonly pendingMembers = new Map<string, Deadline>();
  /** Members that have not synced in this generation. */
  readonly pendingSync = new Set<string>();
  readonly timers: GroupTimers;
  initialDelay: InitialDelay | null = null;
  /** The leader's assignment is on its way into the log. */
  assigning = false;
  /** Topics the members subscribe to; null when that cannot be told. */
  subscribedTopics: ReadonlySet<string> | null = null;
  /** By topic, then partition. */
  readonly offsets = new Map<string, Map<number, CommittedOffset>>();
  /** The log holds a record of this group. */
  persisted = false;
  /** Records of this group that the log has not answered yet. */
  writesUnderWay = 0;

  constructor(id: string, timersOf: (group: Group) => GroupTimers) {
    this.id = id;
    this.timers = timersOf(this);
  }

  offset(topic: string, partition: number): CommittedOffset | undefined {
    return this.offsets.get(topic)?.get(partition);
  }

  setOffset(topic: string, partition: number, offset: CommittedOffset): void {
    let partitions = this.offsets.get(topic);
    if (partitions === undefined) this.offsets.set(topic, (partitions = new Map()));
    partitions.set(partition, offset);
  }

  deleteOffset(topic: string, partition: number): void {
    const partitions = this.offsets.get(topic);
    if (partitions === undefined) return;
    partitions.delete(partition);
    if (partitions.size === 0) this.offsets.delete(topic);
  }

  /** The longest any member may take to join or to sync. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  get everyoneHasJoined(): boolean {
    if (this.pendingMembers.size > 0) return false;
    for (const member of this.members.values()) if (member.joining === null) return false;
    return true;
  }

  addMember(member: Member): void {
    this.members.set(member.memberId, member);
    if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId);
    this.leaderId ??= member.memberId;
  }

  /** The next in line leads when the leader goes. */
  removeMember(member: Member): void {
    const { memberId, groupInstanceId } = member;
    member.session.cancel();
    this.members.delete(memberId);
    this.pendingSync.delete(memberId);
    if (groupInstanceId !== null && this.staticMembers.get(groupInstanceId) === memberId) this.staticMembers.delete(groupInstanceId);
    if (this.leaderId !== memberId) return;
    const next = this.members.keys().next();
    this.leaderId = next.done === true ? null : next.value;
  }

  removePending(memberId: string): void {
    this.pendingMembers.get(memberId)?.cancel();
    this.pendingMembers.delete(memberId);
  }
}
