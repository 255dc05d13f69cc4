// Control messages between two threads: msgpack in the arena, split in chunks, with answers, errors and deadlines.
// Owner: one thread of the pair; the other has its own. Not hot: metadata images, admin requests, configuration.
//
// Bodies are plain data: what msgpackr encodes (objects, arrays, Maps, Sets, Uint8Arrays, bigint), not class instances.
// Messages of one direction arrive whole and in the order of sending; data-path messages may pass between two chunks.

import { Packr } from 'msgpackr';
import { assert } from '../../engine/base/assert.ts';
import { CallError } from './call-error.ts';
import { Control, ControlRole, MessageKind } from './message-layout.ts';
import type { RingConsumer } from './ring-consumer.ts';
import type { RingProducer } from './ring-producer.ts';

/** Timers as an argument, so that the simulator can replace them. */
export interface Timers {
  set(callback: () => void, delayMs: number): unknown;
  clear(timer: unknown): void;
}

export const systemTimers: Timers = {
  set: (callback, delayMs) => setTimeout(callback, delayMs),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** What a control message of `kind` does. A call is answered with the result, awaited, or with what was thrown. */
export type ControlHandler = (kind: number, body: unknown) => unknown;

export interface ControlLimits {
  /** Encoded bytes that may wait for room in the ring; beyond, sends are refused. */
  readonly queueMaxBytes: number;
  /** Calls without an answer yet; beyond, calls are refused. It bounds the peer's queue of answers as well. */
  readonly maxCalls: number;
}

export const DEFAULT_CONTROL_LIMITS: ControlLimits = { queueMaxBytes: 64 * 1024 * 1024, maxCalls: 4096 };

interface Outgoing {
  readonly kind: number;
  readonly role: number;
  readonly ticket: number;
  readonly bytes: Uint8Array;
  sent: number;
}

interface Call {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CallError) => void;
  readonly timer: unknown;
}

interface RemoteFailure {
  readonly code: string;
  readonly message: string;
  readonly stack: string;
}

export class ControlChannel {
  /** For metrics. */
  readonly stats = { sent: 0, received: 0, refused: 0, lateAnswers: 0 };

  private readonly outbound: RingProducer;
  private readonly handle: ControlHandler;
  private readonly timers: Timers;
  private readonly limits: ControlLimits;
  private readonly packr = new Packr({ moreTypes: true });
  private readonly chunkBytes: number;
  private readonly queue: Outgoing[] = [];
  private queuedBytes = 0;
  private readonly calls = new Map<number, Call>();
  private lastTicket = 0;
  private incoming: Uint8Array | null = null;
  private incomingBytes = 0;
  private closed: CallError | null = null;

  constructor(outbound: RingProducer, handle: ControlHandler, limits: ControlLimits, timers: Timers) {
    this.outbound = outbound;
    this.handle = handle;
    this.limits = limits;
    this.timers = timers;
    // Two chunks fill half the arena: the receiver reads one while the other is written.
    this.chunkBytes = outbound.maxPayloadBytes / 2;
  }

  /** A control message waits for room: data-path messages must not take it first (mailbox.ts claim). */
  get waiting(): boolean {
    return this.queue.length > 0;
  }

  /** One-way. False: the bound of waiting bytes is reached and nothing was sent. */
  send(kind: number, body: unknown): boolean {
    return this.closed === null && this.enqueue(kind, ControlRole.ONE_WAY, 0, this.packr.pack(body), true);
  }

  /** @throws (rejects with) CallError: the handler's error, DEADLINE, QUEUE_FULL or CLOSED. */
  call(kind: number, body: unknown, deadlineMs: number): Promise<unknown> {
    if (this.closed !== null) return Promise.reject(this.closed);
    const ticket = this.freeTicket();
    const full = this.calls.size >= this.limits.maxCalls;
    if (full || !this.enqueue(kind, ControlRole.REQUEST, ticket, this.packr.pack(body), true)) {
      return Promise.reject(new CallError('QUEUE_FULL', `control call ${kind} refused: too much is waiting for the other thread`));
    }
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        this.calls.delete(ticket);
        reject(new CallError('DEADLINE', `control call ${kind} had no answer within ${deadlineMs} ms`));
      };
      this.calls.set(ticket, { resolve, reject, timer: this.timers.set(expire, deadlineMs) });
    });
  }

  /** Move what waits into the ring, as far as there is room. The caller publishes. */
  pump(): void {
    while (this.queue.length > 0) {
      const message = this.queue[0]!;
      if (!this.writeChunks(message)) return;
      this.queue.shift();
      this.stats.sent++;
    }
  }

  /** Take in one CONTROL slot; the last chunk of a message runs its handler. */
  receive(inbound: RingConsumer, at: number): void {
    const { words, bytes } = inbound;
    const offset = words[at + Control.PAYLOAD_OFFSET]!;
    const length = words[at + Control.PAYLOAD_LENGTH]!;
    const total = words[at + Control.TOTAL_BYTES]!;
    // A private copy: decoded byte arrays alias it, and the ring's bytes go back to the sender.
    this.incoming ??= new Uint8Array(total);
    assert(this.incoming.length === total, 'chunks of one control message follow each other', this.incoming.length, total);
    this.incoming.set(bytes.subarray(offset, offset + length), this.incomingBytes);
    this.incomingBytes += length;
    if (this.incomingBytes < total) return;
    const body: unknown = this.packr.unpack(this.incoming);
    this.incoming = null;
    this.incomingBytes = 0;
    this.stats.received++;
    this.dispatch(words[at + Control.CONTROL_KIND]!, words[at + Control.ROLE]!, words[at + Control.TICKET]!, body);
  }

  /** Every call without an answer fails with `reason`, and so does every later one. */
  close(reason: string): void {
    this.closed ??= new CallError('CLOSED', reason);
    this.queue.length = 0;
    this.queuedBytes = 0;
    for (const call of this.calls.values()) {
      this.timers.clear(call.timer);
      call.reject(this.closed);
    }
    this.calls.clear();
  }

  private dispatch(kind: number, role: number, ticket: number, body: unknown): void {
    if (role === ControlRole.ONE_WAY) {
      // Thrown or rejected with nobody to tell: it is this thread's own failure.
      void this.handle(kind, body);
    } else if (role === ControlRole.REQUEST) {
      void this.answer(kind, ticket, body);
    } else {
      this.settle(role, ticket, body);
    }
  }

  private async answer(kind: number, ticket: number, body: unknown): Promise<void> {
    let role: number = ControlRole.ANSWER;
    let bytes: Uint8Array;
    try {
      bytes = this.packr.pack(await this.handle(kind, body));
    } catch (error) {
      role = ControlRole.FAILURE;
      bytes = this.packr.pack(describe(error));
    }
    // Answers are outside the bound of bytes: the caller's maxCalls bounds them, and a lost one would cost it a deadline.
    if (this.closed === null) this.enqueue(kind, role, ticket, bytes, false);
  }

  private settle(role: number, ticket: number, body: unknown): void {
    const call = this.calls.get(ticket);
    if (call === undefined) {
      this.stats.lateAnswers++;
      return;
    }
    this.calls.delete(ticket);
    this.timers.clear(call.timer);
    if (role === ControlRole.ANSWER) return call.resolve(body);
    const failure = body as RemoteFailure;
    call.reject(new CallError(failure.code, failure.message, failure.stack));
  }

  private enqueue(kind: number, role: number, ticket: number, bytes: Uint8Array, bounded: boolean): boolean {
    if (bounded && this.queuedBytes + bytes.length > this.limits.queueMaxBytes) {
      this.stats.refused++;
      return false;
    }
    this.queuedBytes += bytes.length;
    this.queue.push({ kind, role, ticket, bytes, sent: 0 });
    // Answers and calls come outside ticks too, so they are shown at once.
    this.pump();
    this.outbound.publish();
    return true;
  }

  private writeChunks(message: Outgoing): boolean {
    const { outbound } = this;
    while (message.sent < message.bytes.length) {
      const length = Math.min(this.chunkBytes, message.bytes.length - message.sent);
      const at = outbound.claim(length);
      if (at < 0) return false;
      outbound.words[at + Control.KIND] = MessageKind.CONTROL;
      outbound.words[at + Control.TICKET] = message.ticket;
      outbound.words[at + Control.CONTROL_KIND] = message.kind;
      outbound.words[at + Control.ROLE] = message.role;
      outbound.words[at + Control.TOTAL_BYTES] = message.bytes.length;
      outbound.bytes.set(message.bytes.subarray(message.sent, message.sent + length), outbound.payloadOffset);
      message.sent += length;
      this.queuedBytes -= length;
    }
    return true;
  }

  private freeTicket(): number {
    do this.lastTicket = (this.lastTicket + 1) | 0;
    while (this.lastTicket === 0 || this.calls.has(this.lastTicket));
    return this.lastTicket;
  }
}

function describe(error: unknown): RemoteFailure {
  if (!(error instanceof Error)) return { code: 'REMOTE', message: String(error), stack: '' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'REMOTE';
  return { code, message: error.message, stack: error.stack ?? '' };
}
