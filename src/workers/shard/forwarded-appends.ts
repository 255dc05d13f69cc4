// Batches that came in on other threads, appended here, where their partition is led. Owner: the shard's thread.
//
// The bytes stay in the sender's memory (a shard's receive block, or the arena of embedded callers) until the answer: the
// append takes them from there by address. Hot: what waits for its answer is pooled.

import { ErrorCode } from '../../engine/base/error-code.ts';
import { ReusedList } from '../../engine/base/reused-list.ts';
import { WaitingAppend } from '../../engine/broker/append-line.ts';
import { errorOfFault } from '../../engine/broker/produce.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { append, AppendFault, stampLogAppendTime } from '../../engine/log/log-append.ts';
import { DurableNode, type DurableWaiter } from '../../engine/partition/durable-queue.ts';
import type { Partition } from '../../engine/partition/partition.ts';
import type { BatchFacts } from '../../engine/record/batch-facts.ts';
import { BATCH_HEADER_BYTES, BatchAttribute } from '../../engine/record/batch-header.ts';
import { hasKeylessRecord } from '../../engine/record/keyless-records.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { AppendResult, ForwardAppend, ForwardAppendPayload, IN_CALLER_ARENA, KEYLESS, MessageKind } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import { findForwarded } from './forwarded-partition.ts';
import type { Mail } from './mail.ts';

const ACKS_ALL = -1;

/** The memory that an embedded caller writes batches to, as this shard reaches it. */
export interface CallerArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
}

/** Kept for reuse: from the message to its answer, which may wait for memory and for the disk. */
class ForwardedAppend extends WaitingAppend implements DurableWaiter {
  mailbox: Mailbox | null = null;
  ticket = 0;
  acks = 0;
  baseOffset = -1;
  endOffset = -1;
  appendTimeMs = -1;
  error: number = ErrorCode.NONE;
  logStartOffset = -1;
  readonly node = new DurableNode(this, 0);
  private readonly appends: ForwardedAppends;

  constructor(appends: ForwardedAppends) {
    super();
    this.appends = appends;
  }

  override carryOut(): void {
    this.facts.nowMs = this.appends.wallMs();
    this.appends.stage(this, this.facts);
  }

  onDurable(_entry: number, ok: boolean): void {
    this.appends.answer(this, ok ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR);
  }
}

export class ForwardedAppends {
  private readonly broker: ShardBroker;
  private readonly mail: Mail;
  /** By the caller's thread. */
  private readonly callerArenas: readonly (CallerArena | null)[];
  private unwritten = new ReusedList<ForwardedAppend>();
  private unwrittenSpare = new ReusedList<ForwardedAppend>();
  private readonly idle = new ReusedList<ForwardedAppend>();

  constructor(broker: ShardBroker, mail: Mail, callerArenas: readonly (CallerArena | null)[]) {
    this.broker = broker;
    this.mail = mail;
    this.callerArenas = callerArenas;
  }

  take(mailbox: Mailbox, at: number): void {
    const { broker } = this;
    const { words } = mailbox.inbound;
    const ticket = words[at + SlotField.TICKET]!;
    const payload = words[at + SlotField.PAYLOAD_OFFSET]!;
    const partition = findForwarded(broker, mailbox, payload + ForwardAppendPayload.TOPIC_ID, words[at + ForwardAppend.PARTITION]!);
    if (typeof partition === 'number') {
      this.refuse(mailbox, ticket, partition);
      return;
    }
    this.fillFacts(mailbox, at, payload);
    const { facts } = broker;
    const flags = words[at + ForwardAppend.FLAGS]!;
    if ((flags & IN_CALLER_ARENA) !== 0 && !this.reachCaller(mailbox.peer, partition, (flags & KEYLESS) !== 0)) {
      this.refuse(mailbox, ticket, ErrorCode.INVALID_RECORD);
      return;
    }
    const one = this.idle.pop() ?? new ForwardedAppend(this);
    one.mailbox = mailbox;
    one.ticket = ticket;
    one.acks = words[at + ForwardAppend.ACKS]!;
    one.partition = partition;
    // The slot goes back to its sender, the bytes wait where they are.
    if (broker.appendLine.admits(partition.log, facts.lengthBytes)) this.stage(one, facts);
    else broker.appendLine.wait(one, partition, facts);
  }

  stage(one: ForwardedAppend, facts: BatchFacts): void {
    const { broker } = this;
    const partition = one.partition!;
    const offset = append(broker.logs, partition.log, facts);
    const duplicate = offset === AppendFault.DUPLICATE;
    if (offset < 0 && !duplicate) {
      one.appendTimeMs = -1;
      this.answer(one, errorOfFault(offset));
      return;
    }
    one.baseOffset = duplicate ? broker.logs.duplicateBaseOffset : offset;
    one.endOffset = duplicate ? broker.logs.duplicateEndOffset : offset + facts.lastOffsetDelta + 1;
    one.appendTimeMs = partition.log.config.timestampType === 'LogAppendTime' && !duplicate ? facts.maxTimestamp : -1;
    this.unwritten.push(one);
  }

  wallMs(): number {
    return this.broker.wallMs();
  }

  /** The appends of the tick have been carried out. */
  endTick(): void {
    if (this.unwritten.length === 0) return;
    const round = this.unwritten;
    this.unwritten = this.unwrittenSpare;
    this.unwrittenSpare = round;
    for (let i = 0; i < round.length; i++) this.settle(round.at(i));
    round.clear();
  }

  private settle(one: ForwardedAppend): void {
    const { log, durable } = one.partition!;
    if (log.failed || one.endOffset > log.writtenOffset) {
      this.answer(one, ErrorCode.KAFKA_STORAGE_ERROR);
    } else if (one.acks !== ACKS_ALL || this.broker.fsync !== 'before-ack' || one.endOffset <= log.durableOffset) {
      this.answer(one, ErrorCode.NONE);
    } else {
      one.node.requiredOffset = one.endOffset;
      durable.push(one.node);
      this.broker.logs.requireDurable(log);
    }
  }

  answer(one: ForwardedAppend, error: number): void {
    one.error = error;
    one.logStartOffset = one.partition!.log.startOffset;
    if (error !== ErrorCode.NONE) one.baseOffset = -1;
    this.send(one);
  }

  private refuse(mailbox: Mailbox, ticket: number, error: number): void {
    const one = this.idle.pop() ?? new ForwardedAppend(this);
    one.mailbox = mailbox;
    one.ticket = ticket;
    one.error = error;
    one.baseOffset = -1;
    one.appendTimeMs = -1;
    one.logStartOffset = -1;
    this.send(one);
  }

  /** The answer is out, or in line with all it says; `one` is free. */
  private send(one: ForwardedAppend): void {
    const { mail } = this;
    const mailbox = one.mailbox!;
    const at = mail.claim(mailbox, MessageKind.APPEND_RESULT, one.ticket, 0);
    if (at >= 0) {
      writeResult(mailbox.outbound, at, one);
    } else {
      const { error, baseOffset, appendTimeMs, logStartOffset } = one;
      const kept = { error, baseOffset, appendTimeMs, logStartOffset };
      mail.defer(mailbox, MessageKind.APPEND_RESULT, one.ticket, 0, (outbound, slot) => writeResult(outbound, slot, kept));
    }
    one.mailbox = null;
    one.partition = null;
    this.idle.push(one);
  }

  /**
   * What a shard does with its clients' batches before it forwards them is done here for a caller, who does not know the
   * topic's configuration. False: a compacted topic could never keep the records.
   */
  private reachCaller(thread: number, { log }: Partition, keyless: boolean): boolean {
    const { facts } = this.broker;
    const { address, bytes, view } = this.callerArenas[thread]!;
    const offset = facts.address;
    facts.address = address + offset;
    const codec = facts.attributes & BatchAttribute.CODEC_MASK;
    if (log.config.cleanupCompact) {
      const body = bytes.subarray(offset + BATCH_HEADER_BYTES, offset + facts.lengthBytes);
      if (codec === 0 ? keyless : hasKeylessRecord(codec, body, facts.recordCount)) return false;
    }
    if (log.config.timestampType === 'LogAppendTime') stampLogAppendTime(bytes, view, offset, facts);
    return true;
  }

  private fillFacts(mailbox: Mailbox, at: number, payload: number): void {
    const { words, f64 } = mailbox.inbound;
    const { facts } = this.broker;
    facts.arenaOffset = -1;
    facts.nowMs = this.broker.wallMs();
    facts.address = f64[(at >> 1) + ForwardAppend.ADDRESS_F64]!;
    facts.lengthBytes = words[at + ForwardAppend.LENGTH]!;
    facts.attributes = words[at + ForwardAppend.ATTRIBUTES]!;
    facts.lastOffsetDelta = words[at + ForwardAppend.LAST_OFFSET_DELTA]!;
    facts.recordCount = words[at + ForwardAppend.RECORD_COUNT]!;
    facts.producerEpoch = words[at + ForwardAppend.PRODUCER_EPOCH]!;
    facts.baseSequence = words[at + ForwardAppend.BASE_SEQUENCE]!;
    facts.baseTimestamp = f64[(payload >> 3) + ForwardAppendPayload.BASE_TIMESTAMP_F64]!;
    facts.maxTimestamp = f64[(payload >> 3) + ForwardAppendPayload.MAX_TIMESTAMP_F64]!;
    facts.producerId = f64[(payload >> 3) + ForwardAppendPayload.PRODUCER_ID_F64]!;
  }
}

interface Result {
  readonly error: number;
  readonly baseOffset: number;
  readonly appendTimeMs: number;
  readonly logStartOffset: number;
}

function writeResult({ words, f64 }: Mailbox['outbound'], at: number, result: Result): void {
  words[at + AppendResult.ERROR_CODE] = result.error;
  f64[(at >> 1) + AppendResult.BASE_OFFSET_F64] = result.baseOffset;
  f64[(at >> 1) + AppendResult.LOG_APPEND_TIME_F64] = result.appendTimeMs;
  f64[(at >> 1) + AppendResult.LOG_START_OFFSET_F64] = result.logStartOffset;
}
