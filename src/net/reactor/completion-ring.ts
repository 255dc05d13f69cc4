// The writing side of the completion ring, for reactors without a native side. Owner: the shard's thread. Hot.
//
// Frames are let in only up to a mark, and their sockets are paused beyond it. What cannot be refused (the end of work
// that was asked for) waits in a list when the ring is full; it is bounded by the work in flight.

import { Cq, CQ_SLOT_WORDS, CqField, Ctl, Frame } from '../../engine/io/tick-layout.ts';
import type { TickMemory } from '../../engine/io/tick-ring.ts';

const WAITING_WORDS = 5;

export class CompletionRing {
  private readonly cq: Int32Array;
  private readonly ctl: Int32Array;
  private readonly capacity: number;
  private readonly frameMark: number;
  private readonly onPush: () => void;
  /** Completions of WAITING_WORDS numbers each that found the ring full. */
  private waiting: number[] = [];

  /** @param onPush called after each completion: a tick is due */
  constructor(memory: TickMemory, onPush: () => void) {
    this.cq = memory.cq;
    this.ctl = memory.ctl;
    this.capacity = memory.cqCapacity;
    // The other half is for what the tick itself causes, such as a completion for each append chain.
    this.frameMark = Math.max(1, memory.cqCapacity - Math.min(memory.sqCapacity, memory.cqCapacity >> 1));
    this.onPush = onPush;
  }

  get isEmpty(): boolean {
    return this.ctl[Ctl.CQ_COUNT] === 0 && this.waiting.length === 0;
  }

  push(op: number, conn: number, generation: number, result: number, ticket: number): void {
    if (this.waiting.length > 0 || this.ctl[Ctl.CQ_COUNT]! >= this.capacity) this.waiting.push(op, conn, generation, result, ticket);
    else this.write(op, conn, generation, result, ticket);
    this.onPush();
  }

  /** Move what waits into the ring, as far as it has room. */
  refill(): void {
    const waiting = this.waiting;
    if (waiting.length === 0) return;
    let at = 0;
    for (; at < waiting.length && this.ctl[Ctl.CQ_COUNT]! < this.capacity; at += WAITING_WORDS) {
      this.write(waiting[at]!, waiting[at + 1]!, waiting[at + 2]!, waiting[at + 3]!, waiting[at + 4]!);
    }
    this.waiting = waiting.slice(at);
  }

  /** The first word of a slot for a frame, or -1 when its socket has to wait. commitFrame() makes it count. */
  frameSlot(): number {
    if (this.waiting.length > 0 || this.ctl[Ctl.CQ_COUNT]! >= this.frameMark) return -1;
    const slot = this.ctl[Ctl.CQ_COUNT]! * CQ_SLOT_WORDS;
    this.cq[slot + Frame.OP] = Cq.FRAME;
    return slot;
  }

  commitFrame(): void {
    this.ctl[Ctl.CQ_COUNT] = this.ctl[Ctl.CQ_COUNT]! + 1;
    this.onPush();
  }

  private write(op: number, conn: number, generation: number, result: number, ticket: number): void {
    const slot = this.ctl[Ctl.CQ_COUNT]! * CQ_SLOT_WORDS;
    this.ctl[Ctl.CQ_COUNT] = this.ctl[Ctl.CQ_COUNT]! + 1;
    this.cq[slot + CqField.OP] = op;
    this.cq[slot + CqField.CONN] = conn;
    this.cq[slot + CqField.GENERATION] = generation;
    this.cq[slot + CqField.RESULT] = result;
    this.cq[slot + CqField.TICKET] = ticket;
  }
}
