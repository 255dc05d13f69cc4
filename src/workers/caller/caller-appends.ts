// Appends of an embedded caller: batches in the caller's arena, forwarded to the shard that leads, as shards forward to
// each other. Owner: the supervisor's thread. Hot: one small object a batch, none a record.

import { assert } from '../../engine/base/assert.ts';
import { appendChannel, type AppendEvent } from '../../engine/base/diagnostic-channels.ts';
import { BatchField, readInt64 } from '../../engine/record/batch-header.ts';
import type { TopicImage } from '../../engine/metadata/metadata-image.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { AppendResult, ForwardAppend, ForwardAppendPayload, IN_CALLER_ARENA, KEYLESS, MessageKind } from '../ring/message-layout.ts';
import { SlotField } from '../ring/spsc-ring.ts';
import type { Mail } from '../shard/mail.ts';
import type { BatchArena } from './batch-arena.ts';

/** Who is told what became of a batch. */
export interface AppendListener {
  /** The block is the listener's again, to be given back or sent again. Offsets are -1 on errors, the time also where the topic keeps the producer's. */
  onAppended(errorCode: number, baseOffset: number, logAppendTimeMs: number, logStartOffset: number): void;
  /** The broker is gone; whether the batch was stored is not known. */
  onLost(reason: Error): void;
}

export class CallerAppends {
  readonly arena: BatchArena;
  private readonly mail: Mail;
  private readonly open: (AppendListener | null)[] = [];
  private readonly free: number[] = [];
  private inFlight = 0;
  private whenIdle: (() => void)[] = [];

  constructor(arena: BatchArena, mail: Mail) {
    this.arena = arena;
    this.mail = mail;
  }

  /** The batch of `lengthBytes` at `at`, a block of the arena, goes to `topic`'s partition; `keyless`: some record has no key. */
  send(
    topic: TopicImage,
    partition: number,
    at: number,
    lengthBytes: number,
    keyless: boolean,
    acks: number,
    listener: AppendListener,
  ): void {
    const ticket = this.free.pop() ?? this.open.length;
    const { view } = this.arena;
    this.open[ticket] = appendChannel.hasSubscribers
      ? tracedListener(listener, {
          topic: topic.name,
          partition,
          records: view.getInt32(at + BatchField.RECORD_COUNT),
          bytes: lengthBytes,
          acks,
        })
      : listener;
    this.inFlight++;
    const { shard } = topic.partitions[partition]!;
    this.mail.send(shard, MessageKind.FORWARD_APPEND, ticket, ForwardAppendPayload.BYTES, ({ words, f64, bytes, payloadOffset }, slot) => {
      words[slot + ForwardAppend.PARTITION] = partition;
      words[slot + ForwardAppend.LENGTH] = lengthBytes;
      words[slot + ForwardAppend.ATTRIBUTES] = view.getInt16(at + BatchField.ATTRIBUTES);
      words[slot + ForwardAppend.LAST_OFFSET_DELTA] = view.getInt32(at + BatchField.LAST_OFFSET_DELTA);
      words[slot + ForwardAppend.RECORD_COUNT] = view.getInt32(at + BatchField.RECORD_COUNT);
      words[slot + ForwardAppend.PRODUCER_EPOCH] = view.getInt16(at + BatchField.PRODUCER_EPOCH);
      words[slot + ForwardAppend.BASE_SEQUENCE] = view.getInt32(at + BatchField.BASE_SEQUENCE);
      words[slot + ForwardAppend.ACKS] = acks;
      words[slot + ForwardAppend.FLAGS] = IN_CALLER_ARENA | (keyless ? KEYLESS : 0);
      f64[(slot >> 1) + ForwardAppend.ADDRESS_F64] = at;
      const payload = payloadOffset >> 3;
      f64[payload + ForwardAppendPayload.BASE_TIMESTAMP_F64] = readInt64(view, at + BatchField.BASE_TIMESTAMP);
      f64[payload + ForwardAppendPayload.MAX_TIMESTAMP_F64] = readInt64(view, at + BatchField.MAX_TIMESTAMP);
      f64[payload + ForwardAppendPayload.PRODUCER_ID_F64] = readInt64(view, at + BatchField.PRODUCER_ID);
      bytes.set(topic.idBytes, payloadOffset + ForwardAppendPayload.TOPIC_ID);
    });
  }

  onResult(mailbox: Mailbox, at: number): void {
    const { words, f64 } = mailbox.inbound;
    const ticket = words[at + SlotField.TICKET]!;
    const listener = this.open[ticket];
    assert(listener != null, 'an answer names an append in flight', ticket);
    this.open[ticket] = null;
    this.free.push(ticket);
    this.ended(1);
    listener.onAppended(
      words[at + AppendResult.ERROR_CODE]!,
      f64[(at >> 1) + AppendResult.BASE_OFFSET_F64]!,
      f64[(at >> 1) + AppendResult.LOG_APPEND_TIME_F64]!,
      f64[(at >> 1) + AppendResult.LOG_START_OFFSET_F64]!,
    );
  }

  /** Resolves when every batch sent has its answer. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  /** No answer comes any more. */
  lose(reason: Error): void {
    for (const listener of this.open.splice(0)) listener?.onLost(reason);
    this.ended(this.inFlight);
  }

  private ended(count: number): void {
    this.inFlight -= count;
    if (this.inFlight > 0) return;
    for (const resolve of this.whenIdle.splice(0)) resolve();
  }
}

/** Tells who traces when the batch is on its way, and what became of it. */
function tracedListener(listener: AppendListener, event: AppendEvent): AppendListener {
  appendChannel.start.publish(event);
  appendChannel.end.publish(event);
  const settle = (answer: () => void): void => {
    appendChannel.asyncStart.publish(event);
    try {
      answer();
    } finally {
      appendChannel.asyncEnd.publish(event);
    }
  };
  return {
    onAppended: (errorCode, baseOffset, logAppendTimeMs, logStartOffset) => {
      Object.assign(event, { errorCode, offset: baseOffset });
      settle(() => listener.onAppended(errorCode, baseOffset, logAppendTimeMs, logStartOffset));
    },
    onLost: (reason) => {
      event.error = reason;
      appendChannel.error.publish(event);
      settle(() => listener.onLost(reason));
    },
  };
}
