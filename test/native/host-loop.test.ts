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

/**
 * A thread that loses the CPU after libuv has read its clock, before the task reads its own, sees a timer come early by that
 * much: by chance, whereas a clock that is not brought up to date does it every time.
 */
async function onTime<T>(what: string, isOnTime: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = (await inWorker(what)) as T;
    if (isOnTime(answer)) return answer;
  }
  throw new Error(`${what}: early every time`);
}

describe.skipIf(nativeAbsent)('a reactor in place of the event loop', () => {
  test('timers fire while no socket speaks, never before their time, in order', async () => {
    const { order } = await onTime<{ early: number[]; order: number[] }>('timers', ({ early }) => early.length === 0);
    expect(order).toEqual([1, 5, 20, 60]);
  });

  test('a timer set in a tick after a long wait counts from the tick', async () => {
    await onTime<{ early: boolean }>('timer in tick', ({ early }) => !early);
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
