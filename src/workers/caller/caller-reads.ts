// Reads of an embedded caller: the shard that leads answers with a plan, a range of a file whose descriptor is valid in
// every thread, and the bytes are read here. Owner: the supervisor's thread. Hot: one small object a fetch.
//
// What was just appended is in the page cache and is read in place. History may be on the disk only, so it is read on a
// thread of libuv's: the caller's event loop never waits for a disk.

import { read, readSync } from 'node:fs';
import { assert } from '../../engine/base/assert.ts';
import { ErrorCode } from '../../engine/base/error-code.ts';
import type { FetchAnswer } from '../../engine/broker/log-access.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import type { TopicImage } from '../../engine/metadata/metadata-image.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { FetchPlan, FetchPlanRequest, FetchPlanRequestPayload, MessageKind, ReleaseLease } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import type { Mail } from '../shard/mail.ts';

export interface ReadCall {
  readonly topic: TopicImage;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** How long a shard may take to find bytes that are not in its memory, for a call that does not wait. */
const PATIENCE_MS = 5000;
const EMPTY = new Uint8Array(0);

interface Question {
  readonly call: ReadCall;
  readonly shard: number;
  readonly resolve: (answer: FetchAnswer) => void;
  readonly reject: (reason: unknown) => void;
  timer: NodeJS.Timeout | null;
  onAbort: (() => void) | null;
  /** Asked to be answered only when there is something. */
  waited: boolean;
  /** What it finds has just been appended. */
  readonly fresh: boolean;
  /** Nobody waits for the answer any more; its lease is given back at once. */
  dropped: boolean;
}

export class CallerReads {
  private readonly mail: Mail;
  private readonly disk: FileSystem | null;
  private readonly open: (Question | null)[] = [];
  private readonly free: number[] = [];
  /** By topic id, then partition: what lies at or above it was appended after that was heard. */
  private readonly heard = new Map<string, Map<number, number>>();
  private reading = 0;
  private whenIdle: (() => void)[] = [];

  /** @param disk where the shard's descriptors are not the process's: whatever is on it is at hand */
  constructor(mail: Mail, disk: FileSystem | null) {
    this.mail = mail;
    this.disk = disk;
  }

  fetch(call: ReadCall): Promise<FetchAnswer> {
    return new Promise((resolve, reject) => {
      const { shard } = call.topic.partitions[call.partition]!;
      const fresh = call.offset >= (this.heard.get(call.topic.id)?.get(call.partition) ?? Infinity);
      const question: Question = { call, shard, resolve, reject, timer: null, onAbort: null, waited: false, fresh, dropped: false };
      const ticket = this.free.pop() ?? this.open.length;
      this.open[ticket] = question;
      if (call.signal !== undefined) {
        question.onAbort = () => this.drop(ticket, question, call.signal!.reason);
        call.signal.addEventListener('abort', question.onAbort, { once: true });
      }
      this.ask(ticket, question, call.waitMs);
    });
  }

  onPlan(mailbox: Mailbox, at: number): void {
    const { words, f64 } = mailbox.inbound;
    const ticket = words[at + SlotField.TICKET]!;
    const question = this.open[ticket];
    assert(question != null, 'an answer names an open question', ticket);
    const lease = words[at + FetchPlan.LEASE]!;
    if (question.timer !== null) clearTimeout(question.timer);
    const highWatermark = f64[(at >> 1) + FetchPlan.HIGH_WATERMARK_F64]!;
    const errorCode = words[at + FetchPlan.ERROR_CODE]!;
    if (!question.dropped && !question.waited && lease < 0 && errorCode === ErrorCode.NONE && question.call.offset < highWatermark) {
      // There is something; the way to it has to be read first.
      this.ask(ticket, question, PATIENCE_MS);
      return;
    }
    this.open[ticket] = null;
    this.free.push(ticket);
    this.stopListening(question);
    if (question.dropped) {
      if (lease >= 0) this.release(question.shard, lease);
      return;
    }
    const answer = {
      errorCode,
      records: EMPTY,
      highWatermark,
      lastStableOffset: f64[(at >> 1) + FetchPlan.LAST_STABLE_OFFSET_F64]!,
      logStartOffset: f64[(at >> 1) + FetchPlan.LOG_START_OFFSET_F64]!,
    };
    if (errorCode === ErrorCode.NONE) this.hear(question.call, highWatermark);
    if (lease < 0) question.resolve(answer);
    else
      this.readPlan(
        question,
        answer,
        lease,
        words[at + FetchPlan.FD]!,
        f64[(at >> 1) + FetchPlan.POSITION_F64]!,
        words[at + FetchPlan.LENGTH]!,
      );
  }

  /** Nobody waits any more; resolves when no descriptor is being read from. */
  close(reason: Error): Promise<void> {
    for (const [ticket, question] of this.open.entries()) if (question !== null && !question.dropped) this.drop(ticket, question, reason);
    if (this.reading === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private ask(ticket: number, question: Question, waitMs: number): void {
    const { topic, partition, offset, maxBytes } = question.call;
    question.waited = waitMs > 0;
    const beyondBytes = waitMs > 0 ? 0 : -1;
    if (waitMs > 0) question.timer = setTimeout(() => this.answerNow(ticket, question), waitMs);
    this.mail.send(
      question.shard,
      MessageKind.FETCH_PLAN_REQUEST,
      ticket,
      FetchPlanRequestPayload.BYTES,
      ({ words, f64, bytes, payloadOffset }, at) => {
        words[at + FetchPlanRequest.PARTITION] = partition;
        words[at + FetchPlanRequest.MAX_BYTES] = maxBytes;
        words[at + FetchPlanRequest.CURRENT_LEADER_EPOCH] = -1;
        words[at + FetchPlanRequest.LAST_FETCHED_EPOCH] = -1;
        words[at + FetchPlanRequest.ISOLATION_LEVEL] = 1;
        words[at + FetchPlanRequest.AT_LEAST_ONE_BATCH] = 1;
        words[at + FetchPlanRequest.BEYOND_BYTES] = beyondBytes;
        f64[(at >> 1) + FetchPlanRequest.FETCH_OFFSET_F64] = offset;
        bytes.set(topic.idBytes, payloadOffset + FetchPlanRequestPayload.TOPIC_ID);
      },
    );
  }

  private hear({ topic, partition }: ReadCall, highWatermark: number): void {
    let partitions = this.heard.get(topic.id);
    if (partitions === undefined) this.heard.set(topic.id, (partitions = new Map()));
    partitions.set(partition, highWatermark);
  }

  private answerNow(ticket: number, question: Question): void {
    question.timer = null;
    if (this.open[ticket] === question) this.mail.send(question.shard, MessageKind.UNWATCH, ticket, 0, null);
  }

  private drop(ticket: number, question: Question, reason: unknown): void {
    if (question.timer !== null) clearTimeout(question.timer);
    this.stopListening(question);
    question.dropped = true;
    question.reject(reason);
    this.answerNow(ticket, question);
  }

  private stopListening({ call, onAbort }: Question): void {
    if (onAbort !== null) call.signal!.removeEventListener('abort', onAbort);
  }

  private readPlan(
    { shard, resolve, fresh }: Question,
    answer: FetchAnswer,
    lease: number,
    fd: number,
    position: number,
    length: number,
  ): void {
    const records = Buffer.allocUnsafe(length);
    this.reading++;
    const done = (error: Error | null, got: number): void => {
      this.release(shard, lease);
      // Whatever the file does not have any more was cut off after the plan was made.
      if (error === null) resolve({ ...answer, records: records.subarray(0, got) });
      else resolve({ ...answer, errorCode: ErrorCode.KAFKA_STORAGE_ERROR });
      if (--this.reading === 0) for (const idle of this.whenIdle.splice(0)) idle();
    };
    if (!fresh && this.disk === null) {
      read(fd, records, 0, length, position, done);
      return;
    }
    let got = 0;
    try {
      got = this.disk === null ? readSync(fd, records, 0, length, position) : this.disk.read(fd, records, 0, length, position);
    } catch (error) {
      done(error as Error, 0);
      return;
    }
    done(null, got);
  }

  private release(shard: number, lease: number): void {
    this.mail.send(shard, MessageKind.RELEASE_LEASE, 0, 0, ({ words }, at) => {
      words[at + ReleaseLease.LEASE] = lease;
    });
  }
}
