// What a power cut left out, and nobody had been promised: told apart from damage. Owner: the shard's thread. Not hot:
// recovery only.
//
// A page cache is written back in no order. After a power cut a later page, or a later segment, may be on the disk and an
// earlier one not: its blocks read as zeros, or the file ends before them. Whoever was answered had every byte below his
// offset flushed first, so such a hole is above all that was flushed, unless the disk lost what it had. Known flushed is what
// lies below the recovery point; nothing else about acks survives a power cut. So
//
//   below the recovery point             damage, whatever it looks like
//   above, and looks like a hole         never flushed: told, kept in `damaged-ranges`, readers go on behind it
//   above, and looks like anything else  damage: bytes were there and are others now
//
// What follows a hole stays either way: cutting it off would multiply the loss if it was the disk's after all.

import type { FileSystem } from '../io/file-system.ts';
import type { DamagedRange, DamageRow, Segment } from './segment.ts';

/** `reason` of such a range. */
const NEVER_FLUSHED = 'never flushed';
/** Of acked offsets that are not there, between two segments. */
export const OFFSETS_LOST = 'offsets lost';

/** A file's blocks are written whole, on every file system that is mountable here. */
const BLOCK_BYTES = 4096;
/** Shorter runs of zeros at the end of a block are found in records too. */
const ZERO_RUN_BYTES_MIN = 512;

export function isNeverFlushed({ reason }: Pick<DamagedRange, 'reason'>): boolean {
  return reason === NEVER_FLUSHED;
}

/** What of a log is on the disk for certain, and what an earlier recovery said of its holes. */
export interface FlushedBefore {
  /** Infinity when the page cache that was written to is still there: it has no holes. */
  readonly offset: number;
  readonly known: readonly DamageRow[];
}

/** The reason for a gap that begins with `startOffset`: `otherwise`, or that it was never flushed. */
export function reasonOfGap(flushed: FlushedBefore, segment: Segment, startOffset: number, otherwise: string): string {
  if (startOffset >= flushed.offset) return NEVER_FLUSHED;
  const known = flushed.known.some(
    ({ base, range }) => base === segment.baseOffset && range.startOffset === startOffset && isNeverFlushed(range),
  );
  return known ? NEVER_FLUSHED : otherwise;
}

/** Does [from, to) read as zeros from some place to the end of a block, or of the range? */
export function hasHole(fs: FileSystem, fd: number, from: number, to: number): boolean {
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let at = from; at < to;) {
    const end = Math.min((Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES, to);
    const bytes = fs.read(fd, block, 0, end - at, at);
    if (bytes === 0) return false;
    let zeros = 0;
    while (zeros < bytes && block[bytes - 1 - zeros] === 0) zeros++;
    if (zeros >= ZERO_RUN_BYTES_MIN || (zeros > 0 && at + bytes - zeros === from)) return true;
    at += bytes;
  }
  return false;
}
