// The reactor's end of a fake client's wire. Owner: the thread of the test or simulator. Not hot.

import type { Link } from './link.ts';

export class MemoryLink implements Link {
  readonly peer: string;
  /** The client said that it sends no more. */
  clientEnded = false;
  /** This end was closed: by finish(), after all was written, or by destroy(). */
  closed = false;
  /** What reached the client. */
  delivered: Uint8Array[] = [];
  private readonly inbound: Uint8Array[] = [];
  private reading = true;
  private endTold = false;
  /** Bytes the socket still takes. */
  private window = Infinity;
  private rest: Uint8Array = new Uint8Array(0);
  private done: (() => void) | null = null;

  constructor(peer: string) {
    this.peer = peer;
  }

  arrive(bytes: Uint8Array): void {
    // A Buffer's slice() would be a view.
    this.inbound.push(new Uint8Array(bytes));
  }

  arriveEnd(): void {
    this.clientEnded = true;
  }

  setWindow(bytes: number): void {
    this.window = bytes;
    this.push();
  }

  get readable(): boolean {
    return this.reading && !this.closed && (this.inbound.length > 0 || (this.clientEnded && !this.endTold));
  }

  get waitingBytes(): number {
    return this.inbound.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** The next piece the reactor receives, null when the end comes next; ask only when readable. */
  take(): Uint8Array | null {
    const piece = this.inbound.shift();
    if (piece === undefined) this.endTold = true;
    return piece ?? null;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.rest = bytes;
    this.done = done;
    this.push();
  }

  setReading(reading: boolean): void {
    this.reading = reading;
  }

  finish(done: () => void): void {
    this.closed = true;
    done();
  }

  destroy(): void {
    this.closed = true;
    this.done = null;
  }

  private push(): void {
    if (this.done === null) return;
    const step = Math.min(this.window, this.rest.length);
    // A copy: the writer uses its buffer again.
    if (step > 0) this.delivered.push(new Uint8Array(this.rest.subarray(0, step)));
    this.window -= step;
    this.rest = this.rest.subarray(step);
    if (this.rest.length > 0) return;
    const done = this.done;
    this.done = null;
    done();
  }
}
