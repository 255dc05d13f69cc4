// Embedded produce, and what a Node service would use in its place: how many sends a second, how long each takes, and what
// it leaves on the heap of the process that sends.
//
//   npm run bench:embed [-- --quick] [--seconds 3] [--rounds 3] [--shards 1,0] [--dir DIR] [--alone]
//
// Sends of 1,000 bytes by 1, 64 and 4,096 callers that each wait for their answer; of Ringlog also batches of 1,000 records
// (sendBatch, 8 and 64 callers). Two levels: `disk`, an answer survives the loss of power, and `memory`, it survives the death of
// the process that keeps the log (NATS: that of the client). For clients that do not do it themselves (SQLite, Kafka), what
// is sent in one turn of the loop goes as one transaction or request. The systems take turns, each run in a process of its
// own, so that a slow moment of the machine meets them all; a row is the median of its rounds, with the smallest and the
// largest. Latency is that of sends as the caller sees it, queueing included: at 4,096 callers it is mostly waiting.
//
// With shards 1 the log has a thread of its own, with 0 it runs in the caller's; `commit in place` is `ringlog.commit.in.place`.
// The ceilings are a native program's (bench/native/embed-ceiling.cc): for the disk one durable write of what all callers send,
// for memory a word to a thread on the other core and back, which whatever has a thread of its own pays once a round of
// callers, and for batches in memory the write of the same bytes into the page cache. End to end is one caller that waits until
// a consumer of the same process has the record.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { beginPeers, endPeers, pause, resume } from './peers/embed-peers.mjs';
import { buildNative, program } from './systems.mjs';

const LOAD = join(dirname(fileURLToPath(import.meta.url)), 'embed-load.mjs');
const CALLERS = [1, 64, 4096];
/** With more callers a wake-up is no limit: it is one of hundreds of things. */
const WAKE_CALLERS_MAX = 64;
const BATCH_CALLERS = [8, 64];
const BATCH_RECORDS = 1000;
/** A record of 1,000 bytes as it lies in a batch. */
const RECORD_BYTES = 1012;
const RUN_MS = 30_000;
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    shards: { type: 'string', default: '1,0' },
    dir: { type: 'string', default: tmpdir() },
    quick: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
});
const seconds = options.quick ? 0.5 : Number(options.seconds);
const warmSeconds = options.quick ? 0.3 : 1;
const rounds = options.quick ? 1 : Number(options.rounds);

/** A program to its end. @returns what it measured, or why it did not */
function measured(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_MS });
    let out = '';
    let wrong = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (wrong += chunk));
    child.once('error', (error) => resolve({ error: error.message }));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(JSON.parse(out));
      const reason = wrong.split('\n').find((line) => /Error/.test(line));
      resolve({ error: reason ?? `ended with ${code ?? signal}` });
    });
  });
}

function ceilingOf({ level, callers, batch }, home) {
  if (batch) return ['append', home, RECORD_BYTES, BATCH_RECORDS, seconds];
  return level === 'disk' ? ['disk', home, RECORD_BYTES, callers, seconds] : ['wake', callers, seconds];
}

/** One run of a row in a process of its own. */
async function run(row) {
  const { node, system, level, callers, batch, endToEnd, packages, port, shards, config } = row;
  // Embedded systems begin with nothing each time; a server goes on with what it has.
  const home = row.pid > 0 ? row.dir : join(dir, 'run');
  mkdirSync(home, { recursive: true });
  resume(row);
  const load = { system, level, callers, batch, endToEnd, seconds, warmSeconds, dir: home, port, packages, shards, config };
  const result =
    system === 'ceiling'
      ? await measured(program('embed-ceiling'), ceilingOf(row, home).map(String))
      : await measured(node, ['--expose-gc', LOAD, JSON.stringify(load)]);
  pause(row);
  if (row.pid === 0) rmSync(home, { recursive: true, force: true });
  return result;
}

function rowsOf(peers) {
  const ringlog = { system: 'ringlog', node: process.execPath, pid: 0 };
  const own = options.shards.split(',').map((shards) => ({ ...ringlog, name: `Ringlog, shards ${shards}`, shards: Number(shards) }));
  const inPlace = { ...ringlog, name: 'Ringlog, shards 0, commit in place', shards: 0, config: { 'ringlog.commit.in.place': 'true' } };
  const ceiling = (level, callers) => {
    if (level === 'disk') return [{ system: 'ceiling', pid: 0, name: 'ceiling: one durable write for all' }];
    return callers > WAKE_CALLERS_MAX ? [] : [{ system: 'ceiling', pid: 0, name: 'ceiling: wake another thread, and back' }];
  };
  const batches = (level) => [
    ...own.map((one) => ({ ...one, name: `${one.name}, sendBatch of 1,000` })),
    ...(level === 'memory' ? [{ system: 'ceiling', pid: 0, name: 'ceiling: the same bytes into the page cache' }] : []),
  ];
  const ours = (level) => (level === 'disk' ? [...own, inPlace] : own);
  const beside = (level, callers) => [...ours(level), ...ceiling(level, callers), ...peers.filter((peer) => peer.level === level)];
  const rows = ['disk', 'memory'].flatMap((level) => [
    ...CALLERS.flatMap((callers) => beside(level, callers).map((one) => ({ ...one, level, callers }))),
    ...BATCH_CALLERS.flatMap((callers) => batches(level).map((one) => ({ ...one, level, callers, batch: true }))),
  ]);
  const ends = own.map((one) => ({ ...one, level: 'memory', callers: 1, endToEnd: true }));
  return [...rows, ...ends].map((row) => ({ batch: false, endToEnd: false, ...row, results: [] }));
}

const dir = mkdtempSync(join(options.dir, 'ringlog-bench-embed-'));
console.log(`node ${process.version}, ${cpus().length} cores, load average ${loadavg()[0].toFixed(2)}, shards ${options.shards}, ${dir}`);
let peers = [];
try {
  buildNative((line) => console.log(line));
  if (!options.alone) peers = await beginPeers(dir, (line) => console.log(line));
  const rows = rowsOf(peers);
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) row.results.push(await run(row));
  }
  print(rows);
  console.log('\nAims end to end: p50 30 us, p99 150 us.');
} finally {
  await endPeers(peers);
  rmSync(dir, { recursive: true, force: true });
}

function print(rows) {
  const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
  const whole = (number) => Math.round(number).toLocaleString('en-US');
  let group = '';
  for (const { name, level, callers, batch, endToEnd, results } of rows) {
    const how = endToEnd ? 'end to end, ' : batch ? 'batches, ' : '';
    const title = `${level}, ${how}${callers} ${callers === 1 ? 'caller' : 'callers'}`;
    if (title !== group) {
      console.log(`\n${title.padEnd(46)}records/s (min..max)              p50 us    p99 us  p99.9 us  heap bytes a record`);
    }
    group = title;
    const fine = results.filter(({ error }) => error === undefined);
    if (fine.length < results.length) console.log(`  ${name.padEnd(42)} FAILED: ${results.find(({ error }) => error !== undefined).error}`);
    if (fine.length === 0) continue;
    const of = (key) => median(fine.map((one) => one[key]));
    const rates = fine.map(({ rate }) => rate);
    const rate = `${whole(median(rates)).padStart(9)} (${whole(Math.min(...rates))}..${whole(Math.max(...rates))})`.padEnd(32);
    const numbers = ['p50', 'p99', 'p999'].map((key) => whole(of(key)).padStart(9)).join(' ');
    console.log(`  ${name.padEnd(42)} ${rate} ${numbers} ${whole(of('heapBytes')).padStart(12)}`);
  }
}
