// Reads that other shards answer from files of this one: a plan of numbers for each question, at once or when there is
// something to read. Owner: the shard's thread.

import { ErrorCode } from '../../engine/base/error-code.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { lease, planRead, ReadPlan, ReadStatus } from '../../engine/log/log-read.ts';
import { highWatermark, lastStableOffset, type Partition } from '../../engine/partition/partition.ts';
import { type Watcher, WatchNode } from '../../engine/partition/watch-list.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { FetchPlan, FetchPlanRequest, FetchPlanRequestPayload, MessageKind } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import { findForwarded } from './forwarded-partition.ts';
import type { Mail } from './mail.ts';

interface Question {
  readonly mailbox: Mailbox;
  readonly ticket: number;
  readonly partition: Partition;
  readonly fetchOffset: number;
  readonly maxBytes: number;
  readonly leaderEpoch: number;
  readonly readCommitted: boolean;
  readonly wholeFirstBatch: boolean;
  /** -1: answered at once. */
  readonly beyondBytes: number;
}

class WaitingQuestion implements Watcher {
  readonly question: Question;
  readonly node = new WatchNode(this);
  private readonly plans: ForwardedPlans;

  constructor(question: Question, plans: ForwardedPlans) {
    this.question = question;
    this.plans = plans;
    question.partition.watchers.link(this.node);
  }

  onPartitionChange(): void {
    this.plans.retry(this);
  }
}

export class ForwardedPlans {
  private readonly broker: ShardBroker;
  private readonly mail: Mail;
  private readonly plan = new ReadPlan();
  /** By asking thread and ticket. */
  private readonly waiting = new Map<string, WaitingQuestion>();

  constructor(broker: ShardBroker, mail: Mail) {
    this.broker = broker;
    this.mail = mail;
  }

  take(mailbox: Mailbox, at: number): void {
    const { words, f64 } = mailbox.inbound;
    const ticket = words[at + SlotField.TICKET]!;
    const payload = words[at + SlotField.PAYLOAD_OFFSET]!;
    const partition = findForwarded(
      this.broker,
      mailbox,
      payload + FetchPlanRequestPayload.TOPIC_ID,
      words[at + FetchPlanRequest.PARTITION]!,
    );
    if (typeof partition === 'number') {
      this.sendError(mailbox, ticket, partition);
      return;
    }
    const question: Question = {
      mailbox,
      ticket,
      partition,
      fetchOffset: f64[(at >> 1) + FetchPlanRequest.FETCH_OFFSET_F64]!,
      maxBytes: words[at + FetchPlanRequest.MAX_BYTES]!,
      leaderEpoch: words[at + FetchPlanRequest.CURRENT_LEADER_EPOCH]!,
      readCommitted: words[at + FetchPlanRequest.ISOLATION_LEVEL] === 1,
      wholeFirstBatch: words[at + FetchPlanRequest.AT_LEAST_ONE_BATCH] === 1,
      beyondBytes: words[at + FetchPlanRequest.BEYOND_BYTES]!,
    };
    if (!this.answer(question, question.beyondBytes >= 0)) this.waiting.set(keyOf(mailbox, ticket), new WaitingQuestion(question, this));
  }

  /** The asker does not want to wait any longer. */
  answerNow(mailbox: Mailbox, ticket: number): void {
    const waiting = this.waiting.get(keyOf(mailbox, ticket));
    // Answered already: the answer crossed the message.
    if (waiting === undefined) return;
    this.end(waiting);
    this.answer(waiting.question, false);
  }

  retry(waiting: WaitingQuestion): void {
    if (this.answer(waiting.question, true)) this.end(waiting);
    else if (waiting.node.list === null) waiting.question.partition.watchers.link(waiting.node);
  }

  private end(waiting: WaitingQuestion): void {
    waiting.node.unlink();
    this.waiting.delete(keyOf(waiting.question.mailbox, waiting.question.ticket));
  }

  /** False: there is nothing new to tell and the question may wait. */
  private answer(question: Question, mayWait: boolean): boolean {
    const { mailbox, ticket, partition } = question;
    const refused = refusalOf(question);
    if (refused !== ErrorCode.NONE) {
      this.sendError(mailbox, ticket, refused);
      return true;
    }
    const limit = question.readCommitted ? lastStableOffset(partition) : highWatermark(partition);
    const { plan } = this;
    const status = planRead(
      this.broker.logs,
      partition.log,
      question.fetchOffset,
      question.maxBytes,
      limit,
      question.wholeFirstBatch,
      plan,
    );
    const error = errorOfStatus(status === ReadStatus.OK && !this.isInFile() ? ReadStatus.FAILED : status);
    if (error !== ErrorCode.NONE) {
      this.sendError(mailbox, ticket, error);
      return true;
    }
    const found = status === ReadStatus.OK;
    if (mayWait && (!found || plan.length <= question.beyondBytes)) return false;
    this.send(mailbox, ticket, ErrorCode.NONE, partition, found ? lease(this.broker.logs, plan) : -1);
    return true;
  }

  /** Another shard reads through the descriptor: what the plan names must be in the file, not in this shard's memory only. */
  private isInFile(): boolean {
    const { segment, fd, position, length } = this.plan;
    if (!segment!.managed) return true;
    return this.broker.ring.managed!.syncManaged(fd, position + length, false) === 0;
  }

  private sendError(mailbox: Mailbox, ticket: number, error: number): void {
    this.send(mailbox, ticket, error, null, -1);
  }

  private send(mailbox: Mailbox, ticket: number, error: number, partition: Partition | null, leaseTicket: number): void {
    const { fd, position, length } = this.plan;
    const high = partition === null ? -1 : highWatermark(partition);
    const stable = partition === null ? -1 : lastStableOffset(partition);
    const start = partition === null ? -1 : partition.log.startOffset;
    this.mail.sendTo(mailbox, MessageKind.FETCH_PLAN, ticket, 0, ({ words, f64 }, at) => {
      words[at + FetchPlan.ERROR_CODE] = error;
      words[at + FetchPlan.FD] = fd;
      words[at + FetchPlan.LENGTH] = leaseTicket < 0 ? 0 : length;
      words[at + FetchPlan.LEASE] = leaseTicket;
      f64[(at >> 1) + FetchPlan.POSITION_F64] = position;
      f64[(at >> 1) + FetchPlan.HIGH_WATERMARK_F64] = high;
      f64[(at >> 1) + FetchPlan.LAST_STABLE_OFFSET_F64] = stable;
      f64[(at >> 1) + FetchPlan.LOG_START_OFFSET_F64] = start;
    });
  }
}

function keyOf(mailbox: Mailbox, ticket: number): string {
  return `${mailbox.peer}:${ticket}`;
}

function refusalOf({ partition, leaderEpoch }: Question): number {
  // Partitions do not move in a running process: its topic was deleted.
  if (partition.gone) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  if (leaderEpoch < 0 || leaderEpoch === partition.leaderEpoch) return ErrorCode.NONE;
  return leaderEpoch < partition.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
}

function errorOfStatus(status: number): number {
  switch (status) {
    case ReadStatus.OUT_OF_RANGE:
      return ErrorCode.OFFSET_OUT_OF_RANGE;
    case ReadStatus.FAILED:
      return ErrorCode.KAFKA_STORAGE_ERROR;
    case ReadStatus.CORRUPT:
      return ErrorCode.CORRUPT_MESSAGE;
    default:
      return ErrorCode.NONE;
  }
}
