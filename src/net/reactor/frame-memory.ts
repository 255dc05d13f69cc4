// Where received frames lie: counted blocks, small frames of one tick side by side in a shared one.
// Owner: the shard's thread. Hot: place() once a frame.
//
// A block lives while someone holds it: the connection that assembles a long frame in it, the tick that has shown a
// frame of it, and every RETAIN. Its number, Frame.BLOCK, is its first unit.

import { assert } from '../../engine/base/assert.ts';
import { Ctl } from '../../engine/io/tick-layout.ts';
import { BLOCK_UNIT, type BlockAllocator } from './block-allocator.ts';

const SHARED_BYTES = 64 * 1024;
/** Longer frames have a block of their own, so that retaining one holds little else. */
export const SHARED_FRAME_BYTES = 16 * 1024;
const NONE = -1;

export class FrameMemory {
  /** Blocks given back so far. */
  releases = 0;
  private readonly blocks: BlockAllocator;
  private readonly ctlF64: Float64Array;
  private readonly holders: Int32Array;
  /** Blocks the tick holds. */
  private readonly shown: number[] = [];
  private shared = NONE;
  private sharedUsed = 0;
  private sharedBytes = 0;

  constructor(blocks: BlockAllocator, ctlF64: Float64Array) {
    this.blocks = blocks;
    this.ctlF64 = ctlF64;
    this.holders = new Int32Array(blocks.units);
  }

  get largestFrameBytes(): number {
    return this.blocks.totalBytes;
  }

  get freeBytes(): number {
    return this.blocks.totalBytes - this.blocks.takenBytes;
  }

  /** Room for a frame of at most SHARED_FRAME_BYTES that is complete: its offset, held by the tick; or -1. */
  placeWhole(length: number): number {
    if (this.shared === NONE || this.sharedUsed + length > this.sharedBytes) {
      let block = this.takeBlock(SHARED_BYTES);
      if (block === NONE) block = this.takeBlock(length);
      if (block === NONE) return -1;
      this.shown.push(block);
      this.shared = block;
      this.sharedUsed = 0;
      this.sharedBytes = this.blocks.bytesOf(block * BLOCK_UNIT);
    }
    const offset = this.shared * BLOCK_UNIT + this.sharedUsed;
    this.sharedUsed += length;
    return offset;
  }

  /** The block placeWhole() last used. */
  get sharedBlock(): number {
    return this.shared;
  }

  /** A block for a frame that is still arriving, held by the caller; or -1. */
  takeBlock(length: number): number {
    const offset = this.blocks.take(length);
    if (offset < 0) return NONE;
    const block = offset / BLOCK_UNIT;
    this.holders[block] = 1;
    this.ctlF64[Ctl.HELD_BYTES_F64] = this.ctlF64[Ctl.HELD_BYTES_F64]! + this.blocks.bytesOf(offset);
    return block;
  }

  bytesOf(block: number): number {
    return this.blocks.bytesOf(block * BLOCK_UNIT);
  }

  /** The caller's hold passes to the tick. */
  show(block: number): void {
    this.shown.push(block);
  }

  retain(block: number): void {
    assert(block >= 0 && this.holders[block]! > 0, 'a block retained is one that is held', block);
    this.holders[block] = this.holders[block]! + 1;
  }

  release(block: number): void {
    assert(block >= 0 && this.holders[block]! > 0, 'a block released is one that is held', block);
    const left = this.holders[block]! - 1;
    this.holders[block] = left;
    if (left > 0) return;
    this.releases++;
    const offset = block * BLOCK_UNIT;
    this.ctlF64[Ctl.HELD_BYTES_F64] = this.ctlF64[Ctl.HELD_BYTES_F64]! - this.blocks.bytesOf(offset);
    this.blocks.give(offset);
  }

  /** The tick lets go of the frames it has shown. */
  endTick(): void {
    this.shared = NONE;
    for (let i = 0; i < this.shown.length; i++) this.release(this.shown[i]!);
    this.shown.length = 0;
  }
}
