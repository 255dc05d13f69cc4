// Batches that came in on other threads, appended here, where their partition is led. Owner: the shard's thread.
//
// The bytes stay in the sender's memory (a shard's receive block, or the arena of embedded callers) until the answer: the
// append takes them from there by address.

import { ErrorCode } from '../../engine/base/error-code.ts';
import { errorOfFault } from '../../engine/broker/produce.ts';
import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { append, AppendFault, stampLogAppendTime } from '../../engine/log/log-append.ts';
import { DurableNode, type DurableWaiter } from '../../engine/partition/durable-queue.ts';
import type { Partition } from '../../engine/partition/partition.ts';
import { BATCH_HEADER_BYTES, BatchAttribute } from '../../engine/record/batch-header.ts';
import { hasKeylessRecord } from '../../engine/record/keyless-records.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { AppendResult, ForwardAppend, ForwardAppendPayload, IN_CALLER_ARENA, KEYLESS, MessageKind } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import { findForwarded } from './forwarded-partition.ts';
import type { Mail } from './mail.ts';

const ACKS_ALL = -1;

/** The memory that embedded callers write batches to, as this shard reaches it. */
export interface CallerArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;
}

class ForwardedAppend implements DurableWaiter {
  readonly mailbox: Mailbox;
  readonly ticket: number;
  readonly acks: number;
  readonly partition: Partition;
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly appendTimeMs: number;
  private readonly answer: (append: ForwardedAppend, error: number) => void;

  constructor(
    from: { mailbox: Mailbox; ticket: number; acks: number },
    partition: Partition,
    range: { baseOffset: number; endOffset: number; appendTimeMs: number },
    answer: (append: ForwardedAppend, error: number) => void,
  ) {
    this.mailbox = from.mailbox;
    this.ticket = from.ticket;
    this.acks = from.acks;
    this.partition = partition;
    this.baseOffset = range.baseOffset;
    this.endOffset = range.endOffset;
    this.appendTimeMs = range.appendTimeMs;
    this.answer = answer;
  }

  onDurable(_entry: number, ok: boolean): void {
    this.answer(this, ok ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR);
  }
}

export class ForwardedAppends {
  private readonly broker: ShardBroker;
  private readonly mail: Mail;
  private readonly callerArena: CallerArena;
  private unwritten: ForwardedAppend[] = [];

  constructor(broker: ShardBroker, mail: Mail, callerArena: CallerArena) {
    this.broker = broker;
    this.mail = mail;
    this.callerArena = callerArena;
  }

  take(mailbox: Mailbox, at: number): void {
    const { broker } = this;
    const { words } = mailbox.inbound;
    const ticket = words[at + SlotField.TICKET]!;
    const payload = words[at + SlotField.PAYLOAD_OFFSET]!;
    const partition = findForwarded(broker, mailbox, payload + ForwardAppendPayload.TOPIC_ID, words[at + ForwardAppend.PARTITION]!);
    if (typeof partition === 'number') {
      this.send(mailbox, ticket, partition, -1, -1, -1);
      return;
    }
    this.fillFacts(mailbox, at, payload);
    const { facts } = broker;
    const flags = words[at + ForwardAppend.FLAGS]!;
    if ((flags & IN_CALLER_ARENA) !== 0 && !this.reachCaller(partition, (flags & KEYLESS) !== 0)) {
      this.send(mailbox, ticket, ErrorCode.INVALID_RECORD, -1, -1, -1);
      return;
    }
    const offset = append(broker.logs, partition.log, facts);
    const duplicate = offset === AppendFault.DUPLICATE;
    if (offset < 0 && !duplicate) {
      this.send(mailbox, ticket, errorOfFault(offset), -1, -1, -1);
      return;
    }
    const baseOffset = duplicate ? broker.logs.duplicateBaseOffset : offset;
    const endOffset = duplicate ? broker.logs.duplicateEndOffset : offset + facts.lastOffsetDelta + 1;
    const appendTimeMs = partition.log.config.timestampType === 'LogAppendTime' && !duplicate ? facts.maxTimestamp : -1;
    const from = { mailbox, ticket, acks: words[at + ForwardAppend.ACKS]! };
    this.unwritten.push(
      new ForwardedAppend(from, partition, { baseOffset, endOffset, appendTimeMs }, (append, error) => this.answer(append, error)),
    );
  }

  /** The appends of the tick have been carried out. */
  endTick(): void {
    if (this.unwritten.length === 0) return;
    const round = this.unwritten;
    this.unwritten = [];
    for (const one of round) this.settle(one);
  }

  private settle(one: ForwardedAppend): void {
    const { log, durable } = one.partition;
    if (log.failed || one.endOffset > log.writtenOffset) {
      this.answer(one, ErrorCode.KAFKA_STORAGE_ERROR);
    } else if (one.acks !== ACKS_ALL || this.broker.fsync !== 'before-ack' || one.endOffset <= log.durableOffset) {
      this.answer(one, ErrorCode.NONE);
    } else {
      durable.push(new DurableNode(one, 0, one.endOffset));
      this.broker.logs.requireDurable(log);
    }
  }

  private answer(one: ForwardedAppend, error: number): void {
    const baseOffset = error === ErrorCode.NONE ? one.baseOffset : -1;
    this.send(one.mailbox, one.ticket, error, baseOffset, one.appendTimeMs, one.partition.log.startOffset);
  }

  private send(mailbox: Mailbox, ticket: number, error: number, baseOffset: number, appendTimeMs: number, logStartOffset: number): void {
    this.mail.sendTo(mailbox, MessageKind.APPEND_RESULT, ticket, 0, ({ words, f64 }, at) => {
      words[at + AppendResult.ERROR_CODE] = error;
      f64[(at >> 1) + AppendResult.BASE_OFFSET_F64] = baseOffset;
      f64[(at >> 1) + AppendResult.LOG_APPEND_TIME_F64] = appendTimeMs;
      f64[(at >> 1) + AppendResult.LOG_START_OFFSET_F64] = logStartOffset;
    });
  }

  /**
   * What a shard does with its clients' batches before it forwards them is done here for a caller, who does not know the
   * topic's configuration. False: a compacted topic could never keep the records.
   */
  private reachCaller({ log }: Partition, keyless: boolean): boolean {
    const { facts } = this.broker;
    const { address, bytes, view } = this.callerArena;
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
