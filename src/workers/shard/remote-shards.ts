// Produce and Fetch for partitions of other shards (`ringlog.listeners=single`): what this shard asks of others.
// forwarded-requests.ts is the other end. Owner: the shard's thread. Hot: messages are flyweights, and what is in flight
// is kept in objects that its numbers own; nothing is allocated per request in steady state.
//
// A full ring is back-pressure: what cannot be claimed waits in line for room, in order, and the connections it came from
// are bounded by their own lines. Only there a message costs a copy of what it says.

import { assert } from '../../engine/base/assert.ts';
import { ErrorCode } from '../../engine/base/error-code.ts';
import { TicketTable } from '../../engine/base/ticket-table.ts';
import type { FetchTarget } from '../../engine/broker/fetch-target.ts';
import type { ProduceOperation } from '../../engine/broker/produce-operation.ts';
import type { PlanWaiter, RemotePartitions } from '../../engine/broker/remote-partitions.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { stampLogAppendTime } from '../../engine/log/log-append.ts';
import type { TopicEntry } from '../../engine/partition/topic-table.ts';
import { BatchFacts } from '../../engine/record/batch-facts.ts';
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

class OpenAppend {
  operation: ProduceOperation | null = null;
  entry = 0;
  block = 0;
}

class OpenQuestion {
  /** Null when the waiter lost interest: the answer's lease is given back at once. */
  waiter: PlanWaiter | null = null;
  target: FetchTarget | null = null;
  shard = 0;
}

class OpenLease {
  shard = 0;
  lease = 0;
}

/** What FETCH_PLAN_REQUEST says. An object, as a float handed to a function is a heap number on the hot path. */
class PlanAsk {
  idBytes: Uint8Array = new Uint8Array(0);
  partition = 0;
  fetchOffset = 0;
  leaderEpoch = -1;
  maxBytes = 0;
  readCommitted = false;
  wholeFirstBatch = false;
  beyondBytes = -1;
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
  private readonly appends = new TicketTable(() => new OpenAppend());
  private readonly questions = new TicketTable(() => new OpenQuestion());
  private readonly leases = new TicketTable(() => new OpenLease());
  private readonly ask = new PlanAsk();

  constructor(broker: ShardBroker, blocks: BlockHolder, mail: Mail) {
    this.broker = broker;
    this.blocks = blocks;
    this.mail = mail;
  }

  append(operation: ProduceOperation, entry: number, topic: TopicEntry, partition: number, facts: BatchFacts, block: number): void {
    const { arena, view } = this.broker.ring;
    if (topic.logAppendTime) stampLogAppendTime(arena, view, facts.arenaOffset, facts);
    this.blocks.retain(block);
    const ticket = this.appends.take();
    const open = this.appends.at(ticket);
    open.operation = operation;
    open.entry = entry;
    open.block = block;
    const { acks } = operation;
    const mailbox = this.mail.to(topic.shards[partition]!);
    const at = this.mail.claim(mailbox, MessageKind.FORWARD_APPEND, ticket, ForwardAppendPayload.BYTES);
    if (at >= 0) {
      writeAppend(mailbox.outbound, at, topic, partition, acks, facts);
      return;
    }
    const kept = new BatchFacts();
    kept.copy(facts);
    this.mail.defer(mailbox, MessageKind.FORWARD_APPEND, ticket, ForwardAppendPayload.BYTES, (outbound, slot) =>
      writeAppend(outbound, slot, topic, partition, acks, kept),
    );
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
    const question = this.questions.take();
    const open = this.questions.at(question);
    open.waiter = waiter;
    open.target = target;
    open.shard = shard;
    target.awaited = true;
    target.question = question;
    if (beyondBytes < 0) {
      if (target.remoteLease >= 0) this.giveBack(target);
      target.plannedBytes = 0;
      target.plan.length = 0;
      target.error = ErrorCode.NONE;
    }
    const { ask } = this;
    ask.idBytes = topic.idBytes;
    ask.partition = target.partitionIndex;
    ask.fetchOffset = target.fetchOffset;
    ask.leaderEpoch = target.currentLeaderEpoch;
    ask.maxBytes = maxBytes;
    ask.readCommitted = readCommitted;
    ask.wholeFirstBatch = wholeFirstBatch;
    ask.beyondBytes = beyondBytes;
    this.sendAsk(this.mail.to(shard), question);
  }

  private sendAsk(mailbox: Mailbox, question: number): void {
    const { ask, mail } = this;
    const at = mail.claim(mailbox, MessageKind.FETCH_PLAN_REQUEST, question, FetchPlanRequestPayload.BYTES);
    if (at >= 0) {
      writeAsk(mailbox.outbound, at, ask);
      return;
    }
    const kept = { ...ask };
    mail.defer(mailbox, MessageKind.FETCH_PLAN_REQUEST, question, FetchPlanRequestPayload.BYTES, (outbound, slot) =>
      writeAsk(outbound, slot, kept),
    );
  }

  forget(target: FetchTarget): void {
    const question = this.questions.at(target.question);
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
    const { operation, entry, block } = this.appends.give(words[at + SlotField.TICKET]!);
    this.blocks.release(block);
    operation!.onRemoteAppended(
      entry,
      words[at + AppendResult.ERROR_CODE]!,
      f64[(at >> 1) + AppendResult.BASE_OFFSET_F64]!,
      f64[(at >> 1) + AppendResult.LOG_APPEND_TIME_F64]!,
      f64[(at >> 1) + AppendResult.LOG_START_OFFSET_F64]!,
    );
  }

  onPlan(mailbox: Mailbox, at: number): void {
    const { words, f64 } = mailbox.inbound;
    const { target, waiter, shard } = this.questions.give(words[at + SlotField.TICKET]!);
    const lease = words[at + FetchPlan.LEASE]!;
    const own = lease >= 0 ? this.hold(shard, lease) : -1;
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
    const ticket = this.leases.take();
    const held = this.leases.at(ticket);
    held.shard = shard;
    held.lease = lease;
    return ticket;
  }

  private release(ticket: number): void {
    const { shard, lease } = this.leases.give(ticket);
    const mailbox = this.mail.to(shard);
    const at = this.mail.claim(mailbox, MessageKind.RELEASE_LEASE, 0, 0);
    if (at >= 0) mailbox.outbound.words[at + ReleaseLease.LEASE] = lease;
    else this.mail.defer(mailbox, MessageKind.RELEASE_LEASE, 0, 0, ({ words }, slot) => void (words[slot + ReleaseLease.LEASE] = lease));
  }
}

function writeAppend(
  { words, f64, bytes, payloadOffset }: Mailbox['outbound'],
  at: number,
  topic: TopicEntry,
  partition: number,
  acks: number,
  facts: Readonly<BatchFacts>,
): void {
  words[at + ForwardAppend.PARTITION] = partition;
  words[at + ForwardAppend.LENGTH] = facts.lengthBytes;
  words[at + ForwardAppend.ATTRIBUTES] = facts.attributes;
  words[at + ForwardAppend.LAST_OFFSET_DELTA] = facts.lastOffsetDelta;
  words[at + ForwardAppend.RECORD_COUNT] = facts.recordCount;
  words[at + ForwardAppend.PRODUCER_EPOCH] = facts.producerEpoch;
  words[at + ForwardAppend.BASE_SEQUENCE] = facts.baseSequence;
  words[at + ForwardAppend.ACKS] = acks;
  words[at + ForwardAppend.FLAGS] = 0;
  f64[(at >> 1) + ForwardAppend.ADDRESS_F64] = facts.address;
  const payload = payloadOffset >> 3;
  f64[payload + ForwardAppendPayload.BASE_TIMESTAMP_F64] = facts.baseTimestamp;
  f64[payload + ForwardAppendPayload.MAX_TIMESTAMP_F64] = facts.maxTimestamp;
  f64[payload + ForwardAppendPayload.PRODUCER_ID_F64] = facts.producerId;
  bytes.set(topic.idBytes, payloadOffset + ForwardAppendPayload.TOPIC_ID);
}

function writeAsk({ words, f64, bytes, payloadOffset }: Mailbox['outbound'], at: number, ask: Readonly<PlanAsk>): void {
  words[at + FetchPlanRequest.PARTITION] = ask.partition;
  words[at + FetchPlanRequest.MAX_BYTES] = ask.maxBytes;
  words[at + FetchPlanRequest.CURRENT_LEADER_EPOCH] = ask.leaderEpoch;
  words[at + FetchPlanRequest.LAST_FETCHED_EPOCH] = -1;
  words[at + FetchPlanRequest.ISOLATION_LEVEL] = ask.readCommitted ? 1 : 0;
  words[at + FetchPlanRequest.AT_LEAST_ONE_BATCH] = ask.wholeFirstBatch ? 1 : 0;
  words[at + FetchPlanRequest.BEYOND_BYTES] = ask.beyondBytes;
  f64[(at >> 1) + FetchPlanRequest.FETCH_OFFSET_F64] = ask.fetchOffset;
  bytes.set(ask.idBytes, payloadOffset + FetchPlanRequestPayload.TOPIC_ID);
}
