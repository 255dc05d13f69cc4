// GroupPartition: all groups of one partition of `__consumer_offsets`, and what their verbs work with.
// Owner: the shard that leads the partition. State only, apart from making groups and writing for them. Not hot.

import type { CoordinatorRuntime } from '../coordinator-runtime.ts';
import type { CoordinatorRecord } from '../partition-log.ts';
import { Deadline } from './deadline.ts';
import { Group } from './group.ts';
import type { GroupEnvironment } from './group-environment.ts';
import { Member, type MemberFacts } from './member.ts';

/** What happens when a timer of this partition fires; the verbs are bound here because they know this file. */
export interface GroupTimeouts {
  join(partition: GroupPartition, group: Group): void;
  sync(partition: GroupPartition, group: Group): void;
  session(partition: GroupPartition, group: Group, member: Member): void;
  pending(partition: GroupPartition, group: Group, memberId: string): void;
}

export class GroupPartition {
  readonly environment: GroupEnvironment;
  readonly groups = new Map<string, Group>();
  /** False while the log is read: replay then builds groups instead of confirming what they did. */
  live = false;
  private readonly timeouts: GroupTimeouts;
  private readonly runtimeOf: () => CoordinatorRuntime;

  constructor(environment: GroupEnvironment, timeouts: GroupTimeouts, runtimeOf: () => CoordinatorRuntime) {
    this.environment = environment;
    this.timeouts = timeouts;
    this.runtimeOf = runtimeOf;
  }

  get runtime(): CoordinatorRuntime {
    return this.runtimeOf();
  }

  get nowMs(): number {
    return this.environment.clock.nowMs();
  }

  get wallMs(): number {
    return this.environment.clock.wallMs();
  }

  /** An empty group that is not in the table yet. */
  newGroup(groupId: string): Group {
    return new Group(groupId, (group) => ({
      join: this.deadline(() => this.timeouts.join(this, group)),
      sync: this.deadline(() => this.timeouts.sync(this, group)),
    }));
  }

  groupOrNew(groupId: string): Group {
    let group = this.groups.get(groupId);
    if (group === undefined) this.groups.set(groupId, (group = this.newGroup(groupId)));
    return group;
  }

  /** A member that is not in the group yet, its session not begun. */
  newMember(group: Group, facts: MemberFacts): Member {
    const member: Member = new Member(
      facts,
      this.deadline(() => this.timeouts.session(this, group, member)),
    );
    return member;
  }

  pendingDeadline(group: Group, memberId: string): Deadline {
    return this.deadline(() => this.timeouts.pending(this, group, memberId));
  }

  deadline(action: () => void): Deadline {
    return new Deadline(this.environment.wheel, action);
  }

  /** @returns NONE once the records are committed and replayed, else the error for the member */
  async write(group: Group, records: readonly CoordinatorRecord[]): Promise<number> {
    group.writesUnderWay++;
    try {
      return await this.runtime.append(records);
    } finally {
      group.writesUnderWay--;
    }
  }

  /**
   * Resolves when the log has answered everything the group wrote: what is decided about the group's offsets next must
   * not miss a commit whose record already stands before it.
   */
  async quiet(group: Group): Promise<void> {
    while (group.writesUnderWay > 0) await this.runtime.idle();
  }
}
