// Measures what its thread allocates between `begin` and `end`: nothing is collected in such a window, so the growth of the
// used heap is what was allocated, by anybody on the thread. A collection in spite of that is counted, and spoils it.
// Loaded before everything else in a measured broker: of one thread (which uses it itself) or with shards, each of which is
// told over a broadcast channel.

import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const CHANNEL = 'ringlog-heap-window';

let before = 0;
let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] });

/** Garbage is gone, and the observer, which is told later, has forgotten it. */
export async function settle() {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 20));
  collections = 0;
}

export function begin() {
  before = process.memoryUsage().heapUsed;
}

export async function end() {
  const bytes = process.memoryUsage().heapUsed - before;
  await new Promise((resolve) => setTimeout(resolve, 20));
  return { bytes, collections };
}

/** Asked of every shard. @returns what each says */
export function ask(what, shards) {
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise((resolve) => {
    const answers = [];
    channel.addEventListener('message', ({ data }) => {
      if (data.answer !== what || answers.push(data) < shards) return;
      channel.close();
      resolve(answers);
    });
    channel.postMessage({ what });
  });
}

if (!isMainThread) {
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener('message', async ({ data: { what } }) => {
    if (what === 'settle') await settle();
    const found = what === 'end' ? await end() : {};
    if (what !== undefined) channel.postMessage({ answer: what, ...found });
    if (what === 'begin') begin();
  });
  channel.unref();
}
