// Things in flight, named by a number that travels out and comes back. Owner: its owner's thread. Hot: a number keeps its
// object for the next use, so that in steady state nothing is allocated.

import { assert } from './assert.ts';
import { ReusedList } from './reused-list.ts';

export class TicketTable<T> {
  private readonly make: () => T;
  private readonly things: T[] = [];
  private readonly inFlight: boolean[] = [];
  private readonly free = new ReusedList<number>();

  constructor(make: () => T) {
    this.make = make;
  }

  /** A number that is not in flight; its object is to be filled. */
  take(): number {
    const ticket = this.free.pop() ?? this.things.length;
    if (ticket === this.things.length) this.things.push(this.make());
    this.inFlight[ticket] = true;
    return ticket;
  }

  /** The object of a number in flight. */
  at(ticket: number): T {
    if (this.inFlight[ticket] !== true) assert(false, 'a number in flight', ticket);
    return this.things[ticket]!;
  }

  /** The number has come back. @returns its object, valid until the next take() */
  give(ticket: number): T {
    const thing = this.at(ticket);
    this.inFlight[ticket] = false;
    this.free.push(ticket);
    return thing;
  }
}
