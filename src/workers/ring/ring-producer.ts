// The sending end of a ring: claim a slot and payload bytes, fill them in place, publish a batch at once.
// Owner: the thread that sends. Hot: no object, no system call unless the receiver sleeps.
//
// Invariants (checked over all interleavings by test/workers/ring/spsc-ring.model.test.ts):
//   published <= tail <= head + slots, and arena bytes in use <= arenaBytes, where `head` is our copy of HEAD, never
//   ahead of it. A slot or an arena byte is written only when HEAD has passed its former use. The store of TAIL comes
//   after every byte it publishes and before the look at the bell; the store of WANTS_SPACE before the last look at HEAD.

import { assert } from '../../engine/base/assert.ts';
import type { Doorbell } from './doorbell.ts';
import { PAYLOAD_ALIGN, RingWord, SLOT_WORDS, SlotField } from './spsc-ring.ts';
import type { SpscRing } from './spsc-ring.ts';

export class RingProducer {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly f64: Float64Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** A longer payload is the caller's to split. Half the arena, so that the bytes skipped at its end never make a fit impossible. */
  readonly maxPayloadBytes: number;
  /** Byte offset in `bytes` of the payload of the last claim(). */
  payloadOffset = 0;
  /** For metrics: refused claims, and batches published. */
  readonly stats = { full: 0, batches: 0 };

  readonly slots: number;
  private readonly arenaBytes: number;
  private readonly arenaStart: number;
  private readonly bell: Doorbell;
  /** Arena position behind each slot's payload: what HEAD passing that slot gives back. */
  private readonly arenaEnds: Int32Array<ArrayBuffer>;
  private tail: number;
  private published: number;
  private head: number;
  /** Positions in the arena count bytes since the start, wrapping as int32. */
  private arenaTail = 0;
  private arenaHead = 0;
  /** A claim was refused and WANTS_SPACE was set; nobody has been told since. */
  private starved = false;

  /** @param bell the receiving thread's. */
  constructor(ring: SpscRing, bell: Doorbell) {
    this.words = ring.words;
    this.f64 = ring.f64;
    this.bytes = ring.bytes;
    this.slots = ring.slots;
    this.arenaBytes = ring.arenaBytes;
    this.arenaStart = ring.arenaStart;
    this.maxPayloadBytes = ring.arenaBytes / 2;
    this.bell = bell;
    this.arenaEnds = new Int32Array(ring.slots);
    this.tail = Atomics.load(ring.words, RingWord.TAIL);
    this.published = this.tail;
    this.head = this.tail;
    assert(Atomics.load(ring.words, RingWord.HEAD) === this.head, 'a producer starts on an empty ring', this.head);
  }

  /**
   * Take the next slot and `payloadBytes` of arena. Returns the slot's first word, or -1 when the ring or its arena is
   * full: then the receiver wakes this thread when it has given something back (see spaceCame). The caller writes KIND,
   * TICKET and the kind's words, and the payload at `payloadOffset`, before the next claim() or publish().
   */
  claim(payloadBytes: number): number {
    // Tested before the call: assert's rest parameter would be an array for each message.
    if (payloadBytes > this.maxPayloadBytes) assert(false, 'a payload fits half the arena', payloadBytes, this.arenaBytes);
    const bytes = (payloadBytes + (PAYLOAD_ALIGN - 1)) & -PAYLOAD_ALIGN;
    let start = this.roomFor(bytes);
    if (start < 0) {
      start = this.roomAfterRefresh(bytes);
      if (start < 0) return -1;
    }
    const index = this.tail & (this.slots - 1);
    const at = RingWord.SLOTS + index * SLOT_WORDS;
    this.tail = (this.tail + 1) | 0;
    // What is skipped at the arena's end belongs to this message and returns with it.
    const skipped = (start - this.arenaTail) & (this.arenaBytes - 1);
    this.arenaTail = (this.arenaTail + skipped + bytes) | 0;
    this.arenaEnds[index] = this.arenaTail;
    this.payloadOffset = this.arenaStart + start;
    this.words[at + SlotField.PAYLOAD_OFFSET] = this.payloadOffset;
    this.words[at + SlotField.PAYLOAD_LENGTH] = payloadBytes;
    return at;
  }

  /** Show every claimed slot to the receiver and wake it if it sleeps. Once a tick, not once a message. */
  publish(): void {
    if (this.tail === this.published) return;
    this.published = this.tail;
    this.stats.batches++;
    Atomics.store(this.words, RingWord.TAIL, this.tail);
    this.bell.ring();
  }

  /** After a refused claim: has the receiver given something back since? Asked before sleeping, and each tick. */
  spaceCame(): boolean {
    return this.starved && Atomics.load(this.words, RingWord.WANTS_SPACE) === 0;
  }

  /** As spaceCame, and forget it: whoever still lacks room claims again and, refused, is told again. */
  takeSpaceCame(): boolean {
    if (!this.spaceCame()) return false;
    this.starved = false;
    return true;
  }

  /** Slots that the receiver has not given back. */
  get usedSlots(): number {
    return (this.tail - Atomics.load(this.words, RingWord.HEAD)) | 0;
  }

  /** Arena offset for `bytes`, or -1. Payloads never straddle the arena's end. */
  private roomFor(bytes: number): number {
    if (((this.tail - this.head) | 0) >= this.slots) return -1;
    const start = this.arenaTail & (this.arenaBytes - 1);
    const left = this.arenaBytes - start;
    const used = (this.arenaTail - this.arenaHead) | 0;
    if (bytes <= left) return used + bytes <= this.arenaBytes ? start : -1;
    return used + left + bytes <= this.arenaBytes ? 0 : -1;
  }

  private roomAfterRefresh(bytes: number): number {
    this.refreshHead();
    let start = this.roomFor(bytes);
    if (start >= 0) return start;
    // The receiver can only give back what it has been shown.
    this.publish();
    // Dekker: our flag, a fence, then HEAD once more; the receiver stores HEAD, a fence, then looks at the flag.
    Atomics.store(this.words, RingWord.WANTS_SPACE, 1);
    this.refreshHead();
    start = this.roomFor(bytes);
    if (start >= 0) {
      // An earlier refusal keeps its `starved`: with the flag at 0 its owner is told, which is true.
      Atomics.store(this.words, RingWord.WANTS_SPACE, 0);
      return start;
    }
    this.starved = true;
    this.stats.full++;
    return -1;
  }

  private refreshHead(): void {
    const head = Atomics.load(this.words, RingWord.HEAD);
    if (head === this.head) return;
    this.head = head;
    // Slot head - 1 is not claimed again before this line has run, so its end is still the one of its last message.
    this.arenaHead = this.arenaEnds[(head - 1) & (this.slots - 1)]!;
  }
}
