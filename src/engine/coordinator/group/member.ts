// Member: one consumer of a group, what it wants, what it has, and the requests it has parked.
// Owner: the shard that leads the group's partition. State only. Not hot.

import type { JoinGroupAnswer, SyncGroupAnswer } from '../group-coordinator.ts';
import type { Deadline } from './deadline.ts';

export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface MemberFacts {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** In order of preference. */
  readonly protocols: readonly MemberProtocol[];
}

export const NO_BYTES = new Uint8Array(0);

export class Member {
  memberId: string;
  readonly groupInstanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly MemberProtocol[];
  assignment: Uint8Array = NO_BYTES;
  /** Has never been answered a join: it cannot know its id, so nobody hears from it while it waits. */
  isNew = false;
  /** Answers the parked JoinGroup. */
  joining: ((answer: JoinGroupAnswer) => void) | null = null;
  /** Answers the parked SyncGroup. */
  syncing: ((answer: SyncGroupAnswer) => void) | null = null;
  readonly session: Deadline;

  constructor(facts: MemberFacts, session: Deadline) {
    this.memberId = facts.memberId;
    this.groupInstanceId = facts.groupInstanceId;
    this.clientId = facts.clientId;
    this.clientHost = facts.clientHost;
    this.sessionTimeoutMs = facts.sessionTimeoutMs;
    this.rebalanceTimeoutMs = facts.rebalanceTimeoutMs;
    this.protocols = facts.protocols;
    this.session = session;
  }
}

/** What the member says under this protocol; nothing when it does not speak it. */
export function metadataFor(member: Member, protocol: string | null): Uint8Array {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? NO_BYTES;
}

/** Whether both lists hold the same protocols with the same metadata in the same order. */
export function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  return a.length === b.length && a.every(({ name, metadata }, i) => name === b[i]!.name && Buffer.compare(metadata, b[i]!.metadata) === 0);
}
