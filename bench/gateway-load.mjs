// One run of bench/gateway.mjs in a process of its own: requests or frames into one server by callers that each wait for
// their answer. Prints one line of JSON.
//
//   node gateway-load.mjs '{ "load", "port", "acks", "seconds", "warmSeconds", "pids" }'
//
// autocannon drives HTTP. Its correction of latency is not used: with a rate set it fills in samples for an interval of a
// whole millisecond whatever the rate is, which is too many. Without a rate this is a closed loop, and latency is what a
// caller who waits sees, queueing behind the other callers included; it says nothing of a schedule. Its own histogram is in
// whole milliseconds: the times it measured go into one of microseconds here.

import autocannon from 'autocannon';
import { build as buildHistogram } from 'hdr-histogram-js';
import { pack, unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import { processCpu } from './cpu-time.mjs';

const VALUE = 'x'.repeat(1000);
const LINES = 100;
const HTTP_CALLERS = 64;
const SOCKETS = 16;
const FRAMES_EACH = 16;
const GIVE_UP_MS = 30_000;
const run = JSON.parse(process.argv[2]);

const LOADS = {
  json: { type: 'application/json', body: JSON.stringify({ records: [{ value: VALUE }] }), records: 1 },
  ndjson: { type: 'application/x-ndjson', body: `{"value":"${VALUE}"}\n`.repeat(LINES), records: LINES },
  raw: { type: 'application/octet-stream', body: VALUE, records: 1 },
  ws: { records: 1 },
};

const newHistogram = () =>
  buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
const cpuSeconds = () => run.pids.reduce((sum, pid) => sum + processCpu(pid).seconds, 0);

async function http(seconds, record) {
  const { type, body } = LOADS[run.load];
  const url = `http://127.0.0.1:${run.port}/v1/topics/clicks/records?acks=${run.acks}`;
  const headers = { 'content-type': type };
  let done = 0;
  let failed = 0;
  const instance = autocannon({
    url,
    method: 'POST',
    headers,
    body,
    connections: HTTP_CALLERS,
    duration: seconds,
  });
  instance.on('response', (_client, status, _bytes, ms) => {
    if (status !== 200) return failed++;
    done++;
    record(ms * 1000);
  });
  const { errors } = await instance;
  return { done, failed: failed + errors };
}

/** Frames over connections that stay, each with some on their way. */
class Sockets {
  done = 0;
  failed = 0;
  record = () => undefined;
  inFlight = 0;
  next = 0;
  sending = false;
  begun = new Map();
  idle = null;

  async open() {
    this.sockets = await Promise.all(
      Array.from({ length: SOCKETS }, async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${run.port}/v1/stream`, ['ringlog.v1'], { perMessageDeflate: false });
        socket.on('message', (frame) => this.take(socket, unpack(frame)));
        await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
        return socket;
      }),
    );
  }

  send(socket) {
    const id = this.next++;
    this.begun.set(id, performance.now());
    this.inFlight++;
    socket.send(pack({ t: 'produce', id, topic: 'clicks', records: [{ value: VALUE }], acks: run.acks }));
  }

  take(socket, { t, id }) {
    const begun = this.begun.get(id);
    if (begun === undefined) return;
    this.begun.delete(id);
    this.inFlight--;
    if (t === 'ack') {
      this.done++;
      this.record((performance.now() - begun) * 1000);
    } else this.failed++;
    if (this.sending) this.send(socket);
    else if (this.inFlight === 0) this.idle?.();
  }

  async load(seconds, record) {
    Object.assign(this, { done: 0, failed: 0, record, sending: true });
    for (const socket of this.sockets) for (let i = 0; i < FRAMES_EACH; i++) this.send(socket);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    this.sending = false;
    const { done } = this;
    if (this.inFlight > 0) await new Promise((resolve) => (this.idle = resolve));
    return { done, failed: this.failed };
  }

  close() {
    for (const socket of this.sockets) socket.terminate();
  }
}

setTimeout(
  () => {
    console.error(`Error: no end after ${GIVE_UP_MS / 1000} s`);
    process.exit(1);
  },
  GIVE_UP_MS + (run.seconds + run.warmSeconds) * 1000,
).unref();
const sockets = run.load === 'ws' ? new Sockets() : null;
await sockets?.open();
const load = sockets === null ? http : (seconds, record) => sockets.load(seconds, record);
await load(run.warmSeconds, () => undefined);
const histogram = newHistogram();
const cpuBefore = cpuSeconds();
const beganMs = performance.now();
const { done, failed } = await load(run.seconds, (us) => histogram.recordValue(Math.max(1, Math.round(us))));
const took = (performance.now() - beganMs) / 1000;
const cpu = cpuSeconds() - cpuBefore;
sockets?.close();
if (done === 0) throw new Error(`no request was answered, ${failed} failed`);
const [p50, p90, p99, p999] = [50, 90, 99, 99.9].map((percentile) => histogram.getValueAtPercentile(percentile));
console.log(JSON.stringify({ rate: done / took, perCpuSecond: done / cpu, records: LOADS[run.load].records, failed, p50, p90, p99, p999 }));
