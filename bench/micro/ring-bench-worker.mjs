// One of the two threads of ring.bench.mjs: sends or receives a run's messages by ring or by postMessage.
// Owner: a worker started by ring.bench.mjs, which names the run; the sender times throughput, the receiver latency.

import { parentPort, workerData } from 'node:worker_threads';
import { loadNativeBinding } from '../../dist/engine/io/native-binding.js';
import { Ctl } from '../../dist/engine/io/tick-layout.js';
import { openReactor } from '../../dist/net/reactor/open-reactor.js';
import { MeshEndpoint } from '../../dist/workers/ring/mesh-endpoint.js';

const DATA = 100;
const WORD = 4;
const TIME_F64 = 3;
/** Messages under way by postMessage at most: as many as the ring has slots, as a queue without bound measures memory. */
const WINDOW = 1024;
const { mesh, thread, port, waker } = workerData;

const reactorOptions = {
  choice: 'native',
  arenaBytes: 16 << 20,
  requestMaxBytes: 1 << 20,
  sendQueueMaxBytes: 1 << 20,
  maxConnections: 1,
  fileThreads: 1,
  receiveBufferBytes: 0,
  sendBufferBytes: 0,
  ioUring: false,
  ownsThread: false,
};

const nowNs = () => Number(process.hrtime.bigint());

let run = null;
let scheduled = false;
let sum = 0;

/** With it a thread is woken as a shard is, through the eventfd that its reactor polls. */
const reactor = waker === 'eventfd' ? await openReactor(reactorOptions) : null;

function schedule() {
  if (reactor !== null) {
    reactor.schedule();
    return;
  }
  if (scheduled) return;
  scheduled = true;
  setImmediate(tick);
}

const endpoint = new MeshEndpoint(
  mesh,
  thread,
  {
    onMessage(mailbox, _kind, at) {
      const { words, f64 } = mailbox.inbound;
      if (run.latencies !== undefined) run.latencies.push(nowNs() - f64[(at >> 1) + TIME_F64]);
      sum = (sum + words[at + WORD]) | 0;
      if (++run.count === run.messages) finish();
    },
    onControl: () => undefined,
    onSpace: () => undefined,
  },
  reactor === null
    ? { signal: null, wakeFd: -1, onWake: schedule }
    : { signal: (fd) => loadNativeBinding().binding.signal(fd), wakeFd: reactor.wakeFd },
);
const mailbox = endpoint.mailboxes[1 - thread];

function tick() {
  scheduled = false;
  // Nothing but WAKE can be in it.
  if (reactor !== null) reactor.ctl[Ctl.CQ_COUNT] = 0;
  endpoint.drain();
  if (run?.send === 'ring') sendByRing();
  if (!endpoint.finishTick()) schedule();
}

function sendByRing() {
  const { outbound } = mailbox;
  const { batch, messages } = run;
  while (run.count < messages) {
    for (let i = 0; i < batch && run.count < messages; i++) {
      const at = mailbox.claim(DATA, run.count, 0);
      // Full: the tick ends, and the receiver wakes us when it has given slots back.
      if (at < 0) return;
      outbound.words[at + WORD] = run.count;
      outbound.f64[(at >> 1) + TIME_F64] = 1;
      run.count++;
    }
    mailbox.publish();
  }
  run = null;
}

function sendByPost() {
  const { batch, messages } = run;
  while (run.count < messages && run.count - run.acked < WINDOW) {
    const list = [];
    for (let i = 0; i < batch && run.count < messages; i++) list.push({ kind: DATA, ticket: run.count, word: run.count++, time: 1 });
    port.postMessage(batch === 1 ? list[0] : list);
  }
}

function takePosted(message) {
  if (run.latencies !== undefined) run.latencies.push(nowNs() - message.time);
  sum = (sum + message.word) | 0;
  if (++run.count === run.messages) finish();
  else if (run.count % (WINDOW / 2) === 0) port.postMessage(run.count);
}

port.on('message', (message) => {
  if (typeof message === 'number') {
    run.acked = message;
    sendByPost();
  } else if (Array.isArray(message)) {
    for (const each of message) takePosted(each);
  } else {
    takePosted(message);
  }
});

function finish() {
  const { latencies } = run;
  run = null;
  parentPort.postMessage({ endNs: nowNs(), latencies });
}

/** One message at a time, each to a receiver that has had a millisecond or more to fall asleep. */
function pokeSleeper(by, left) {
  if (left === 0) return;
  setTimeout(() => {
    if (by === 'ring') {
      const at = mailbox.claim(DATA, 0, 0);
      mailbox.outbound.words[at + WORD] = 1;
      mailbox.outbound.f64[(at >> 1) + TIME_F64] = nowNs();
      mailbox.publish();
    } else {
      port.postMessage({ kind: DATA, ticket: 0, word: 1, time: nowNs() });
    }
    pokeSleeper(by, left - 1);
  }, 1);
}

parentPort.on('message', (order) => {
  if (order.role === 'receive') {
    run = { count: 0, messages: order.messages, latencies: order.latency ? [] : undefined };
    parentPort.postMessage('ready');
  } else if (order.latency) {
    pokeSleeper(order.by, order.messages);
  } else {
    run = { send: order.by, count: 0, acked: 0, messages: order.messages, batch: order.batch };
    parentPort.postMessage({ startNs: nowNs() });
    if (order.by === 'ring') schedule();
    else sendByPost();
  }
});
reactor?.start(tick);
schedule();
