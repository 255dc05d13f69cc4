// What the arena of managed logs has room for, as the appends of this submit take it. Owner: the shard's thread. Hot: take().
//
// The reactor counts chunks (64 KiB, of one file each) when it has carried appends out; between two submits they are counted
// here as they are staged. A log's end may lie in a chunk that waits for the disk already: that one is counted twice, as nobody
// here knows. So this is never too much.

import { ARENA_CHUNK_BYTES, Ctl } from '../io/tick-layout.ts';
import type { TickRing } from '../io/tick-ring.ts';
import type { Log } from './log.ts';

export class ArenaRoom {
  private readonly ring: TickRing;
  /** Count of submits that `staged` belongs to. */
  private submits = -1;
  private staged = 0;

  constructor(ring: TickRing) {
    this.ring = ring;
  }

  /** False: there is no room now for a batch at the end of `log`. */
  take(log: Log, lengthBytes: number): boolean {
    const { ctl, ctlF64 } = this.ring;
    const submits = ctlF64[Ctl.SUBMITS_F64]!;
    if (this.submits !== submits) {
      this.submits = submits;
      this.staged = 0;
    }
    const staged = this.staged + chunksNeeded(this.ring, log, lengthBytes);
    if (staged > ctl[Ctl.ARENA_ROOM]!) return false;
    this.staged = staged;
    return true;
  }
}

/** Chunks that a batch at the end of `log` takes, save for those that batches staged before it have taken. */
export function chunksNeeded({ ctlF64 }: TickRing, log: Log, lengthBytes: number): number {
  const position = log.active.stagedBytes;
  const joins = position > 0 && log.chain >= 0 && log.chainSubmits === ctlF64[Ctl.SUBMITS_F64];
  return chunkOf(position + lengthBytes - 1) - chunkOf(joins ? position - 1 : position) + (joins ? 0 : 1);
}

/**
 * A disk has no room for what it promised, and a batch of this managed log is not kept waiting for it: the disk is the log's
 * own, or its bytes leave too little of the arena.
 */
export function isRefused(ring: TickRing, log: Log, lengthBytes: number): boolean {
  const most = ring.ctl[Ctl.ARENA_ROOM_MOST]!;
  if (most === ring.ctl[Ctl.ARENA_ROOM_MAX]) return false;
  return ring.managed!.isManagedFull(log.active.fd) || chunksNeeded(ring, log, lengthBytes) > most;
}

/** Larger than this, a batch would find no room ever; Infinity while that is not known. */
export function arenaBatchBytesMax({ ctl }: TickRing): number {
  const chunks = ctl[Ctl.ARENA_ROOM_MAX]!;
  // Wherever in a chunk it begins.
  return chunks === 0 ? Infinity : (chunks - 1) * ARENA_CHUNK_BYTES;
}

function chunkOf(position: number): number {
  return Math.floor(position / ARENA_CHUNK_BYTES);
}
