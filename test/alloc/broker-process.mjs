// The measured side: a broker with the native reactor in this process (`ringlog.shards=0`), told over IPC when a window
// begins and ends. Started by request-allocation.test.ts with --expose-gc and a young generation larger than any window.
//
// In a window nothing is collected, so the growth of the used heap is what was allocated in it, by anybody in this
// process. A collection in spite of that is counted, and spoils the window.

import { PerformanceObserver } from 'node:perf_hooks';
import { parseBrokerConfig } from '../../dist/engine/base/config-broker.js';
import { startBroker } from '../../dist/workers/supervisor/start-broker.js';

const texts = { ...JSON.parse(process.argv[2]), listeners: 'PLAINTEXT://127.0.0.1:0', 'ringlog.shards': '0', 'ringlog.reactor': 'native' };
const parsed = parseBrokerConfig(Object.entries(texts).map(([name, value]) => ({ name, value, from: 'test' })));
const broker = await startBroker({
  settings: parsed.settings,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  onDeath: (cause) => {
    throw cause;
  },
});

let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] });

let before = 0;
process.on('message', async (message) => {
  if (message === 'begin') {
    globalThis.gc();
    // The observer is told later.
    await new Promise((resolve) => setTimeout(resolve, 20));
    collections = 0;
    process.send('begun', () => {
      before = process.memoryUsage().heapUsed;
    });
  } else if (message === 'end') {
    const bytes = process.memoryUsage().heapUsed - before;
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.send({ bytes, collections });
  } else if (message === 'stop') {
    await broker.stop();
    process.disconnect();
  }
});
process.send({ port: broker.facts.addresses[0].port });
