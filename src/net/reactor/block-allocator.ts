// Blocks of any size from a fixed range: segregated free lists with boundary tags, in units of 4 KiB.
// Owner: the shard's thread. Warm: one take and one give for each frame too long to share a block.
//
// A run of units is tagged with its length at its first and last unit: positive when taken, negative when free. A free
// run is in the list of bin floor(log2(units)), so any run of a higher bin fits and neighbours merge in O(1).

import { assert } from '../../engine/base/assert.ts';

export const BLOCK_UNIT = 4096;
const BINS = 32;
const NONE = -1;

export class BlockAllocator {
  readonly units: number;
  /** Bytes in taken blocks. */
  takenBytes = 0;
  private readonly tag: Int32Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly heads = new Int32Array(BINS).fill(NONE);

  /** Offsets run from 0; a rest smaller than a unit is not used. */
  constructor(bytes: number) {
    this.units = Math.floor(bytes / BLOCK_UNIT);
    assert(this.units > 0, 'an arena holds at least one block', bytes);
    this.tag = new Int32Array(this.units);
    this.next = new Int32Array(this.units);
    this.previous = new Int32Array(this.units);
    this.link(0, this.units);
  }

  get totalBytes(): number {
    return this.units * BLOCK_UNIT;
  }

  /** A block of at least `length` bytes: its offset, or -1. */
  take(length: number): number {
    const units = Math.max(1, Math.ceil(length / BLOCK_UNIT));
    const run = this.findRun(units);
    if (run === NONE) return -1;
    const have = -this.tag[run]!;
    this.unlink(run, have);
    if (have > units) this.link(run + units, have - units);
    this.tag[run] = units;
    this.tag[run + units - 1] = units;
    this.takenBytes += units * BLOCK_UNIT;
    return run * BLOCK_UNIT;
  }

  give(offset: number): void {
    let first = offset / BLOCK_UNIT;
    let units = this.tag[first] ?? 0;
    assert(Number.isInteger(first) && units > 0, 'a block given back is a block taken', offset, units);
    this.takenBytes -= units * BLOCK_UNIT;
    this.tag[first] = 0;
    this.tag[first + units - 1] = 0;
    const after = first + units;
    if (after < this.units && this.tag[after]! < 0) {
      const more = -this.tag[after]!;
      this.unlink(after, more);
      units += more;
    }
    if (first > 0 && this.tag[first - 1]! < 0) {
      const more = -this.tag[first - 1]!;
      first -= more;
      this.unlink(first, more);
      units += more;
    }
    this.link(first, units);
  }

  /** Size of a taken block. */
  bytesOf(offset: number): number {
    return this.tag[offset / BLOCK_UNIT]! * BLOCK_UNIT;
  }

  private findRun(units: number): number {
    const bin = 31 - Math.clz32(units);
    for (let run = this.heads[bin]!; run !== NONE; run = this.next[run]!) if (-this.tag[run]! >= units) return run;
    for (let higher = bin + 1; higher < BINS; higher++) if (this.heads[higher] !== NONE) return this.heads[higher]!;
    return NONE;
  }

  private link(run: number, units: number): void {
    const bin = 31 - Math.clz32(units);
    const head = this.heads[bin]!;
    this.tag[run] = -units;
    this.tag[run + units - 1] = -units;
    this.next[run] = head;
    this.previous[run] = NONE;
    if (head !== NONE) this.previous[head] = run;
    this.heads[bin] = run;
  }

  private unlink(run: number, units: number): void {
    const after = this.next[run]!;
    const before = this.previous[run]!;
    if (after !== NONE) this.previous[after] = before;
    if (before !== NONE) this.next[before] = after;
    else this.heads[31 - Math.clz32(units)] = after;
    this.tag[run] = 0;
    this.tag[run + units - 1] = 0;
  }
}
