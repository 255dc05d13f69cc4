// A disk with a volatile write cache, as a file: what was written is on the platter only after a flush, and a power cut
// keeps any part of the rest. Owner: the process that serves it (fuse-disk-main.ts). Not hot.
//
// The cache is kept in blocks of 4 KiB with every version since the last flush. At a cut each block falls back, by the
// dice, to any of its versions or to what the platter has, and may be torn at a sector between two neighbouring ones:
// writes that were not flushed are on no disk in any order.

import { readSync, writeSync } from 'node:fs';

export const BLOCK_BYTES = 4096;
const SECTOR_BYTES = 512;

export interface DiskCounts {
  /** The power is cut. */
  isOff: boolean;
  writes: number;
  flushes: number;
  /** Blocks that a cut would find not flushed, now. */
  volatileBlocks: number;
  /** Blocks that were not flushed when the power went, and how many of them did not reach their last version. */
  unflushedBlocks: number;
  lostBlocks: number;
}

export class VolatileDisk {
  /** Between a cut and restore() every read and write is refused. */
  off = false;
  /** The power goes as soon as so much is in the cache: whoever asks from outside finds it flushed by then. */
  armed: { readonly blocks: number; readonly random: () => number; readonly keep: number } | null = null;
  private readonly fd: number;
  private readonly cache = new Map<number, Uint8Array[]>();
  private readonly sums = { writes: 0, flushes: 0, unflushedBlocks: 0, lostBlocks: 0 };

  constructor(fd: number) {
    this.fd = fd;
  }

  get counts(): DiskCounts {
    return { ...this.sums, isOff: this.off, volatileBlocks: this.cache.size };
  }

  read(position: number, into: Uint8Array): void {
    if (this.cache.size === 0) {
      // Past the image's end there is nothing, and nobody asks.
      readSync(this.fd, into, 0, into.length, position);
      return;
    }
    for (let done = 0; done < into.length;) {
      const block = Math.floor((position + done) / BLOCK_BYTES);
      const from = (position + done) % BLOCK_BYTES;
      const length = Math.min(BLOCK_BYTES - from, into.length - done);
      into.set(this.latest(block).subarray(from, from + length), done);
      done += length;
    }
  }

  write(position: number, bytes: Uint8Array): void {
    this.sums.writes++;
    for (let done = 0; done < bytes.length;) {
      const block = Math.floor((position + done) / BLOCK_BYTES);
      const from = (position + done) % BLOCK_BYTES;
      const length = Math.min(BLOCK_BYTES - from, bytes.length - done);
      const version = length === BLOCK_BYTES ? new Uint8Array(BLOCK_BYTES) : this.latest(block).slice();
      version.set(bytes.subarray(done, done + length), from);
      const versions = this.cache.get(block);
      if (versions === undefined) this.cache.set(block, [version]);
      else versions.push(version);
      done += length;
    }
    if (this.armed !== null && this.cache.size >= this.armed.blocks) this.cut(this.armed.random, this.armed.keep);
  }

  flush(): void {
    this.sums.flushes++;
    for (const [block, versions] of this.cache) writeSync(this.fd, versions.at(-1)!, 0, BLOCK_BYTES, block * BLOCK_BYTES);
    this.cache.clear();
  }

  /** The power goes. Of each block that was not flushed the last version survives with probability `keep`. */
  cut(random: () => number, keep: number): void {
    this.off = true;
    this.armed = null;
    for (const [block, versions] of this.cache) {
      this.sums.unflushedBlocks++;
      if (random() < keep) {
        writeSync(this.fd, versions.at(-1)!, 0, BLOCK_BYTES, block * BLOCK_BYTES);
        continue;
      }
      this.sums.lostBlocks++;
      const survivor = this.survivor(block, versions, random);
      if (survivor !== null) writeSync(this.fd, survivor, 0, BLOCK_BYTES, block * BLOCK_BYTES);
    }
    this.cache.clear();
  }

  restore(): void {
    this.off = false;
  }

  /** What a block that did not make it is found with; null: what the platter had. */
  private survivor(block: number, versions: readonly Uint8Array[], random: () => number): Uint8Array | null {
    const version = Math.floor(random() * versions.length);
    const before = version === 0 ? this.onPlatter(block) : versions[version - 1]!;
    const sectors = Math.floor(random() * (BLOCK_BYTES / SECTOR_BYTES));
    if (sectors === 0) return version === 0 ? null : before;
    const torn = before.slice();
    torn.set(versions[version]!.subarray(0, sectors * SECTOR_BYTES));
    return torn;
  }

  private latest(block: number): Uint8Array {
    return this.cache.get(block)?.at(-1) ?? this.onPlatter(block);
  }

  private onPlatter(block: number): Uint8Array {
    const bytes = new Uint8Array(BLOCK_BYTES);
    readSync(this.fd, bytes, 0, BLOCK_BYTES, block * BLOCK_BYTES);
    return bytes;
  }
}
