// A tick ring's memory made in JavaScript, laid out as tick-layout.ts says: for the reactors that have no native side.
// Owner: the shard's thread; the arena is shared so that another thread's file work may read from it. Not hot.
//
//   arena: │ blocks (receive blocks, takeBlock) │ out region │

import { assert } from '../../engine/base/assert.ts';
import { CQ_SLOT_WORDS, Ctl, DESC_WORDS, SQ_SLOT_WORDS } from '../../engine/io/tick-layout.ts';
import type { TickMemory } from '../../engine/io/tick-ring.ts';

export interface RingSizes {
  readonly cqCapacity: number;
  readonly sqCapacity: number;
  readonly descCapacity: number;
  readonly outBytes: number;
}

export const DEFAULT_RING_SIZES: RingSizes = {
  // Room kept from frames (sqCapacity) is room for a chain each of every entry that a tick can show (descCapacity).
  cqCapacity: 16_384,
  sqCapacity: 4096,
  descCapacity: 4096,
  outBytes: 4 * 1024 * 1024,
};

/** Offsets are int32 and addresses count arenas in steps of this. */
export const ARENA_SPAN = 2 ** 31;
const PAGE = 4096;

/** @param arenaIndex which arena of the process this is: what addresses in it are counted from */
export function createRingMemory(
  blockBytes: number,
  sizes: RingSizes,
  arenaIndex: number,
): TickMemory & { readonly shared: SharedArrayBuffer } {
  assert(sizes.cqCapacity >= 2 && sizes.sqCapacity >= 1 && sizes.descCapacity >= 1, 'rings have room', sizes.cqCapacity, sizes.sqCapacity);
  const outBytes = Math.ceil(sizes.outBytes / PAGE) * PAGE;
  const outOffset = Math.min(Math.floor(blockBytes / PAGE) * PAGE, ARENA_SPAN - PAGE - outBytes);
  assert(outOffset >= PAGE, 'the arena has room for blocks', blockBytes, outBytes);
  const shared = new SharedArrayBuffer(outOffset + outBytes);
  const ctl = new ArrayBuffer(Ctl.WORDS * 4);
  const sq = new ArrayBuffer(sizes.sqCapacity * SQ_SLOT_WORDS * 4);
  const desc = new ArrayBuffer(sizes.descCapacity * DESC_WORDS * 4);
  return {
    shared,
    arena: new Uint8Array(shared),
    view: new DataView(shared),
    arenaAddress: arenaIndex * ARENA_SPAN,
    ctl: new Int32Array(ctl),
    ctlF64: new Float64Array(ctl),
    cq: new Int32Array(sizes.cqCapacity * CQ_SLOT_WORDS),
    cqCapacity: sizes.cqCapacity,
    sq: new Int32Array(sq),
    sqF64: new Float64Array(sq),
    sqCapacity: sizes.sqCapacity,
    desc: new Int32Array(desc),
    descF64: new Float64Array(desc),
    descCapacity: sizes.descCapacity,
    outOffset,
    outBytes,
  };
}
