// Produce and Fetch for partitions of other shards (`ringlog.listeners=single`): what this shard asks of others.
// forwarded-requests.ts is the other end. Owner: the shard's thread. Messages are flyweights; a forwarded request costs a
// few small objects, which the per-shard listeners, the default, never pay.
//
// A full ring is back-pressure: what cannot be claimed waits in line for room, in order, and the connections it came from
// are bounded by their own lines.

import { assert } from '../../engine/base/assert.ts';
import { ErrorCode } from '../../engine/base/error-code.ts';
import type { FetchTarget } from '../../engine/broker/fetch-target.ts';
import type { ProduceOperation } from '../../engine/broker/produce-operation.ts';
import type { PlanWaiter, RemotePartitions } from '../../engine/broker/remote-partitions.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { stampLogAppendTime } from '../../engine/log/log-append.ts';
import type { TopicEntry } from '../../engine/partition/topic-table.ts';
import type { BatchFacts } from '../../engine/record/batch-facts.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import {
  AppendResult,
  FetchPlan,
  FetchPlanRequest,
  FetchPlanRequestPayload,
  ForwardAppend,
  ForwardAppendPayload,
  MessageKind,
  ReleaseLease,
} from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import type { Mail } from './mail.ts';

/** Tickets of SEND_FILE from here on are leases of other shards; the shard's own are small. */
const REMOTE_LEASE_BASE = 0x4000_0000;

interface OpenAppend {
  operation: ProduceOperation;
  entry: number;
  block: number;
}

interface OpenQuestion {
  /** Null when the waiter lost interest: the answer's lease is given back at once. */
  waiter: PlanWaiter | null;
  target: FetchTarget | null;
  shard: number;
}

interface OpenLease {
  shard: number;
  lease: number;
}

/** What holds a frame's block beyond its tick. */
export interface BlockHolder {
  retain(block: number): void;
  release(block: number): void;
}

export class RemoteShards implements RemotePartitions {
  private readonly broker: ShardBroker;
  private readonly blocks: BlockHolder;
  private readonly mail: Mail;
  private readonly appends: (OpenAppend | null)[] = [];
  private readonly freeAppends: number[] = [];
  private readonly questions: (OpenQuestion | null)[] = [];
  private readonly freeQuestions: number[] = [];
  private readonly leases: (OpenLease | null)[] = [];
  private readonly freeLeases: number[] = [];

  constructor(broker: ShardBroker, blocks: BlockHolder, mail: Mail) {
    this.broker = broker;
    this.blocks = blocks;
    this.mail = mail;
  }

  append(operation: ProduceOperation, entry: number, topic: TopicEntry, partition: number, facts: BatchFacts, block: number): void {
    const { arena, view } = this.broker.ring;
    if (topic.logAppendTime) stampLogAppendTime(arena, view, facts.arenaOffset, facts);
    this.blocks.retain(block);
    const ticket = this.freeAppends.pop() ?? this.appends.length;
    this.appends[ticket] = { operation, entry, block };
    const { acks } = operation;
    const shard = topic.shards[partition]!;
    const {
      address,
      lengthBytes,
      attributes,
      lastOffsetDelta,
      recordCount,
      producerId,
      producerEpoch,
      baseSequence,
      baseTimestamp,
      maxTimestamp,
    } = facts;
    this.mail.send(shard, MessageKind.FORWARD_APPEND, ticket, ForwardAppendPayload.BYTES, ({ words, f64, bytes, payloadOffset }, at) => {
      words[at + ForwardAppend.PARTITION] = partition;
      words[at + ForwardAppend.LENGTH] = lengthBytes;
      words[at + ForwardAppend.ATTRIBUTES] = attributes;
      words[at + ForwardAppend.LAST_OFFSET_DELTA] = lastOffsetDelta;
      words[at + ForwardAppend.RECORD_COUNT] = recordCount;
      words[at + ForwardAppend.PRODUCER_EPOCH] = producerEpoch;
      words[at + ForwardAppend.BASE_SEQUENCE] = baseSequence;
      words[at + ForwardAppend.ACKS] = acks;
      words[at + ForwardAppend.FLAGS] = 0;
      f64[(at >> 1) + ForwardAppend.ADDRESS_F64] = address;
      const payload = payloadOffset >> 3;
      f64[payload + ForwardAppendPayload.BASE_TIMESTAMP_F64] = baseTimestamp;
      f64[payload + ForwardAppendPayload.MAX_TIMESTAMP_F64] = maxTimestamp;
      f64[payload + ForwardAppendPayload.PRODUCER_ID_F64] = producerId;
      bytes.set(topic.idBytes, payloadOffset + ForwardAppendPayload.TOPIC_ID);
    });
  }

  plan(
    waiter: PlanWaiter,
    target: FetchTarget,
    topic: TopicEntry,
    maxBytes: number,
    readCommitted: boolean,
    wholeFirstBatch: boolean,
    beyondBytes: number,
  ): void {
    assert(!target.awaited, 'a target is asked for once at a time');
    const shard = topic.shards[target.partitionIndex]!;
    const question = this.freeQuestions.pop() ?? this.questions.length;
    this.questions[question] = { waiter, target, shard };
    target.awaited = true;
    target.question = question;
    if (beyondBytes < 0) {
      if (target.remoteLease >= 0) this.giveBack(target);
      target.plannedBytes = 0;
      target.plan.length = 0;
      target.error = ErrorCode.NONE;
    }
    const { partitionIndex, fetchOffset, currentLeaderEpoch } = target;
    this.mail.send(
      shard,
      MessageKind.FETCH_PLAN_REQUEST,
      question,
      FetchPlanRequestPayload.BYTES,
      ({ words, f64, bytes, payloadOffset }, at) => {
        words[at + FetchPlanRequest.PARTITION] = partitionIndex;
        words[at + FetchPlanRequest.MAX_BYTES] = maxBytes;
        words[at + FetchPlanRequest.CURRENT_LEADER_EPOCH] = currentLeaderEpoch;
        words[at + FetchPlanRequest.LAST_FETCHED_EPOCH] = -1;
        words[at + FetchPlanRequest.ISOLATION_LEVEL] = readCommitted ? 1 : 0;
        words[at + FetchPlanRequest.AT_LEAST_ONE_BATCH] = wholeFirstBatch ? 1 : 0;
        words[at + FetchPlanRequest.BEYOND_BYTES] = beyondBytes;
        f64[(at >> 1) + FetchPlanRequest.FETCH_OFFSET_F64] = fetchOffset;
        bytes.set(topic.idBytes, payloadOffset + FetchPlanRequestPayload.TOPIC_ID);
      },
    );
  }

  forget(target: FetchTarget): void {
    const question = this.questions[target.question]!;
    question.waiter = null;
    question.target = null;
    this.mail.send(question.shard, MessageKind.UNWATCH, target.question, 0, null);
    target.awaited = false;
    target.question = -1;
  }

  lease(target: FetchTarget): number {
    const ticket = target.remoteLease;
    target.remoteLease = -1;
    return REMOTE_LEASE_BASE | ticket;
  }

  giveBack(target: FetchTarget): void {
    this.release(target.remoteLease);
    target.remoteLease = -1;
  }

  onSent(ticket: number): boolean {
    if (ticket < REMOTE_LEASE_BASE) return false;
    this.release(ticket & ~REMOTE_LEASE_BASE);
    return true;
  }

  onAppendResult(mailbox: Mailbox, at: number): void {
    const { words, f64 } = mailbox.inbound;
    const ticket = words[at + SlotField.TICKET]!;
    const open = this.appends[ticket];
    assert(open != null, 'an answer names an append in flight', ticket);
    this.appends[ticket] = null;
    this.freeAppends.push(ticket);
    this.blocks.release(open.block);
    open.operation.onRemoteAppended(
      open.entry,
      words[at + AppendResult.ERROR_CODE]!,
      f64[(at >> 1) + AppendResult.BASE_OFFSET_F64]!,
      f64[(at >> 1) + AppendResult.LOG_APPEND_TIME_F64]!,
      f64[(at >> 1) + AppendResult.LOG_START_OFFSET_F64]!,
    );
  }

  onPlan(mailbox: Mailbox, at: number): void {
    const { words, f64 } = mailbox.inbound;
    const question = words[at + SlotField.TICKET]!;
    const open = this.questions[question];
    assert(open != null, 'an answer names an open question', question);
    this.questions[question] = null;
    this.freeQuestions.push(question);
    const lease = words[at + FetchPlan.LEASE]!;
    const own = lease >= 0 ? this.hold(open.shard, lease) : -1;
    const { target, waiter } = open;
    if (target === null || waiter === null) {
      if (own >= 0) this.release(own);
      return;
    }
    target.awaited = false;
    target.question = -1;
    if (target.remoteLease >= 0) this.giveBack(target);
    target.remoteLease = own;
    target.error = words[at + FetchPlan.ERROR_CODE]!;
    target.plan.fd = words[at + FetchPlan.FD]!;
    target.plan.position = f64[(at >> 1) + FetchPlan.POSITION_F64]!;
    target.plan.length = words[at + FetchPlan.LENGTH]!;
    target.plan.arenaOffset = -1;
    target.highWatermark = f64[(at >> 1) + FetchPlan.HIGH_WATERMARK_F64]!;
    target.lastStableOffset = f64[(at >> 1) + FetchPlan.LAST_STABLE_OFFSET_F64]!;
    target.logStartOffset = f64[(at >> 1) + FetchPlan.LOG_START_OFFSET_F64]!;
    waiter.onRemotePlan(target);
  }

  private hold(shard: number, lease: number): number {
    const ticket = this.freeLeases.pop() ?? this.leases.length;
    this.leases[ticket] = { shard, lease };
    return ticket;
  }

  private release(ticket: number): void {
    const held = this.leases[ticket];
    assert(held != null, 'a lease is given back once', ticket);
    this.leases[ticket] = null;
    this.freeLeases.push(ticket);
    const { shard, lease } = held;
    this.mail.send(shard, MessageKind.RELEASE_LEASE, 0, 0, ({ words }, at) => {
      words[at + ReleaseLease.LEASE] = lease;
    });
  }
}
