// The measured side: a broker with the native reactor in this process, told over IPC when a window begins and ends.
// Started by request-allocation.test.ts with --expose-gc and a young generation larger than any window, and, where shards
// have threads of their own, with heap-window.mjs loaded in them: then their heaps are measured, and this thread's is not.

import { parseBrokerConfig } from '../../dist/engine/base/config-broker.js';
import { startBroker } from '../../dist/workers/supervisor/start-broker.js';
import { ask, begin, end, settle } from './heap-window.mjs';

const texts = { listeners: 'PLAINTEXT://127.0.0.1:0', 'ringlog.shards': '0', 'ringlog.reactor': 'native', ...JSON.parse(process.argv[2]) };
const parsed = parseBrokerConfig(Object.entries(texts).map(([name, value]) => ({ name, value, from: 'test' })));
const broker = await startBroker({
  settings: parsed.settings,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  onDeath: (cause) => {
    throw cause;
  },
});
const shards = Number(texts['ringlog.shards']);

process.on('message', async (message) => {
  if (message === 'begin') {
    if (shards > 0) await ask('settle', shards);
    else await settle();
    // After a shard's own message is out: it is no request.
    if (shards > 0) await ask('begin', shards);
    process.send('begun', begin);
  } else if (message === 'end') {
    const found = shards > 0 ? await ask('end', shards) : [await end()];
    const sum = (field) => found.reduce((total, one) => total + one[field], 0);
    process.send({ bytes: sum('bytes'), collections: sum('collections') });
  } else if (message === 'stop') {
    await broker.stop();
    process.disconnect();
  }
});
process.send({ port: broker.facts.addresses[0].port });
