// A consumer's membership of a group: join, assignment, heartbeats, leave; with the broker's own coordinator, in the
// classic protocol that every Kafka client speaks. Owner: the calling thread. Not hot.
//
// A rebalance takes every partition away (eager). What the consumer has in hand is finished and committed first: the group
// waits for that, no longer than the rebalance time-out.

import { ByteReader } from '../engine/base/byte-reader.ts';
import { ByteWriter } from '../engine/base/byte-writer.ts';
import { ErrorCode } from '../engine/base/error-code.ts';
import type { GroupCoordinator, JoinGroupAnswer } from '../engine/coordinator/group-coordinator.ts';
import {
  consumerProtocolAssignmentSchema,
  consumerProtocolSubscriptionSchema,
} from '../engine/coordinator/records/generated/consumer-protocol.ts';
import { assign, PROTOCOLS } from './assignor.ts';
import { checkCode } from './ringlog-error.ts';
import { askUntilLoaded } from './until-loaded.ts';

const PROTOCOL_TYPE = 'consumer';
const SUBSCRIPTION_VERSION = 1;
const ASSIGNMENT_VERSION = 0;

export interface MemberTerms {
  readonly groups: GroupCoordinator;
  readonly groupId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  partitionsOf(topic: string): number;
  /** The member reads these from now on. */
  assigned(partitions: ReadonlyMap<string, readonly number[]>): Promise<void>;
  /** Resolves when what it has in hand is finished and committed; it reads nothing any more. */
  revoked(): Promise<void>;
  failed(error: unknown): void;
}

export class GroupMember {
  /** Of the generation it is in; -1 while it is in none. */
  generationId = -1;
  memberId = '';
  private readonly terms: MemberTerms;
  private started = false;
  private closing = false;
  private wake: () => void = () => undefined;

  constructor(terms: MemberTerms) {
    this.terms = terms;
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    this.run().catch((error: unknown) => {
      if (!this.closing) this.terms.failed(error);
    });
  }

  /** The consumer has let go of its partitions: tell the group, so that it need not wait for a time-out. */
  async leave(): Promise<void> {
    this.closing = true;
    this.wake();
    await this.depart();
  }

  /** The broker is gone. */
  lose(): void {
    this.closing = true;
    this.wake();
  }

  private async run(): Promise<void> {
    while (!this.closing) {
      const joined = await this.join();
      if (this.closing) return this.depart();
      if (joined === null) continue;
      const partitions = await this.sync(joined);
      if (partitions === null || this.closing) continue;
      const shape = this.shape();
      await this.terms.assigned(partitions);
      await this.heartbeat(joined.leader === joined.memberId ? shape : null);
      if (!this.closing) await this.terms.revoked();
    }
  }

  /** A static member keeps its place until its session times out. */
  private async depart(): Promise<void> {
    const { groups, groupId, instanceId } = this.terms;
    const { memberId } = this;
    if (memberId === '' || instanceId !== null) return;
    await askUntilLoaded(() => groups.leaveGroup({ groupId, members: [{ memberId, groupInstanceId: null }] }));
  }

  private async join(): Promise<JoinGroupAnswer | null> {
    const { groups, groupId, instanceId, clientId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.terms;
    const w = new ByteWriter(64);
    w.int16(SUBSCRIPTION_VERSION);
    consumerProtocolSubscriptionSchema.encode(w, { topics }, SUBSCRIPTION_VERSION);
    const metadata = w.copy();
    const answer = await askUntilLoaded(() =>
      groups.joinGroup({
        groupId,
        memberId: this.memberId,
        groupInstanceId: instanceId,
        clientId,
        clientHost: 'in-process',
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        protocolType: PROTOCOL_TYPE,
        protocols: PROTOCOLS.map((name) => ({ name, metadata })),
        memberIdRequired: false,
        canSkipAssignment: false,
      }),
    );
    if (answer.errorCode === ErrorCode.UNKNOWN_MEMBER_ID) {
      this.memberId = '';
      return null;
    }
    checkCode(answer.errorCode, `group ${groupId} cannot be joined`);
    this.memberId = answer.memberId;
    this.generationId = answer.generationId;
    return answer;
  }

  /** Null: join again. */
  private async sync(joined: JoinGroupAnswer): Promise<Map<string, number[]> | null> {
    const { groups, groupId, instanceId } = this.terms;
    const { generationId, memberId, protocolName } = joined;
    const answer = await askUntilLoaded(() =>
      groups.syncGroup({
        groupId,
        generationId,
        memberId,
        groupInstanceId: instanceId,
        protocolType: PROTOCOL_TYPE,
        protocolName,
        assignments: joined.leader === memberId ? this.assignments(joined) : [],
      }),
    );
    if (this.mustRejoin(answer.errorCode)) return null;
    checkCode(answer.errorCode, `group ${groupId} gives no assignment`);
    if (answer.assignment.length === 0) return new Map();
    const r = new ByteReader(answer.assignment);
    const { assignedPartitions } = consumerProtocolAssignmentSchema.decode(
      r,
      Math.min(r.int16(), consumerProtocolAssignmentSchema.maxVersion),
    );
    return new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions]));
  }

  private assignments({ members, protocolName }: JoinGroupAnswer) {
    const subscribed = members.map(({ memberId, metadata }) => {
      const r = new ByteReader(metadata);
      const version = Math.min(r.int16(), consumerProtocolSubscriptionSchema.maxVersion);
      return { memberId, topics: consumerProtocolSubscriptionSchema.decode(r, version).topics };
    });
    const assignment = assign(protocolName ?? '', subscribed, (topic) => this.terms.partitionsOf(topic));
    return [...assignment].map(([memberId, topics]) => {
      const w = new ByteWriter(64);
      w.int16(ASSIGNMENT_VERSION);
      const assignedPartitions = [...topics].map(([topic, partitions]) => ({ topic, partitions }));
      consumerProtocolAssignmentSchema.encode(w, { assignedPartitions }, ASSIGNMENT_VERSION);
      return { memberId, assignment: w.copy() };
    });
  }

  /** Until the group rebalances. The leader also looks whether topics got more partitions. */
  private async heartbeat(shape: string | null): Promise<void> {
    const { groups, groupId, instanceId, heartbeatMs } = this.terms;
    while (!this.closing) {
      await this.sleep(heartbeatMs);
      if (this.closing) return;
      if (shape !== null && shape !== this.shape()) return;
      const { generationId, memberId } = this;
      const { errorCode } = await askUntilLoaded(() => groups.heartbeat({ groupId, generationId, memberId, groupInstanceId: instanceId }));
      if (this.mustRejoin(errorCode)) return;
      checkCode(errorCode, `heartbeat of group ${groupId}`);
    }
  }

  private mustRejoin(errorCode: number): boolean {
    if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS) return true;
    if (errorCode !== ErrorCode.UNKNOWN_MEMBER_ID && errorCode !== ErrorCode.ILLEGAL_GENERATION) return false;
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.memberId = '';
    this.generationId = -1;
    return true;
  }

  /** Partition counts of what is subscribed to. */
  private shape(): string {
    return this.terms.topics.map((topic) => this.terms.partitionsOf(topic)).join();
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
