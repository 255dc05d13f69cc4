// Two real threads send each other random streams and check every byte: wrap-around, full rings, held messages, chunked
// control messages, and sleeping after most bursts. Bounded in messages; a lost wake-up shows as a missed deadline.

import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { createRingMesh } from '../../../src/workers/ring/ring-mesh.ts';
import { compileSources } from '../compiled.ts';

const MESSAGES = Number(process.env['RINGLOG_SOAK_MESSAGES'] ?? 60_000);
const DEADLINE_MS = 60_000 + MESSAGES;

interface Report {
  readonly received: number;
  readonly sleeps: number;
  readonly full: number;
  readonly batches: number;
}

async function soak(seed: number, messages: number, waker: string): Promise<Report[]> {
  const mesh = createRingMesh({ threads: 2, slots: 64, arenaBytes: 16_384, supervisorArenaBytes: 16_384 });
  const progress = new SharedArrayBuffer(8);
  const url = new URL('./soak-worker.mjs', import.meta.url);
  const workers = [0, 1].map((thread) => new Worker(url, { workerData: { mesh, thread, seed, messages, progress, waker } }));
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const stuck = (): void => reject(new Error(`stuck with ${new Int32Array(progress).join(' and ')} of ${messages} received`));
    deadline = setTimeout(stuck, DEADLINE_MS);
  });
  const reports = workers.map(
    (worker) =>
      new Promise<Report>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  try {
    return await Promise.race([Promise.all(reports), late]);
  } finally {
    clearTimeout(deadline);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** As shards wake each other with the addon and without. */
const wakers = loadNativeBinding().binding === null ? ['atomics'] : ['atomics', 'eventfd'];

describe('two threads', () => {
  beforeAll(compileSources);

  it.each(wakers.flatMap((waker) => [1, 20_260_801].map((seed) => [waker, seed] as const)))(
    'woken by %s, every byte arrives, seed %i',
    async (waker, seed) => {
      const reports = await soak(seed, MESSAGES, waker);
      for (const report of reports) {
        expect(report.received).toBe(MESSAGES);
        // The soak is worth something only when threads slept and rings filled.
        expect(report.sleeps).toBeGreaterThan(MESSAGES / 1000);
        expect(report.full).toBeGreaterThan(MESSAGES / 10_000);
        expect(report.batches).toBeLessThan(2 * MESSAGES);
      }
    },
    DEADLINE_MS + 10_000,
  );
});
