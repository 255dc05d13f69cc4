// The receiving end of a ring: walk published slots in place, give them back in order, once a batch.
// Owner: the thread that receives. Hot: no object, one shared load a batch.
//
// Invariants (model-checked with ring-producer.ts): HEAD <= first held <= cursor <= TAIL. A slot and its payload belong
// to this thread from next() until the release() that passes them. The store of HEAD comes before the look at WANTS_SPACE.

import { assert } from '../../engine/base/assert.ts';
import type { Doorbell } from './doorbell.ts';
import { RingWord, SLOT_WORDS } from './spsc-ring.ts';
import type { SpscRing } from './spsc-ring.ts';

export class RingConsumer {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;

  private readonly slots: number;
  private readonly bell: Doorbell;
  /** 1 for each slot that must outlive the release() of its tick. */
  private readonly held: Uint8Array<ArrayBuffer>;
  private heldCount = 0;
  private tail: number;
  private cursor: number;
  private head: number;

  /** @param bell the sending thread's: rung when it waits for room. */
  constructor(ring: SpscRing, bell: Doorbell) {
    this.words = ring.words;
    this.f64 = ring.f64;
    this.bytes = ring.bytes;
    this.slots = ring.slots;
    this.bell = bell;
    this.held = new Uint8Array(ring.slots);
    this.head = Atomics.load(ring.words, RingWord.HEAD);
    this.cursor = this.head;
    this.tail = this.head;
  }

  /** The next message's first word, or -1. It stays valid until release(), or unhold() when held. */
  next(): number {
    if (this.cursor === this.tail) {
      this.tail = Atomics.load(this.words, RingWord.TAIL);
      if (this.cursor === this.tail) return -1;
    }
    const at = RingWord.SLOTS + (this.cursor & (this.slots - 1)) * SLOT_WORDS;
    this.cursor = (this.cursor + 1) | 0;
    return at;
  }

  /** Is something published that next() has not returned? */
  hasMore(): boolean {
    return this.cursor !== this.tail || Atomics.load(this.words, RingWord.TAIL) !== this.cursor;
  }

  /** Keep this message beyond release(): its bytes are still being written to a file. Later ones wait behind it. */
  hold(at: number): void {
    const index = this.indexOf(at);
    assert(this.held[index] === 0, 'a message is held once', index);
    this.held[index] = 1;
    this.heldCount++;
  }

  /** The held message may go with the next release(). */
  unhold(at: number): void {
    const index = this.indexOf(at);
    assert(this.held[index] === 1, 'only a held message is let go', index);
    this.held[index] = 0;
    this.heldCount--;
  }

  /** Give back every message walked so far, up to the first held one, and wake the sender if it waits for room. */
  release(): void {
    const upTo = this.heldCount === 0 ? this.cursor : this.firstHeld();
    if (upTo === this.head) return;
    this.head = upTo;
    Atomics.store(this.words, RingWord.HEAD, upTo);
    if (Atomics.load(this.words, RingWord.WANTS_SPACE) !== 0) {
      Atomics.store(this.words, RingWord.WANTS_SPACE, 0);
      this.bell.ring();
    }
  }

  private firstHeld(): number {
    let count = this.head;
    while (count !== this.cursor && this.held[count & (this.slots - 1)] === 0) count = (count + 1) | 0;
    return count;
  }

  private indexOf(at: number): number {
    return (at - RingWord.SLOTS) / SLOT_WORDS;
  }
}
