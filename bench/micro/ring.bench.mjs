// Messages per second and wake latency between two threads: the ring beside postMessage, interleaved in one run.
// Needs dist/ (npm run build). Arguments: messages a run (default 400000), rounds (default 5).

import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import Table from 'cli-table3';
import { createRingMesh } from '../../dist/workers/ring/ring-mesh.js';

const messages = Number(process.argv[2] ?? 400_000);
const rounds = Number(process.argv[3] ?? 5);
const POKES = 400;

const mesh = createRingMesh({ threads: 2 });
const { port1, port2 } = new MessageChannel();
const url = new URL('./ring-bench-worker.mjs', import.meta.url);
const [sender, receiver] = [port1, port2].map(
  (port, thread) => new Worker(url, { workerData: { mesh, thread, port }, transferList: [port] }),
);

async function ask(worker, order) {
  worker.postMessage(order);
  const [answer] = await once(worker, 'message');
  return answer;
}

async function throughput(by, batch) {
  await ask(receiver, { role: 'receive', messages });
  const ended = once(receiver, 'message');
  const { startNs } = await ask(sender, { role: 'send', by, batch, messages });
  const [{ endNs }] = await ended;
  return (messages / (endNs - startNs)) * 1e9;
}

async function latency(by) {
  await ask(receiver, { role: 'receive', messages: POKES, latency: true });
  const ended = once(receiver, 'message');
  sender.postMessage({ role: 'send', by, latency: true, messages: POKES });
  const [{ latencies }] = await ended;
  return latencies;
}

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const perSecond = (values) =>
  [0.5, 0, 1]
    .map((q) => (quantile(values, q) / 1e6).toFixed(2))
    .join(' ')
    .replace(/ (.*) (.*)/, ' ($1 … $2)');

const rates = new Map();
const delays = { ring: [], post: [] };
// The first round warms both up and is dropped.
for (let round = 0; round <= rounds; round++) {
  for (const batch of [1, 16, 256]) {
    for (const by of ['ring', 'post']) {
      const rate = await throughput(by, batch);
      const name = `${by} ${batch}`;
      if (round > 0) rates.set(name, [...(rates.get(name) ?? []), rate]);
    }
  }
  for (const by of ['ring', 'post']) {
    const values = await latency(by);
    if (round > 0) delays[by].push(...values);
  }
}

const table = new Table({ head: ['', 'ring', 'postMessage', 'ratio'], style: { head: [], border: [] } });
for (const batch of [1, 16, 256]) {
  const [ring, post] = [rates.get(`ring ${batch}`), rates.get(`post ${batch}`)];
  const ratio = (quantile(ring, 0.5) / quantile(post, 0.5)).toFixed(1);
  table.push([`batch ${batch}, M messages/s, median (min … max)`, perSecond(ring), perSecond(post), `${ratio}x`]);
}
for (const q of [0.5, 0.99]) {
  const [ring, post] = [quantile(delays.ring, q) / 1000, quantile(delays.post, q) / 1000];
  table.push([`wake a sleeping thread, p${q * 100}, µs`, ring.toFixed(1), post.toFixed(1), `${(post / ring).toFixed(1)}x`]);
}
process.stdout.write(
  `${messages} messages a run, ${rounds} rounds interleaved, Node ${process.versions.node}; ring wakes by Atomics.waitAsync\n`,
);
process.stdout.write(`${table.toString()}\n`);
await Promise.all([sender.terminate(), receiver.terminate()]);
