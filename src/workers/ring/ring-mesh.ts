// The shared memory of all threads: a ring for every ordered pair, a bell for each thread.
// Owner: made by the supervisor, handed to each worker in workerData. Not hot.

import { assert } from '../../engine/base/assert.ts';
import { BELL_WORDS, BellWord } from './doorbell.ts';
import { allocateRing } from './spsc-ring.ts';
import type { RingHandle } from './spsc-ring.ts';

/** Number of the supervisor's thread; shard i is thread i + 1. */
export const SUPERVISOR_THREAD = 0;

export interface RingMeshOptions {
  /** Supervisor and shards together. */
  readonly threads: number;
  /** Threads of the user's that may write: numbered behind the shards, each joined to the shards alone. */
  readonly guests?: number;
  /** Messages one ring holds. */
  readonly slots?: number;
  /** Arena from one shard to any thread: facts of forwarded batches, answers. */
  readonly arenaBytes?: number;
  /** Arena from the supervisor to a shard: images, facts of an embedded caller's batches. */
  readonly supervisorArenaBytes?: number;
  /** Memory for the batches of an embedded caller; pages are taken as they are used. */
  readonly callerArenaBytes?: number;
  readonly guestArenaBytes?: number;
}

/** Structured-cloneable; memory is shared, not copied. */
export interface RingMesh {
  /** Guests included. */
  readonly threads: number;
  readonly bells: SharedArrayBuffer;
  /** Batches of the supervisor's thread, and of each guest: written there, appended from here by the shards. By thread. */
  readonly callerArenas: readonly (SharedArrayBuffer | null)[];
  /** From thread f to thread t at [f * threads + t]; null on the diagonal, and where nothing is said. */
  readonly rings: readonly (RingHandle | null)[];
}

export function createRingMesh(options: RingMeshOptions): RingMesh {
  const { slots = 1024, arenaBytes = 256 * 1024, supervisorArenaBytes = 1024 * 1024, callerArenaBytes = 4096 } = options;
  const { guests = 0, guestArenaBytes = 4096 } = options;
  assert(Number.isInteger(options.threads) && options.threads >= 1, 'a mesh has threads', options.threads);
  const firstGuest = options.threads;
  const threads = firstGuest + guests;
  const isShard = (thread: number): boolean => thread !== SUPERVISOR_THREAD && thread < firstGuest;
  const joined = (from: number, to: number): boolean =>
    from !== to && ((from < firstGuest && to < firstGuest) || isShard(from) || isShard(to));
  const bells = new SharedArrayBuffer(threads * BELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
  const bellWords = new Int32Array(bells);
  const rings: (RingHandle | null)[] = [];
  for (let from = 0; from < threads; from++) {
    bellWords[from * BELL_WORDS + BellWord.WAKE_FD] = -1;
    for (let to = 0; to < threads; to++) {
      const bytes = from === SUPERVISOR_THREAD ? supervisorArenaBytes : arenaBytes;
      rings.push(joined(from, to) ? allocateRing(slots, bytes) : null);
    }
  }
  const callerArenas = Array.from({ length: threads }, (_, thread) => {
    if (isShard(thread)) return null;
    return new SharedArrayBuffer(thread === SUPERVISOR_THREAD ? callerArenaBytes : guestArenaBytes);
  });
  return { threads, bells, callerArenas, rings };
}

export function ringBetween(mesh: RingMesh, from: number, to: number): RingHandle {
  const ring = mesh.rings[from * mesh.threads + to];
  assert(ring !== undefined && ring !== null, 'a ring joins two threads', from, to);
  return ring;
}
