// The gateway, over uWebSockets.js and over node:http, beside what a Node service builds today: Fastify with a Kafka client
// in front of Apache Kafka. How many requests a second, how many a CPU-second of all the server's processes (its broker's
// too), and how long each takes.
//
//   npm run bench:gateway [-- --quick] [--seconds 5] [--rounds 4] [--shards 1] [--level disk|memory] [--dir DIR] [--alone]
//
// Records of 1,000 bytes: one as JSON, 100 lines of NDJSON, one as raw bytes, by 64 connections that each wait for their
// answer; and one a frame over 16 WebSockets with 16 frames each on their way. Two levels: `disk`, an answer survives the
// loss of power (Ringlog acks=all; Kafka acks=all with log.flush.interval.messages=1), and `memory`, the death of the
// process (acks=1). Systems take turns, forwards and backwards (A B B A); those that are not measured are stopped. A row is the
// median of its rounds. Latency is of a closed loop: see bench/gateway-load.mjs.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installPlatformatic } from '../scripts/install-clients.mjs';
import { pause, resume } from './peers/embed-peers.mjs';
import { freePort, installKafka, isAlive, kafkaVersion, startKafka, stopPid } from './peers/kafka.mjs';
import { median } from './statistics.mjs';
import { tableLines } from './table.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const RINGLOG = join(here, '..', 'bin', 'ringlog.mjs');
const LOADS = ['json', 'ndjson', 'raw', 'ws'];
const PARTITIONS = 4;
const READY_MS = 30_000;
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '4' },
    shards: { type: 'string', default: '1' },
    level: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    quick: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
});
const seconds = options.quick ? 1 : Number(options.seconds);
const warmSeconds = options.quick ? 1 : 3;
const rounds = options.quick ? 1 : Number(options.rounds);
const levels = options.level === undefined ? ['disk', 'memory'] : [options.level];
const pids = [];

/** A server; its last words are kept for when it does not start. */
function begin(node, args) {
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.words = '';
  child.stderr.on('data', (text) => (child.words = String(text)));
  child.stdout.resume();
  child.once('error', (error) => console.error(`bench: ${error.message}`));
  if (child.pid !== undefined) pids.push(child.pid);
  return child;
}

/** Runs to its end. @returns what it printed */
function finish(node, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: READY_MS + (seconds + warmSeconds + READY_MS) * 1000 });
    let out = '';
    let wrong = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (wrong += chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(out);
      reject(new Error(wrong.split('\n').find((line) => /^\w*Error/.test(line)) ?? `ended with ${code ?? signal}`));
    });
  });
}

async function beginRinglog(engine, level, dir) {
  const [kafkaPort, port] = [await freePort(), await freePort()];
  const sets = {
    listeners: `PLAINTEXT://127.0.0.1:${kafkaPort}`,
    'log.dirs': dir,
    'ringlog.shards': options.shards,
    'ringlog.http.listener': `127.0.0.1:${port}`,
    'ringlog.http.engine': engine,
  };
  const child = begin(process.execPath, [
    RINGLOG,
    'serve',
    ...Object.entries(sets).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ]);
  for (const endMs = Date.now() + READY_MS; ;) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (ready?.status === 200) break;
    if (Date.now() > endMs || child.exitCode !== null) throw new Error(`it does not start: ${child.words}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const server = `127.0.0.1:${kafkaPort}`;
  await finish(process.execPath, [RINGLOG, 'topic', 'create', 'clicks', '--partitions', String(PARTITIONS), '--bootstrap', server]);
  return { port, pids: [child.pid] };
}

async function beginFastify(level, dir) {
  installKafka({ log: console.log });
  const { folder: packages, node } = installPlatformatic();
  const kafkaPort = await freePort();
  const kafka = await startKafka({
    port: kafkaPort,
    dir,
    set: level === 'disk' ? { 'log.flush.interval.messages': 1 } : {},
    onSpawn: (pid) => pids.push(pid),
  });
  const child = begin(node, [join(here, 'peers', 'fastify-kafka.mjs'), JSON.stringify({ packages, kafkaPort, partitions: PARTITIONS })]);
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(Number(text)));
    child.once('exit', () => reject(new Error(`Fastify does not start: ${child.words}`)));
  });
  return { port, pids: [child.pid, kafka.pid] };
}

const SYSTEMS = [
  { name: 'Ringlog, uWebSockets.js', begin: (level, dir) => beginRinglog('uws', level, dir) },
  { name: 'Ringlog, node:http and ws', begin: (level, dir) => beginRinglog('node', level, dir) },
  ...(options.alone ? [] : [{ name: `Fastify, @platformatic/kafka, Apache Kafka ${kafkaVersion}`, begin: beginFastify }]),
];
const PROMISES = {
  disk: 'disk: an answer survives the loss of power. Ringlog acks=all (group commit); Kafka acks=all, log.flush.interval.messages=1',
  memory: 'memory: an answer survives the death of the process, not the loss of power. acks=1',
};

/** A first answer, before anything is measured: a cold JVM takes seconds for it. */
async function prime(port, level) {
  const url = `http://127.0.0.1:${port}/v1/topics/clicks/records?acks=${level === 'disk' ? 'all' : '1'}`;
  const headers = { 'content-type': 'application/octet-stream' };
  const { status } = await fetch(url, { method: 'POST', headers, body: 'first', signal: AbortSignal.timeout(READY_MS) });
  if (status !== 200) throw new Error(`it answers ${status}`);
}

async function beginAll(level, dir) {
  const systems = [];
  for (const [i, { name, begin: start }] of SYSTEMS.entries()) {
    const home = join(dir, `${level}-${i}`);
    mkdirSync(home);
    try {
      systems.push({ name, ...(await start(level, home)), results: new Map(LOADS.map((load) => [load, []])) });
      await prime(systems.at(-1).port, level);
      systems.at(-1).pids.forEach((pid) => pause({ pid }));
    } catch (error) {
      console.log(`${name} is left out: ${error.message.split('\n')[0]}`);
    }
  }
  return systems;
}

async function measure(system, load, level) {
  const run = { load, port: system.port, acks: level === 'disk' ? 'all' : '1', seconds, warmSeconds, pids: system.pids };
  system.pids.forEach((pid) => resume({ pid }));
  const result = await finish(process.execPath, [join(here, 'gateway-load.mjs'), JSON.stringify(run)]).then(JSON.parse, (error) => ({
    error,
  }));
  system.pids.forEach((pid) => pause({ pid }));
  system.results.get(load).push(result);
}

function print(systems, load) {
  const whole = (value) => Math.round(value).toLocaleString('en-US');
  const records = systems.flatMap(({ results }) => results.get(load)).find(({ error }) => error === undefined)?.records ?? 1;
  const what = load === 'ws' ? 'frames over WebSockets' : `POST of ${load}`;
  console.log(`\n${what}, ${records === 1 ? 'one record' : `${records} records`} each`);
  const rows = systems.flatMap(({ name, results }) => {
    const all = results.get(load);
    const fine = all.filter(({ error }) => error === undefined);
    for (const { error } of all.filter((one) => one.error !== undefined)) console.log(`! ${name}: ${error.message}`);
    const failed = fine.reduce((sum, one) => sum + one.failed, 0);
    if (failed > 0) console.log(`! ${name}: ${failed} requests failed`);
    if (fine.length === 0) return [];
    const of = (key) => median(fine.map((one) => one[key]));
    return [[name, ...['perCpuSecond', 'rate', 'p50', 'p90', 'p99', 'p999'].map((key) => whole(of(key)))]];
  });
  const header = ['', 'requests a CPU-second', 'requests/s', 'p50 us', 'p90 us', 'p99 us', 'p99.9 us'];
  if (rows.length > 0) for (const line of tableLines(header, rows, 1)) console.log(`  ${line}`);
}

async function endAll() {
  for (const pid of pids.splice(0).toReversed()) {
    if (!isAlive(pid)) continue;
    resume({ pid });
    await stopPid(pid, 10_000);
  }
}

const dir = mkdtempSync(join(options.dir, 'ringlog-bench-gateway-'));
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void endAll().then(() => (rmSync(dir, { recursive: true, force: true }), process.exit(130))));
console.log(`node ${process.version}, ${cpus().length} cores, load average ${loadavg()[0].toFixed(2)}, shards ${options.shards}, ${dir}`);
try {
  for (const level of levels) {
    const systems = await beginAll(level, dir);
    for (const load of LOADS) {
      for (let round = 0; round < rounds; round++) {
        for (const system of round % 2 === 0 ? systems : systems.toReversed()) await measure(system, load, level);
      }
    }
    console.log(`\n${PROMISES[level]}`);
    for (const load of LOADS) print(systems, load);
    await endAll();
  }
} finally {
  await endAll();
  rmSync(dir, { recursive: true, force: true });
}
