// Messages per second and wake latency between two threads: the ring, woken through eventfds (with the
// addon) and by Atomics, beside postMessage, interleaved in one run.
// Needs dist/ (npm run build). Arguments: messages a run (default 400000), rounds (default 5).

import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import Table from 'cli-table3';
import { loadNativeBinding } from '../../dist/engine/io/native-binding.js';
import { createRingMesh } from '../../dist/workers/ring/ring-mesh.js';

const messages = Number(process.argv[2] ?? 400_000);
const rounds = Number(process.argv[3] ?? 5);
const POKES = 400;

const url = new URL('./ring-bench-worker.mjs', import.meta.url);

/** Two threads, who wake each other by `waker`. */
function openPair(waker) {
  const mesh = createRingMesh({ threads: 2 });
  const { port1, port2 } = new MessageChannel();
  const [sender, receiver] = [port1, port2].map(
    (port, thread) => new Worker(url, { workerData: { mesh, thread, port, waker }, transferList: [port] }),
  );
  return { sender, receiver };
}

const atomics = { pair: openPair('atomics'), by: 'ring' };
const ways = { atomics, post: { pair: atomics.pair, by: 'post' } };
if (loadNativeBinding().binding !== null) ways.eventfd = { pair: openPair('eventfd'), by: 'ring' };

async function ask(worker, order) {
  worker.postMessage(order);
  const [answer] = await once(worker, 'message');
  return answer;
}

async function throughput({ pair: { sender, receiver }, by }, batch) {
  await ask(receiver, { role: 'receive', messages });
  const ended = once(receiver, 'message');
  const { startNs } = await ask(sender, { role: 'send', by, batch, messages });
  const [{ endNs }] = await ended;
  return (messages / (endNs - startNs)) * 1e9;
}

async function latency({ pair: { sender, receiver }, by }) {
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
const delays = new Map();
// The first round warms all up and is dropped.
for (let round = 0; round <= rounds; round++) {
  for (const [name, way] of Object.entries(ways)) {
    for (const batch of [1, 16, 256]) {
      const rate = await throughput(way, batch);
      if (round > 0) rates.set(`${name} ${batch}`, [...(rates.get(`${name} ${batch}`) ?? []), rate]);
    }
    const values = await latency(way);
    if (round > 0) delays.set(name, [...(delays.get(name) ?? []), ...values]);
  }
}

const head = ['', 'ring, eventfd', 'ring, Atomics', 'postMessage', 'ratio'];
const table = new Table({ head, style: { head: [], border: [] } });
const best = ways.eventfd === undefined ? 'atomics' : 'eventfd';
const cells = (of) => ['eventfd', 'atomics', 'post'].map((name) => (ways[name] === undefined ? 'no addon' : of(name)));
for (const batch of [1, 16, 256]) {
  const median = (name) => quantile(rates.get(`${name} ${batch}`), 0.5);
  const row = cells((name) => perSecond(rates.get(`${name} ${batch}`)));
  table.push([`batch ${batch}, M messages/s, median (min … max)`, ...row, `${(median(best) / median('post')).toFixed(1)}x`]);
}
for (const q of [0.5, 0.99]) {
  const us = (name) => quantile(delays.get(name), q) / 1000;
  const row = cells((name) => us(name).toFixed(1));
  table.push([`wake a sleeping thread, p${q * 100}, µs`, ...row, `${(us('post') / us(best)).toFixed(1)}x`]);
}
process.stdout.write(`${messages} messages a run, ${rounds} rounds interleaved, Node ${process.versions.node}\n`);
process.stdout.write(`${table.toString()}\n`);
await Promise.all(Object.values(ways).flatMap(({ pair }) => [pair.sender.terminate(), pair.receiver.terminate()]));
