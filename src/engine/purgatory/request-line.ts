// Answers leave a connection in the order its requests came, whatever order they are ready in.
// Owner: the shard's thread. Hot: linked in place, nothing is allocated.
//
// A request takes its place when it is decoded. Produce and Fetch start at once: the order of appends is the order in
// which they came. All others start when everything before them has answered, as all do in Kafka, so that they see what
// it did. When the outcome of a request is known it is settled; it answers as soon as everything before it has answered.

import { assert } from '../base/assert.ts';
import { TimerEntry } from './timing-wheel.ts';

/** A request whose answer is not out yet. Subclasses are pooled: `answer` must leave the object ready for reuse. */
export abstract class PendingRequest extends TimerEntry {
  line: RequestLine | null = null;
  nextInLine: PendingRequest | null = null;
  settled = false;
  correlationId = 0;
  apiVersion = 0;
  apiKey = -1;
  /** When the tick began that brought it: ShardCounters.tickBeganUs. */
  arrivedUs = 0;

  /** Write the answer; called once, in turn. The connection may have died meanwhile (line.closed). */
  abstract answer(): void;

  /** Everything before it has answered. Not called for one that found the line empty. */
  onTurn(): void {}
}

export class RequestLine {
  head: PendingRequest | null = null;
  tail: PendingRequest | null = null;
  length = 0;
  /** The connection is gone: requests still answer in turn, to be freed, but write nothing. */
  closed = false;
  private draining = false;
  private shorterThan = -1;
  private onShorter: (() => void) | null = null;

  /** Call `then` once, when no more than `length` requests wait. */
  whenShorter(length: number, then: () => void): void {
    this.shorterThan = length;
    this.onShorter = then;
  }

  enter(request: PendingRequest): void {
    assert(request.line === null, 'a request stands in one line');
    request.line = this;
    request.nextInLine = null;
    request.settled = false;
    if (this.tail === null) this.head = request;
    else this.tail.nextInLine = request;
    this.tail = request;
    this.length++;
  }

  /** The outcome of `request` is known. */
  settle(request: PendingRequest): void {
    assert(request.line === this && !request.settled, 'a request is settled once');
    request.settled = true;
    if (this.head === request && !this.draining) this.drain();
  }

  private drain(): void {
    this.draining = true;
    for (let request = this.head; request !== null; request = this.head) {
      if (!request.settled) {
        request.onTurn();
        if (!request.settled) break;
      }
      this.head = request.nextInLine;
      if (this.head === null) this.tail = null;
      this.length--;
      request.line = null;
      request.nextInLine = null;
      request.answer();
    }
    this.draining = false;
    const then = this.onShorter;
    if (then === null || this.length > this.shorterThan) return;
    this.onShorter = null;
    then();
  }
}
