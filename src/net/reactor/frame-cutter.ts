// Cuts one connection's byte stream into frames laid in the arena. Owner: the shard's thread. Hot: next() once a frame.
//
// A frame that came whole is laid beside others; one that is still arriving has a block of its own. Its announced length
// is not trusted for memory: the block at most doubles once what arrived has filled it, unless the connection has sent
// a whole frame of that length before. Bytes that found no room stay in the chunks they came in.

import { assert } from '../../engine/base/assert.ts';
import { type FrameMemory, SHARED_FRAME_BYTES } from './frame-memory.ts';
import { BLOCK_UNIT } from './block-allocator.ts';

export const Cut = {
  /** A frame is ready: frameOffset, frameLength, frameBlock; the tick holds its block. */
  FRAME: 0,
  /** More bytes are needed. */
  NEED_BYTES: 1,
  /** The arena is at its bound: ask again when memory was given back. */
  NEED_MEMORY: 2,
  TOO_LARGE: 3,
  NEGATIVE: 4,
} as const;

const PREFIX_BYTES = 4;
const FIRST_BLOCK_BYTES = 64 * 1024;
const NONE = -1;

export class FrameCutter {
  frameOffset = 0;
  frameLength = 0;
  frameBlock = NONE;
  private readonly memory: FrameMemory;
  private readonly arena: Uint8Array;
  private readonly maxBytes: number;
  private readonly chunks: Uint8Array[] = [];
  /** First unread byte of chunks[0]. */
  private at = 0;
  private unread = 0;
  private prefixBytes = 0;
  private prefix = 0;
  /** Block of the frame that is still arriving. */
  private block = NONE;
  private blockBytes = 0;
  private filled = 0;
  /** The longest frame it has sent whole. */
  private provenBytes = 0;

  constructor(memory: FrameMemory, arena: Uint8Array, requestMaxBytes: number) {
    this.memory = memory;
    this.arena = arena;
    this.maxBytes = Math.min(requestMaxBytes, memory.largestFrameBytes);
  }

  /** Take over a chunk; the caller does not change it any more. */
  give(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.unread += chunk.length;
  }

  /** @returns a Cut */
  next(): number {
    while (this.prefixBytes < PREFIX_BYTES) {
      if (this.unread === 0) return Cut.NEED_BYTES;
      this.prefix = (this.prefix << 8) | this.takeByte();
      this.prefixBytes++;
    }
    const length = this.prefix;
    if (length < 0) return Cut.NEGATIVE;
    if (length > this.maxBytes) return Cut.TOO_LARGE;
    if (this.block === NONE && length <= SHARED_FRAME_BYTES && this.unread >= length) return this.cutWhole(length);
    return this.assemble(length);
  }

  /** Give up: the frame that was arriving and all bytes go. */
  drop(): void {
    if (this.block !== NONE) this.memory.release(this.block);
    this.block = NONE;
    this.chunks.length = 0;
    this.at = 0;
    this.unread = 0;
  }

  private cutWhole(length: number): number {
    const offset = this.memory.placeWhole(length);
    if (offset < 0) return Cut.NEED_MEMORY;
    this.copyTo(offset, length);
    this.frameOffset = offset;
    this.frameLength = length;
    this.frameBlock = this.memory.sharedBlock;
    this.prefixBytes = 0;
    return Cut.FRAME;
  }

  /** Arena bytes of the frame that is still arriving. */
  get partialBytes(): number {
    return this.block === NONE ? 0 : this.filled;
  }

  private assemble(length: number): number {
    while (this.block === NONE || this.filled < length) {
      if ((this.block === NONE || this.filled === this.blockBytes) && !this.grow(length)) return Cut.NEED_MEMORY;
      if (this.unread === 0) return Cut.NEED_BYTES;
      const step = Math.min(length - this.filled, this.blockBytes - this.filled, this.unread);
      this.copyTo(this.block * BLOCK_UNIT + this.filled, step);
      this.filled += step;
    }
    this.frameOffset = this.block * BLOCK_UNIT;
    this.frameLength = length;
    this.frameBlock = this.block;
    this.provenBytes = Math.max(this.provenBytes, length);
    this.memory.show(this.block);
    this.block = NONE;
    this.prefixBytes = 0;
    return Cut.FRAME;
  }

  /** A first or a larger block; false when the arena has none. */
  private grow(length: number): boolean {
    const filled = this.block === NONE ? 0 : this.filled;
    const want = Math.min(length, Math.max(FIRST_BLOCK_BYTES, filled * 2, filled + this.unread, this.provenBytes));
    const block = this.memory.takeBlock(want);
    if (block === NONE) return this.block !== NONE && this.growInPlace(want);
    if (this.block !== NONE) {
      const from = this.block * BLOCK_UNIT;
      this.arena.copyWithin(block * BLOCK_UNIT, from, from + filled);
      this.memory.release(this.block);
    }
    this.useBlock(block, filled);
    return true;
  }

  /** The arena may hold the larger block when the smaller one is given back first: its bytes wait on the heap. */
  private growInPlace(want: number): boolean {
    const haveBytes = this.blockBytes;
    if (this.memory.freeBytes + haveBytes < want) return false;
    const from = this.block * BLOCK_UNIT;
    const saved = this.arena.slice(from, from + this.filled);
    this.memory.release(this.block);
    const larger = this.memory.takeBlock(want);
    const block = larger === NONE ? this.memory.takeBlock(haveBytes) : larger;
    assert(block !== NONE, 'a block just given back can be taken again', haveBytes);
    this.arena.set(saved, block * BLOCK_UNIT);
    this.useBlock(block, this.filled);
    return larger !== NONE;
  }

  private useBlock(block: number, filled: number): void {
    this.block = block;
    this.blockBytes = this.memory.bytesOf(block);
    this.filled = filled;
  }

  private takeByte(): number {
    const chunk = this.chunks[0]!;
    const byte = chunk[this.at]!;
    this.advance(chunk, 1);
    return byte;
  }

  private copyTo(offset: number, length: number): void {
    let to = offset;
    let left = length;
    while (left > 0) {
      const chunk = this.chunks[0]!;
      const step = Math.min(left, chunk.length - this.at);
      this.arena.set(this.at === 0 && step === chunk.length ? chunk : chunk.subarray(this.at, this.at + step), to);
      this.advance(chunk, step);
      to += step;
      left -= step;
    }
  }

  private advance(chunk: Uint8Array, bytes: number): void {
    this.at += bytes;
    this.unread -= bytes;
    if (this.at < chunk.length) return;
    this.chunks.shift();
    this.at = 0;
  }
}
