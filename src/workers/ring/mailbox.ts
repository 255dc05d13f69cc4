// Both rings between this thread and one other, with what travels in them: data-path messages and control messages.
// Owner: one thread of the pair; the other has its own. Hot: claim, drain, release, publish; control is not.
//
// A tick:  drain() … the tick's work, the reactor's submit() … release() publish() … (mesh-endpoint.ts does it for all)
// A message's bytes are the receiver's until release(): appends submitted in the tick go straight from the arena.

import { ControlChannel, DEFAULT_CONTROL_LIMITS, systemTimers } from './control-channel.ts';
import type { ControlLimits, Timers } from './control-channel.ts';
import { MessageKind } from './message-layout.ts';
import type { RingConsumer } from './ring-consumer.ts';
import type { RingProducer } from './ring-producer.ts';
import { SlotField } from './spsc-ring.ts';

const DEFAULT_CALL_DEADLINE_MS = 30_000;

/** What a thread does with its mail. The mailbox says from whom it came. */
export interface MailHandler {
  /** A data-path message: its words are mailbox.inbound.words[at + field] (message-layout.ts). */
  onMessage(mailbox: Mailbox, kind: number, at: number): void;
  /** A control message; for a call, the result or its promise is the answer, and what is thrown the caller's error. */
  onControl(mailbox: Mailbox, kind: number, body: unknown): unknown;
  /** claim() was refused before, and there is room again. */
  onSpace(mailbox: Mailbox): void;
}

export interface MailboxOptions {
  readonly limits?: ControlLimits;
  readonly timers?: Timers;
}

export class Mailbox {
  /** The thread at the other end. */
  readonly peer: number;
  readonly outbound: RingProducer;
  readonly inbound: RingConsumer;
  readonly control: ControlChannel;

  private readonly handler: MailHandler;

  constructor(peer: number, outbound: RingProducer, inbound: RingConsumer, handler: MailHandler, options: MailboxOptions = {}) {
    this.peer = peer;
    this.outbound = outbound;
    this.inbound = inbound;
    this.handler = handler;
    this.control = new ControlChannel(
      outbound,
      (kind, body) => handler.onControl(this, kind, body),
      options.limits ?? DEFAULT_CONTROL_LIMITS,
      options.timers ?? systemTimers,
    );
  }

  /**
   * A slot for a data-path message and `payloadBytes` of arena at outbound.payloadOffset; -1 when there is no room now
   * (onSpace tells). Waiting control messages go first, so that saturated data cannot starve an image or a shutdown.
   * Fill it before the next claim, publish, send or call.
   */
  claim(kind: number, ticket: number, payloadBytes: number): number {
    if (this.control.waiting) return -1;
    const at = this.outbound.claim(payloadBytes);
    if (at < 0) return -1;
    this.outbound.words[at + SlotField.KIND] = kind;
    this.outbound.words[at + SlotField.TICKET] = ticket;
    return at;
  }

  /** Handle up to `limit` messages; how many there were. A limit reached means there may be more. */
  drain(limit: number): number {
    const { inbound } = this;
    if (this.outbound.takeSpaceCame()) {
      this.control.pump();
      if (!this.control.waiting) this.handler.onSpace(this);
    }
    let count = 0;
    while (count < limit) {
      const at = inbound.next();
      if (at < 0) break;
      count++;
      const kind = inbound.words[at + SlotField.KIND]!;
      if (kind === MessageKind.CONTROL) this.control.receive(inbound, at);
      else this.handler.onMessage(this, kind, at);
    }
    return count;
  }

  /** Give the drained messages back to their sender. */
  release(): void {
    this.inbound.release();
  }

  /** Show the peer what was claimed since the last publish. */
  publish(): void {
    this.outbound.publish();
  }

  /** One-way control message. False: too much is waiting already, nothing was sent. */
  sendControl(kind: number, body: unknown): boolean {
    return this.control.send(kind, body);
  }

  /** Control call: resolves with the peer's answer, rejects with a CallError. */
  call(kind: number, body: unknown, deadlineMs: number = DEFAULT_CALL_DEADLINE_MS): Promise<unknown> {
    return this.control.call(kind, body, deadlineMs);
  }

  /** The peer is gone or we are: pending calls fail with `reason`. */
  close(reason: string): void {
    this.control.close(reason);
  }
}
