// A fake client of the memory reactor: what a test sends and what it got. Owner: the thread of the test or simulator.
// Not hot. Nothing it does is seen by the reactor before the next tick.

import type { MemoryLink } from './memory-link.ts';

const PREFIX_BYTES = 4;

export class MemoryClient {
  private readonly link: MemoryLink;

  constructor(link: MemoryLink) {
    this.link = link;
  }

  get peer(): string {
    return this.link.peer;
  }

  /** The reactor closed the connection. */
  get closed(): boolean {
    return this.link.closed;
  }

  /** Bytes on the wire: they arrive as one piece. */
  send(bytes: Uint8Array): void {
    this.link.arrive(bytes);
  }

  /** `payload` behind its 4-byte length. */
  sendFrame(payload: Uint8Array): void {
    const frame = new Uint8Array(PREFIX_BYTES + payload.length);
    new DataView(frame.buffer).setInt32(0, payload.length);
    frame.set(payload, PREFIX_BYTES);
    this.link.arrive(frame);
  }

  /** No more bytes from this side. What was sent before still arrives. */
  close(): void {
    this.link.arriveEnd();
  }

  /** From now on the socket takes `bytes` more bytes from the reactor and then none; Infinity: all. */
  takeOnly(bytes: number): void {
    this.link.setWindow(bytes);
  }

  /** Bytes sent that the reactor has not received. */
  get unsentBytes(): number {
    return this.link.waitingBytes;
  }

  /** All bytes got and not yet taken by takeFrames(); they stay. */
  received(): Buffer {
    const all = Buffer.concat(this.link.delivered);
    this.link.delivered = [all];
    return all;
  }

  /** How many received() would give. */
  get receivedBytes(): number {
    return this.link.delivered.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Whole answers without their length; they are taken away. */
  takeFrames(): Buffer[] {
    const bytes = this.received();
    const frames: Buffer[] = [];
    let at = 0;
    while (at + PREFIX_BYTES <= bytes.length) {
      const end = at + PREFIX_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      frames.push(bytes.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    this.link.delivered = [bytes.subarray(at)];
    return frames;
  }
}
