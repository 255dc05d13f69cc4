// Embedded produce: how many sends a second, how long each takes, and what it leaves on the heap.
//
//   npm run bench:embed [-- --quick] [--seconds 5] [--shards 1] [--dir DIR]
//
// Sends of 1,000 bytes, acks=1 and acks=all, by 1, 64 and 4,096 callers that each wait for their answer; then batches of
// 1,000 records (sendBatch). The settings take turns, so that a slow moment of the machine meets them all; a row is the
// median of its rounds, with the smallest and the largest. Latency is that of sends as the caller sees it, queueing
// included: at 4,096 callers it is mostly waiting for the others.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build as buildHistogram } from 'hdr-histogram-js';
import { open } from '../dist/bundle/embed.js';

const VALUE_BYTES = 1000;
const BATCH_RECORDS = 1000;
const BATCH_CALLERS = 8;
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    shards: { type: 'string', default: '1' },
    dir: { type: 'string', default: tmpdir() },
    quick: { type: 'boolean', default: false },
  },
});
const seconds = options.quick ? 0.5 : Number(options.seconds);
const rounds = options.quick ? 1 : Number(options.rounds);

const settings = [1, 'all'].flatMap((acks) => [
  ...[1, 64, 4096].map((callers) => ({ acks, callers, batch: false })),
  { acks, callers: BATCH_CALLERS, batch: true },
]);

/** Sends until time is up. */
async function run(producer, { callers, batch }, durationMs) {
  const histogram = buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const value = Buffer.alloc(VALUE_BYTES, 0x78);
  const record = { value };
  const records = Array.from({ length: BATCH_RECORDS }, () => record);
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  let allocated = 0;
  let lastHeap = heapBefore;
  let count = 0;
  const begunMs = performance.now();
  const endMs = begunMs + durationMs;
  // Between collections the heap only grows: its steps upward are what was allocated.
  const watch = setInterval(() => {
    const heap = process.memoryUsage().heapUsed;
    if (heap > lastHeap) allocated += heap - lastHeap;
    lastHeap = heap;
  }, 2);
  async function caller() {
    for (let now = performance.now(); now < endMs;) {
      if (batch) await producer.sendBatch('t', records);
      else await producer.send('t', record);
      const done = performance.now();
      histogram.recordValue(Math.max(1, Math.round((done - now) * 1000)));
      count += batch ? BATCH_RECORDS : 1;
      now = done;
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  clearInterval(watch);
  const took = (performance.now() - begunMs) / 1000;
  const at = (percentile) => histogram.getValueAtPercentile(percentile);
  return { rate: count / took, p50: at(50), p99: at(99), p999: at(99.9), heapBytes: allocated / count };
}

const results = settings.map(() => []);
const dir = mkdtempSync(join(options.dir, 'ringlog-bench-embed-'));
console.log(`node ${process.version}, ${cpus().length} cores, load average ${loadavg()[0].toFixed(2)}, shards ${options.shards}, ${dir}`);
try {
  for (let round = -1; round < rounds; round++) {
    for (const [i, setting] of settings.entries()) {
      const path = join(dir, 'log');
      if (existsSync(path)) rmSync(path, { recursive: true });
      const log = await open({ dir: path, shards: Number(options.shards), topics: { t: 4 } });
      const producer = log.producer({ acks: setting.acks });
      await run(producer, setting, round < 0 ? 300 : 500);
      // The first round only warms the code up.
      if (round >= 0) results[i].push(await run(producer, setting, seconds * 1000));
      await log.close();
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const whole = (number) => Math.round(number).toLocaleString('en-US');
console.log('acks  callers        records/s (min..max)                p50 us    p99 us  p99.9 us  heap bytes a record');
for (const [i, { acks, callers, batch }] of settings.entries()) {
  const of = (key) => median(results[i].map((one) => one[key]));
  const rates = results[i].map(({ rate }) => rate);
  const name = `${String(acks).padEnd(5)} ${batch ? `${callers} x ${BATCH_RECORDS}` : callers}`.padEnd(18);
  const rate = `${whole(median(rates)).padStart(9)} (${whole(Math.min(...rates))}..${whole(Math.max(...rates))})`.padEnd(38);
  console.log(
    `${name} ${rate} ${['p50', 'p99', 'p999'].map((key) => whole(of(key)).padStart(9)).join(' ')} ${whole(of('heapBytes')).padStart(12)}`,
  );
}
