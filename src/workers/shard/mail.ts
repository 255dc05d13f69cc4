// Data-path messages to other threads, in order, whether the ring has room now or not. Owner: the sending thread.
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
  private readonly waiting = new Map<number, Waiting[]>();

  /** `sent` is called at every message: outside ticks somebody has to publish what was claimed. */
  constructor(mailboxOf: (shard: number) => Mailbox, sent: () => void = () => undefined) {
    this.mailboxOf = mailboxOf;
    this.sent = sent;
  }

  send(shard: number, kind: number, ticket: number, payloadBytes: number, fill: Fill | null): void {
    this.sendTo(this.mailboxOf(shard), kind, ticket, payloadBytes, fill);
  }

  sendTo(mailbox: Mailbox, kind: number, ticket: number, payloadBytes: number, fill: Fill | null): void {
    const line = this.waiting.get(mailbox.peer);
    const message = { kind, ticket, payloadBytes, fill };
    if (line !== undefined && line.length > 0) line.push(message);
    else if (!put(mailbox, message)) this.waiting.set(mailbox.peer, [message]);
    this.sent();
  }

  onSpace(mailbox: Mailbox): void {
    const line = this.waiting.get(mailbox.peer);
    if (line === undefined) return;
    let sent = 0;
    while (sent < line.length && put(mailbox, line[sent]!)) sent++;
    line.splice(0, sent);
  }
}

function put(mailbox: Mailbox, { kind, ticket, payloadBytes, fill }: Waiting): boolean {
  const at = mailbox.claim(kind, ticket, payloadBytes);
  if (at < 0) return false;
  if (fill !== null) fill(mailbox.outbound, at);
  return true;
}
