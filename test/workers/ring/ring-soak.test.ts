// Two real threads send each other random streams and check every byte: wrap-around, full rings, held messages, chunked
// control messages, and sleeping after most bursts. Bounded in messages; a lost wake-up shows as a missed deadline.

import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRingMesh } from '../../../src/workers/ring/ring-mesh.ts';
import { compileRing } from './compiled-ring.ts';

const MESSAGES = Number(process.env['RINGLOG_SOAK_MESSAGES'] ?? 60_000);
const DEADLINE_MS = 60_000 + MESSAGES;

interface Report {
  readonly received: number;
  readonly sleeps: number;
  readonly full: number;
  readonly batches: number;
}

async function soak(seed: number, messages: number): Promise<Report[]> {
  const mesh = createRingMesh({ threads: 2, slots: 64, arenaBytes: 16_384, supervisorArenaBytes: 16_384 });
  const progress = new SharedArrayBuffer(8);
  const url = new URL('./soak-worker.mjs', import.meta.url);
  const workers = [0, 1].map((thread) => new Worker(url, { workerData: { mesh, thread, seed, messages, progress } }));
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

describe('two threads', () => {
  beforeAll(compileRing, 120_000);

  it.each([1, 20_260_801])(
    'every byte arrives, seed %i',
    async (seed) => {
      const reports = await soak(seed, MESSAGES);
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
