// Where a shard writes what it sends: bytes into the out region, orders into the submission ring.
// Owner: the shard's thread. Hot: a few stores an answer.
//
// Bytes written here are valid until the next submit(). reserve() submits when the region is full, so whoever needs
// several pieces in one answer reserves them in one call.

import { assert } from '../../../engine/base/assert.ts';
import { Ctl, Sq, SQ_SLOT_WORDS, SqField } from '../../../engine/io/tick-layout.ts';
import type { TickRing } from '../../../engine/io/tick-ring.ts';

const SLOT_F64 = SQ_SLOT_WORDS / 2;

export class Outbox {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly ring: TickRing;

  constructor(ring: TickRing) {
    this.ring = ring;
    this.bytes = ring.arena;
    this.view = ring.view;
  }

  /** The most one reserve() can give. */
  get capacityBytes(): number {
    return this.ring.outBytes;
  }

  /** Room for `length` bytes: its arena offset. Bytes reserved before may have been sent by this call. */
  reserve(length: number): number {
    const ring = this.ring;
    assert(length <= ring.outBytes, 'an answer piece fits the out region', length);
    if (ring.ctl[Ctl.OUT_USED]! + length > ring.outBytes) ring.submit();
    const offset = ring.outOffset + ring.ctl[Ctl.OUT_USED]!;
    ring.ctl[Ctl.OUT_USED] = ring.ctl[Ctl.OUT_USED]! + length;
    return offset;
  }

  /** Give back what the last reserve() turned out not to need. */
  trim(endOffset: number): void {
    this.ring.ctl[Ctl.OUT_USED] = endOffset - this.ring.outOffset;
  }

  send(conn: number, generation: number, offset: number, length: number): void {
    const at = this.slot(Sq.SEND);
    const sq = this.ring.sq;
    sq[at + SqField.CONN] = conn;
    sq[at + SqField.GENERATION] = generation;
    sq[at + SqField.OFFSET] = offset;
    sq[at + SqField.LENGTH] = length;
  }

  /** Send bytes that lie elsewhere, however many: copied through the out region piece by piece. */
  sendCopy(conn: number, generation: number, bytes: Uint8Array): void {
    const piece = this.capacityBytes;
    for (let from = 0; from < bytes.length; from += piece) {
      const length = Math.min(piece, bytes.length - from);
      const offset = this.reserve(length);
      this.bytes.set(bytes.subarray(from, from + length), offset);
      this.send(conn, generation, offset, length);
    }
  }

  sendFile(conn: number, generation: number, fd: number, position: number, length: number, lease: number): void {
    const at = this.slot(Sq.SEND_FILE);
    const sq = this.ring.sq;
    sq[at + SqField.CONN] = conn;
    sq[at + SqField.GENERATION] = generation;
    sq[at + SqField.FILE_FD] = fd;
    sq[at + SqField.LENGTH] = length;
    sq[at + SqField.TICKET] = lease;
    this.ring.sqF64[(at / SQ_SLOT_WORDS) * SLOT_F64 + SqField.POSITION_F64] = position;
  }

  /** `abrupt`: at once, dropping what is queued; otherwise after it has been sent. */
  close(conn: number, generation: number, abrupt: boolean): void {
    const at = this.slot(Sq.CLOSE);
    this.ring.sq[at + SqField.CONN] = conn;
    this.ring.sq[at + SqField.GENERATION] = generation;
    this.ring.sq[at + SqField.FLAGS] = abrupt ? 1 : 0;
  }

  setReading(conn: number, generation: number, reading: boolean): void {
    const at = this.slot(Sq.READING);
    this.ring.sq[at + SqField.CONN] = conn;
    this.ring.sq[at + SqField.GENERATION] = generation;
    this.ring.sq[at + SqField.FLAGS] = reading ? 1 : 0;
  }

  /** Keep (or give back) the receive block of a frame beyond this tick. */
  retain(block: number): void {
    this.ring.sq[this.slot(Sq.RETAIN) + SqField.TICKET] = block;
  }

  release(block: number): void {
    this.ring.sq[this.slot(Sq.RELEASE) + SqField.TICKET] = block;
  }

  arm(deadlineMs: number): void {
    const at = this.slot(Sq.ARM);
    this.ring.sqF64[(at / SQ_SLOT_WORDS) * SLOT_F64 + SqField.POSITION_F64] = deadlineMs;
  }

  /** A fresh slot for `op`: its first word. */
  private slot(op: number): number {
    const ring = this.ring;
    if (ring.sqCapacity === ring.ctl[Ctl.SQ_COUNT]) {
      // submit() would drop out bytes that no slot refers to yet: they are moved along by their owner's SEND being
      // entered before any further reserve(), which holds because every SEND follows its bytes at once.
      submitKeepingOut(ring);
    }
    const index = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = index + 1;
    const at = index * SQ_SLOT_WORDS;
    ring.sq[at + SqField.OP] = op;
    return at;
  }
}

/** submit() empties the out region only by resetting OUT_USED; bytes are intact, so an answer being written survives. */
function submitKeepingOut(ring: TickRing): void {
  const used = ring.ctl[Ctl.OUT_USED]!;
  ring.submit();
  ring.ctl[Ctl.OUT_USED] = used;
}
