// Data-path messages to other threads, in order, whether the ring has room now or not. Owner: the sending thread.
// Hot: claim(). The slot it gives is filled by its caller; only a message that finds no room costs a closure.
//
// What finds no room waits here until the receiver has made some; how much can wait is bounded by the requests that
// connections may have in line.

import type { Mailbox } from '../ring/mailbox.ts';

/** Fills the slot at word `at` of the outbound ring. */
export type Fill = (outbound: Mailbox['outbound'], at: number) => void;

interface Waiting {
  readonly kind: number;
  readonly ticket: number;
  readonly payloadBytes: number;
  readonly fill: Fill | null;
}

export class Mail {
  private readonly mailboxOf: (shard: number) => Mailbox;
  private readonly sent: () => void;
  /** By the peer's thread. */
  private readonly waiting: (Waiting[] | undefined)[] = [];

  /** `sent` is called at every message: outside ticks somebody has to publish what was claimed. */
  constructor(mailboxOf: (shard: number) => Mailbox, sent: () => void = () => undefined) {
    this.mailboxOf = mailboxOf;
    this.sent = sent;
  }

  /** The mailbox of a thread. */
  to(shard: number): Mailbox {
    return this.mailboxOf(shard);
  }

  /** The first word of a slot to fill now; -1: no room, the message has to be deferred. */
  claim(mailbox: Mailbox, kind: number, ticket: number, payloadBytes: number): number {
    const line = this.waiting[mailbox.peer];
    if (line !== undefined && line.length > 0) return -1;
    const at = mailbox.claim(kind, ticket, payloadBytes);
    if (at >= 0) this.sent();
    return at;
  }

  /** claim() found no room: `fill` is called when there is. */
  defer(mailbox: Mailbox, kind: number, ticket: number, payloadBytes: number, fill: Fill | null): void {
    (this.waiting[mailbox.peer] ??= []).push({ kind, ticket, payloadBytes, fill });
    this.sent();
  }

  /** Both, for who may allocate. */
  send(shard: number, kind: number, ticket: number, payloadBytes: number, fill: Fill | null): void {
    const mailbox = this.mailboxOf(shard);
    const at = this.claim(mailbox, kind, ticket, payloadBytes);
    if (at < 0) this.defer(mailbox, kind, ticket, payloadBytes, fill);
    else if (fill !== null) fill(mailbox.outbound, at);
  }

  onSpace(mailbox: Mailbox): void {
    const line = this.waiting[mailbox.peer];
    if (line === undefined) return;
    let sent = 0;
    for (; sent < line.length; sent++) {
      const { kind, ticket, payloadBytes, fill } = line[sent]!;
      const at = mailbox.claim(kind, ticket, payloadBytes);
      if (at < 0) break;
      if (fill !== null) fill(mailbox.outbound, at);
    }
    line.splice(0, sent);
  }
}
