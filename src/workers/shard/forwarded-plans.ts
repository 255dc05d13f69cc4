// Reads that other shards answer from files of this one: a plan of numbers for each question, at once or when there is
// something to read. Owner: the shard's thread. Hot: questions are pooled, also those that wait.

import { ErrorCode } from '../../engine/base/error-code.ts';
import { ReusedList } from '../../engine/base/reused-list.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { lease, planRead, ReadPlan, ReadStatus } from '../../engine/log/log-read.ts';
import { highWatermark, lastStableOffset, type Partition } from '../../engine/partition/partition.ts';
import { type Watcher, WatchNode } from '../../engine/partition/watch-list.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { FetchPlan, FetchPlanRequest, FetchPlanRequestPayload, MessageKind } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import { findForwarded } from './forwarded-partition.ts';
import type { Mail } from './mail.ts';

/** Kept for reuse. */
class Question implements Watcher {
  mailbox: Mailbox | null = null;
  ticket = 0;
  partition: Partition | null = null;
  fetchOffset = 0;
  maxBytes = 0;
  leaderEpoch = -1;
  readCommitted = false;
  wholeFirstBatch = false;
  /** -1: answered at once. */
  beyondBytes = -1;
  readonly node = new WatchNode(this);
  private readonly plans: ForwardedPlans;

  constructor(plans: ForwardedPlans) {
    this.plans = plans;
  }

  onPartitionChange(): void {
    this.plans.retry(this);
  }
}

/** What FETCH_PLAN says. */
class PlanAnswer {
  error = 0;
  lease = -1;
  fd = -1;
  position = 0;
  length = 0;
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
}

export class ForwardedPlans {
  private readonly broker: ShardBroker;
  private readonly mail: Mail;
  private readonly plan = new ReadPlan();
  private readonly answered = new PlanAnswer();
  private readonly idle = new ReusedList<Question>();
  /** By asking thread and ticket. */
  private readonly waiting: (Question | null)[][] = [];

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
    const question = this.idle.pop() ?? new Question(this);
    question.mailbox = mailbox;
    question.ticket = ticket;
    question.partition = partition;
    question.fetchOffset = f64[(at >> 1) + FetchPlanRequest.FETCH_OFFSET_F64]!;
    question.maxBytes = words[at + FetchPlanRequest.MAX_BYTES]!;
    question.leaderEpoch = words[at + FetchPlanRequest.CURRENT_LEADER_EPOCH]!;
    question.readCommitted = words[at + FetchPlanRequest.ISOLATION_LEVEL] === 1;
    question.wholeFirstBatch = words[at + FetchPlanRequest.AT_LEAST_ONE_BATCH] === 1;
    question.beyondBytes = words[at + FetchPlanRequest.BEYOND_BYTES]!;
    if (this.answer(question, question.beyondBytes >= 0)) {
      this.end(question);
      return;
    }
    partition.watchers.link(question.node);
    (this.waiting[mailbox.peer] ??= [])[ticket] = question;
  }

  /** The asker does not want to wait any longer. */
  answerNow(mailbox: Mailbox, ticket: number): void {
    const question = this.waiting[mailbox.peer]?.[ticket];
    // Answered already: the answer crossed the message.
    if (question == null) return;
    this.answer(question, false);
    this.end(question);
  }

  retry(question: Question): void {
    if (this.answer(question, true)) this.end(question);
    else if (question.node.list === null) question.partition!.watchers.link(question.node);
  }

  private end(question: Question): void {
    question.node.unlink();
    const waiting = this.waiting[question.mailbox!.peer];
    if (waiting?.[question.ticket] === question) waiting[question.ticket] = null;
    question.mailbox = null;
    question.partition = null;
    this.idle.push(question);
  }

  /** False: there is nothing new to tell and the question may wait. */
  private answer(question: Question, mayWait: boolean): boolean {
    const mailbox = question.mailbox!;
    const partition = question.partition!;
    const { ticket } = question;
    const refused = refusalOf(partition, question.leaderEpoch);
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
    const at = this.mail.claim(mailbox, MessageKind.FETCH_PLAN, ticket, 0);
    if (at >= 0) {
      writePlan(mailbox.outbound, at, this.fill(error, partition, leaseTicket));
      return;
    }
    const kept = { ...this.fill(error, partition, leaseTicket) };
    this.mail.defer(mailbox, MessageKind.FETCH_PLAN, ticket, 0, (outbound, slot) => writePlan(outbound, slot, kept));
  }

  private fill(error: number, partition: Partition | null, leaseTicket: number): PlanAnswer {
    const { answered, plan } = this;
    answered.error = error;
    answered.lease = leaseTicket;
    answered.fd = plan.fd;
    answered.position = plan.position;
    answered.length = leaseTicket < 0 ? 0 : plan.length;
    answered.highWatermark = partition === null ? -1 : highWatermark(partition);
    answered.lastStableOffset = partition === null ? -1 : lastStableOffset(partition);
    answered.logStartOffset = partition === null ? -1 : partition.log.startOffset;
    return answered;
  }
}

function writePlan({ words, f64 }: Mailbox['outbound'], at: number, answer: Readonly<PlanAnswer>): void {
  words[at + FetchPlan.ERROR_CODE] = answer.error;
  words[at + FetchPlan.FD] = answer.fd;
  words[at + FetchPlan.LENGTH] = answer.length;
  words[at + FetchPlan.LEASE] = answer.lease;
  f64[(at >> 1) + FetchPlan.POSITION_F64] = answer.position;
  f64[(at >> 1) + FetchPlan.HIGH_WATERMARK_F64] = answer.highWatermark;
  f64[(at >> 1) + FetchPlan.LAST_STABLE_OFFSET_F64] = answer.lastStableOffset;
  f64[(at >> 1) + FetchPlan.LOG_START_OFFSET_F64] = answer.logStartOffset;
}

function refusalOf(partition: Partition, leaderEpoch: number): number {
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
