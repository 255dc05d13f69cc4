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
  /** Messages one ring holds. */
  readonly slots?: number;
  /** Arena from one shard to any thread: facts of forwarded batches, answers. */
  readonly arenaBytes?: number;
  /** Arena from the supervisor to a shard: images, facts of an embedded caller's batches. */
  readonly supervisorArenaBytes?: number;
  /** Memory for the batches of an embedded caller; pages are taken as they are used. */
  readonly callerArenaBytes?: number;
}

/** Structured-cloneable; memory is shared, not copied. */
export interface RingMesh {
  readonly threads: number;
  readonly bells: SharedArrayBuffer;
  /** Batches of the supervisor's thread: written there, appended from here by the shards. */
  readonly callerArena: SharedArrayBuffer;
  /** From thread f to thread t at [f * threads + t]; null on the diagonal. */
  readonly rings: readonly (RingHandle | null)[];
}

export function createRingMesh(options: RingMeshOptions): RingMesh {
  const { threads, slots = 1024, arenaBytes = 256 * 1024, supervisorArenaBytes = 1024 * 1024, callerArenaBytes = 4096 } = options;
  assert(Number.isInteger(threads) && threads >= 1, 'a mesh has threads', threads);
  const bells = new SharedArrayBuffer(threads * BELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
  const bellWords = new Int32Array(bells);
  const rings: (RingHandle | null)[] = [];
  for (let from = 0; from < threads; from++) {
    bellWords[from * BELL_WORDS + BellWord.WAKE_FD] = -1;
    for (let to = 0; to < threads; to++) {
      const bytes = from === SUPERVISOR_THREAD ? supervisorArenaBytes : arenaBytes;
      rings.push(from === to ? null : allocateRing(slots, bytes));
    }
  }
  return { threads, bells, callerArena: new SharedArrayBuffer(callerArenaBytes), rings };
}

export function ringBetween(mesh: RingMesh, from: number, to: number): RingHandle {
  const ring = mesh.rings[from * mesh.threads + to];
  assert(ring !== undefined && ring !== null, 'a ring joins two threads', from, to);
  return ring;
}
