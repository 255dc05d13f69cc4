// RecentBatches: the last batches of a log, so that readers at the tail find positions without any IO, and bytes that
// arrived in this very tick without the file. Owner: the shard's thread. Hot; memory is taken at the first append.

import { Ctl } from '../io/tick-layout.ts';
import type { BatchFacts } from '../record/batch-facts.ts';

const CAPACITY = 32;
const MASK = CAPACITY - 1;

export class RecentBatches {
  private readonly baseOffsets = new Float64Array(CAPACITY);
  private readonly lastOffsets = new Float64Array(CAPACITY);
  private readonly segments = new Float64Array(CAPACITY);
  private readonly positions = new Int32Array(CAPACITY);
  private readonly lengths = new Int32Array(CAPACITY);
  private readonly arenaOffsets = new Int32Array(CAPACITY);
  private readonly ticks = new Float64Array(CAPACITY);
  private next = 0;
  private count = 0;

  add(baseOffset: number, lastOffset: number, segmentBase: number, position: number, batch: BatchFacts, ctlF64: Float64Array): void {
    const at = this.next & MASK;
    this.baseOffsets[at] = baseOffset;
    this.lastOffsets[at] = lastOffset;
    this.segments[at] = segmentBase;
    this.positions[at] = position;
    this.lengths[at] = batch.lengthBytes;
    this.arenaOffsets[at] = batch.arenaOffset;
    this.ticks[at] = ctlF64[Ctl.TICKS_F64]!;
    this.next = (this.next + 1) | 0;
    if (this.count < CAPACITY) this.count++;
  }

  clear(): void {
    this.count = 0;
  }

  /** The entry whose batch holds the offset in the segment, or -1. */
  find(offset: number, segmentBase: number): number {
    for (let i = 1; i <= this.count; i++) {
      const at = (this.next - i) & MASK;
      if (this.segments[at] !== segmentBase) {
        if (this.segments[at]! < segmentBase) return -1;
        continue;
      }
      if (this.lastOffsets[at]! < offset) return -1;
      if (this.baseOffsets[at]! <= offset) return at;
    }
    return -1;
  }

  position(entry: number): number {
    return this.positions[entry]!;
  }

  length(entry: number): number {
    return this.lengths[entry]!;
  }

  /** Arena offset when all of [position, position + length) of the segment is memory of this tick, else -1. */
  arenaRange(entry: number, length: number, tick: number): number {
    const start = this.arenaOffsets[entry]!;
    if (start < 0 || this.ticks[entry] !== tick) return -1;
    let covered = this.lengths[entry]!;
    let at = entry;
    while (covered < length) {
      const previous = at;
      at = (at + 1) & MASK;
      if (at === (this.next & MASK)) return -1;
      if (this.arenaOffsets[at] !== start + covered || this.ticks[at] !== tick) return -1;
      if (this.segments[at] !== this.segments[previous]) return -1;
      covered += this.lengths[at]!;
    }
    return start;
  }
}
