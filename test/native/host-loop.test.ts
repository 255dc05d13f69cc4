// What a thread's own timers, immediates, promises and messages must still do while a native reactor waits in place of
// its event loop. In a worker, because the reactor takes the whole thread.

import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import * as layout from '../../src/engine/io/tick-layout.ts';
import { ADDON_PATH, nativeAbsent } from './native-bench.ts';

async function inWorker(what: string): Promise<unknown> {
  const path = fileURLToPath(new URL('./fixtures/host-worker.cjs', import.meta.url));
  const worker = new Worker(path, { workerData: { addonPath: ADDON_PATH, layout: { ...layout }, what } });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.on('message', (message: { ready?: true; answer?: unknown }) => {
        if (message.ready === true) worker.postMessage('go');
        else resolve(message.answer);
      });
    });
  } finally {
    await worker.terminate();
  }
}

describe.skipIf(nativeAbsent)('a reactor in place of the event loop', () => {
  test('timers fire while no socket speaks, never before their time, in order', async () => {
    expect(await inWorker('timers')).toEqual({ early: [], order: [1, 5, 20, 60] });
  });

  test('a timer set in a tick after a long wait counts from the tick', async () => {
    expect(await inWorker('timer in tick')).toEqual({ early: false });
  });

  test('immediates and promises of a tick run before the next wait', async () => {
    expect(await inWorker('immediate in tick')).toEqual(['tick', 'nextTick', 'promise', 'immediate']);
  });

  test('files opened by promise and messages of other threads arrive', async () => {
    expect(await inWorker('loop work')).toEqual({ bytes: true, message: 'hello' });
  });

  test('ticks that ask for the next tick do not starve the loop', async () => {
    expect(await inWorker('busy')).toBe(true);
  });
});
