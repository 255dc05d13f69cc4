// Lines about clients that were sent away: one a client and reason, then how many more, never one a request.
// Owner: the shard's thread. Not hot.

import type { EventBody } from './control-kind.ts';

/** A client that does the same again and again has a line this often. */
const SAME_MS = 60_000;
/** Clients remembered; the one longest known is forgotten first. */
const CLIENTS_MAX = 256;
const LINES_A_SECOND = 5;

interface Known {
  readonly saidMs: number;
  more: number;
}

export class ClientLines {
  private readonly event: (body: EventBody) => void;
  private readonly nowMs: () => number;
  private readonly word: string;
  /** By host, client id and reason. */
  private readonly known = new Map<string, Known>();
  private windowMs = -Infinity;
  private lines = 0;
  private suppressed = 0;

  /** @param word what was done to them */
  constructor(event: (body: EventBody) => void, nowMs: () => number, word = 'closed') {
    this.event = event;
    this.nowMs = nowMs;
    this.word = word;
  }

  /** @param peer address:port @param host its address */
  refused(peer: string, clientId: string, reason: string, host = peer.slice(0, Math.max(0, peer.lastIndexOf(':')))): void {
    const now = this.nowMs();
    const key = JSON.stringify([host, clientId, reason]);
    const known = this.known.get(key);
    if (known !== undefined && now - known.saidMs < SAME_MS) {
      known.more++;
      return;
    }
    if (!this.admitted(now)) return;
    this.known.delete(key);
    if (this.known.size === CLIENTS_MAX) this.known.delete(this.known.keys().next().value!);
    this.known.set(key, { saidMs: now, more: 0 });
    const more = known === undefined || known.more === 0 ? '' : ` (and ${known.more} times since the last line about it)`;
    this.event({ level: 'warn', message: `${this.word} ${peer}: ${reason}${more}`, detail: { peer, clientId } });
  }

  /** Many clients at once are not to flood the log either. */
  private admitted(now: number): boolean {
    if (now - this.windowMs >= 1000) {
      if (this.suppressed > 0) this.event({ level: 'warn', message: `${this.suppressed} more ${this.word} for bad requests` });
      this.windowMs = now;
      this.lines = 0;
      this.suppressed = 0;
    }
    if (++this.lines <= LINES_A_SECOND) return true;
    this.suppressed++;
    return false;
  }
}
