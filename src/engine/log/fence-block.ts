// What stands in a recycled file every FENCE_STEP_BYTES until something is written over it: nothing that was synced in the
// file's present life lies behind a fence that is whole (native/reactor/managed_store.h, rule a).
// Owner: the shard's thread. Not hot: recovery only.

import type { FileSystem } from '../io/file-system.ts';

/** kFenceStep of the native side. Half of HOLE_BYTES_MAX, so that a log never seems to go on behind the hole it ends in. */
export const FENCE_STEP_BYTES = 8 * 1024 * 1024;

const FENCE_BYTES = 4096;
const UNIT_BYTES = 16;

/** The fence that stands at a position. */
export function fenceBlock(position: number): Buffer {
  const unit = Buffer.alloc(UNIT_BYTES);
  unit.write('RLFENCE1', 'latin1');
  unit.writeBigUInt64BE(BigInt(position), 8);
  return Buffer.alloc(FENCE_BYTES, unit);
}

/** Position of the first whole fence in [from, end), or -1. */
export function findFence(fs: FileSystem, fd: number, from: number, end: number): number {
  const block = Buffer.alloc(FENCE_BYTES);
  for (let at = Math.ceil(from / FENCE_STEP_BYTES) * FENCE_STEP_BYTES; at + FENCE_BYTES <= end; at += FENCE_STEP_BYTES) {
    if (fs.read(fd, block, 0, FENCE_BYTES, at) === FENCE_BYTES && block.equals(fenceBlock(at))) return at;
  }
  return -1;
}
