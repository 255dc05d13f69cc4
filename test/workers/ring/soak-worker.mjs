// One thread of the soak: sends its own random stream to the peer and checks every byte of the peer's.
// Owner: a worker started by ring-soak.test.ts.

import { parentPort, workerData } from 'node:worker_threads';
import { loadNativeBinding } from '../../../dist/engine/io/native-binding.js';
import { Ctl } from '../../../dist/engine/io/tick-layout.js';
import { openReactor } from '../../../dist/net/reactor/open-reactor.js';
import { MeshEndpoint } from '../../../dist/workers/ring/mesh-endpoint.js';
import { SlotField } from '../../../dist/workers/ring/spsc-ring.js';

const DATA = 100;
const ACK = 101;
const { mesh, thread, seed, messages, progress, waker } = workerData;
const peer = 1 - thread;
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
const counters = new Int32Array(progress);

/** The stream a thread sends, known to both ends: sizes, and a key for the bytes of each message. */
class Stream {
  constructor(from) {
    this.state = (seed * 2 + from + 1) | 0;
    this.next();
  }

  random() {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** The next message: mostly small, sometimes up to half the arena, sometimes a control message over several arenas. */
  next() {
    const r = this.random();
    this.isControl = r % 997 === 0;
    if (this.isControl) this.length = this.random() % (3 * 16_384);
    else if (r % 7 === 0) this.length = this.random() % 8193;
    else this.length = this.random() % 200;
    this.key = this.random();
  }
}

function fill(bytes, offset, length, key) {
  let x = key | 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    bytes[offset + i] = x >>> 24;
  }
}

function check(bytes, offset, length, key, message) {
  let x = key | 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    if (bytes[offset + i] !== x >>> 24) throw new Error(`byte ${i} of ${length} of message ${message} is wrong`);
  }
}

const outgoing = new Stream(thread);
const expected = new Stream(peer);
// Choices of this thread that the other need not know: bursts, pauses, holds.
const choices = new Stream(thread + 10);
const holds = [];
let sent = 0;
let received = 0;
let acked = 0;
let ackOwed = false;
let pauseUntil = 0;
let reported = false;
let scheduled = false;
let sleeps = 0;

/** Woken as a shard is, through the eventfd of its reactor; without one by Atomics.waitAsync. */
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

function took(message) {
  if (message !== received) throw new Error(`message ${message} where ${received} was due`);
  received++;
  counters[thread] = received;
  expected.next();
}

const endpoint = new MeshEndpoint(
  mesh,
  thread,
  {
    onMessage(mailbox, kind, at) {
      const { inbound } = mailbox;
      const { words } = inbound;
      const ticket = words[at + SlotField.TICKET];
      if (kind === ACK) {
        acked = ticket;
        return;
      }
      const offset = words[at + SlotField.PAYLOAD_OFFSET];
      const length = words[at + SlotField.PAYLOAD_LENGTH];
      if (expected.isControl || length !== expected.length) throw new Error(`length ${length} of message ${ticket}`);
      check(inbound.bytes, offset, length, expected.key, ticket);
      if (choices.random() % 50 === 0) {
        inbound.hold(at);
        holds.push({ at, offset, length, key: expected.key, ticket, ticks: choices.random() % 4 });
      }
      took(ticket);
      ackOwed = true;
    },
    onControl(_mailbox, message, bytes) {
      if (!expected.isControl || bytes.length !== expected.length) throw new Error(`length of control message ${message}`);
      check(bytes, 0, bytes.length, expected.key, message);
      took(message);
      ackOwed = true;
    },
    onSpace() {},
  },
  reactor === null
    ? { signal: null, wakeFd: -1, onWake: schedule }
    : { signal: (fd) => loadNativeBinding().binding.signal(fd), wakeFd: reactor.wakeFd },
);
const mailbox = endpoint.mailboxes[peer];

function letGo() {
  for (let i = holds.length - 1; i >= 0; i--) {
    const held = holds[i];
    if (held.ticks-- > 0) continue;
    check(mailbox.inbound.bytes, held.offset, held.length, held.key, held.ticket);
    mailbox.inbound.unhold(held.at);
    holds.splice(i, 1);
  }
}

/** False when there is no room now. */
function sendOne() {
  if (outgoing.isControl) {
    const bytes = new Uint8Array(outgoing.length);
    fill(bytes, 0, bytes.length, outgoing.key);
    if (mailbox.control.waiting || !mailbox.sendControl(sent, bytes)) return false;
  } else {
    if (mailbox.claim(DATA, sent, outgoing.length) < 0) return false;
    fill(mailbox.outbound.bytes, mailbox.outbound.payloadOffset, outgoing.length, outgoing.key);
  }
  sent++;
  outgoing.next();
  return true;
}

/** True when there is more to send and room for it. */
function sendBurst() {
  if (sent === messages || acked < pauseUntil) return false;
  const burst = 1 + (choices.random() % (choices.random() % 3 === 0 ? 400 : 4));
  for (let i = 0; i < burst && sent < messages; i++) if (!sendOne()) return false;
  // Often wait for the peer to have seen all of it, so that both threads fall asleep again and again.
  if (choices.random() % 2 === 0) pauseUntil = sent;
  return sent < messages && acked >= pauseUntil;
}

function tick() {
  scheduled = false;
  // Nothing but WAKE can be in it.
  if (reactor !== null) reactor.ctl[Ctl.CQ_COUNT] = 0;
  endpoint.drain(1 + (choices.random() % 100));
  letGo();
  if (ackOwed && mailbox.claim(ACK, received, 0) >= 0) ackOwed = false;
  const more = sendBurst();
  const sleepy = endpoint.finishTick();
  if (!sleepy || more || holds.length > 0) schedule();
  else sleeps++;
  if (!reported && sent === messages && received === messages && holds.length === 0) {
    reported = true;
    const { outbound } = mailbox;
    parentPort.postMessage({ received, sleeps, full: outbound.stats.full, batches: outbound.stats.batches });
  }
}

reactor?.start(tick);
// Keeps the event loop alive; the test terminates the thread.
parentPort.on('message', () => undefined);
schedule();
