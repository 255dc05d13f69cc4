#!/usr/bin/env node
// How long a start takes after kill -9, beside a start on an empty directory: fill N GiB into active segments, then pairs of
// (empty start, write a little more, kill -9, start), each from the spawn of the process to the first acknowledged record. One
// table row a case; the ratio is taken within a pair. The bytes that recovery read are the broker's own count, which no noise
// of the machine touches.
//
//   node bench/restart.mjs                              # 7 partitions x 1 GiB and 64 partitions, 5 pairs
//   node bench/restart.mjs --cases 7 --gib 1 --pairs 2  # a look
//   node bench/restart.mjs --kafka                      # Apache Kafka beside it, killed and started the same way
//   node bench/restart.mjs --power                      # as after a power cut: what only the page cache vouches for is taken away

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { summarize } from './statistics.mjs';
import { buildNative, killEverything, repoRoot, runNative, stopEverything, System } from './systems.mjs';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '7,64' },
    gib: { type: 'string', default: '7' },
    pairs: { type: 'string', default: '5' },
    acks: { type: 'string', default: '1' },
    'record-bytes': { type: 'string', default: '1000' },
    records: { type: 'string', default: '64' },
    'data-dir': { type: 'string', default: join(repoRoot, '.cache/bench/restart') },
    kafka: { type: 'boolean', default: false },
    power: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const gib = Number(options.gib);
const pairs = Number(options.pairs);
const dataDir = resolve(options['data-dir']);
/** Appended before each kill, so that every kill comes upon something unsynced. */
const MORE_GB = 0.25;

const say = (text) => process.stderr.write(`${text}\n`);

async function loadgen(system, mode, flags, seconds) {
  const { out } = await runNative('loadgen', [mode, '--bootstrap', system.bootstrap, ...flags], { timeoutMs: (seconds + 120) * 1000 });
  return out ? JSON.parse(out) : undefined;
}

function fill(system, partitions, gigabytes, create) {
  const shape = ['--topic', 'restart', '--partitions', String(partitions), '--connections', String(Math.min(partitions, 16))];
  const load = ['--record-bytes', options['record-bytes'], '--records', options.records, '--acks', options.acks];
  const bounds = ['--warmup-s', '0', '--seconds', '600', '--max-gb', String(gigabytes)];
  return loadgen(system, 'produce', [...shape, ...load, ...bounds, ...(create ? ['--create'] : [])], 600);
}

async function firstAck(system, topic, create) {
  const sinceNs = String(system.spawn());
  const flags = ['--since-ns', sinceNs, '--topic', topic, '--partitions', '1', ...(create ? ['--create'] : [])];
  const { firstAckMs } = await loadgen(system, 'first-ack', flags, 300);
  return { ms: firstAckMs, cpuMs: cpuMs(system.pid) };
}

/** User and system time of the process so far: what the ratio of times would be on a machine without neighbours. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function kill(system) {
  process.kill(system.pid, 'SIGKILL');
  await system.stop();
}

/** What the broker says of its last start: NDJSON off a terminal. */
function recoveryOf(system) {
  const sums = { readBytes: 0, checkedBytes: 0, kept: 0, partitions: 0 };
  for (const line of readFileSync(system.logFile, 'utf8')
    .split('\n')
    .slice(system.seenLines ?? 0)) {
    if (!line.startsWith('{')) continue;
    const event = JSON.parse(line);
    if (event.readBytes === undefined) continue;
    for (const key of Object.keys(sums)) sums[key] += event[key] ?? 0;
  }
  return sums;
}

function markLog(system) {
  system.seenLines = existsSync(system.logFile) ? readFileSync(system.logFile, 'utf8').split('\n').length - 1 : 0;
}

/** The cache is still there in truth, so only the notes that vouch for it go: the rest is read as after a power cut. */
function forgetCacheNotes(system) {
  for (const name of readdirSync(system.dir)) rmSync(join(system.dir, name, 'recovery-note.cache'), { force: true });
}

async function measure(name, partitions) {
  const full = new System(name, join(dataDir, `full-${partitions}`));
  const empty = new System(name, join(dataDir, `empty-${partitions}`));
  full.logFile = join(dataDir, `${name}-full-${partitions}.log`);
  empty.logFile = join(dataDir, `${name}-empty-${partitions}.log`);
  const rows = [];
  await full.start({ empty: true });
  say(`${name}, ${partitions} partitions: filling ${gib} GiB`);
  await fill(full, partitions, gib * 1.073741824, true);
  for (let pair = 0; pair < pairs; pair++) {
    await fill(full, partitions, MORE_GB, false);
    await kill(full);
    if (options.power) forgetCacheNotes(full);
    await empty.prepare({ empty: true });
    const atEmpty = await firstAck(empty, 'restart', true);
    await kill(empty);
    await full.prepare({ empty: false });
    markLog(full);
    const atFull = await firstAck(full, 'restart', false);
    const recovery = recoveryOf(full);
    const { ms: emptyMs } = atEmpty;
    const { ms: fullMs } = atFull;
    rows.push({ emptyMs, fullMs, ratio: fullMs / emptyMs, cpuRatio: atFull.cpuMs / atEmpty.cpuMs, ...recovery });
    say(
      `  empty ${emptyMs.toFixed(0)} ms, full ${fullMs.toFixed(0)} ms, ${(recovery.readBytes / 2 ** 20).toFixed(2)} MiB read, ` +
        `${(recovery.checkedBytes / 2 ** 20).toFixed(2)} MiB checked, ${recovery.kept} of ${recovery.partitions} kept`,
    );
  }
  await kill(full);
  rmSync(full.dir, { recursive: true, force: true });
  rmSync(empty.dir, { recursive: true, force: true });
  return { system: name, partitions, gib, rows };
}

function describe({ system, partitions, rows }) {
  const ratio = summarize(rows.map((row) => row.ratio));
  const cpu = summarize(rows.map((row) => row.cpuRatio));
  const emptyMs = summarize(rows.map((row) => row.emptyMs)).median;
  const fullMs = summarize(rows.map((row) => row.fullMs)).median;
  const readMib = rows.map((row) => row.readBytes / 2 ** 20);
  const bytes =
    system === 'ringlog' ? `, read ${Math.min(...readMib).toFixed(2)}..${Math.max(...readMib).toFixed(2)} MiB of ${gib} GiB` : '';
  return (
    `${system.padEnd(8)} ${String(partitions).padStart(3)} partitions: full/empty ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)}), ` +
    `${emptyMs.toFixed(0)} -> ${fullMs.toFixed(0)} ms, CPU ${cpu.median.toFixed(2)} (${cpu.min.toFixed(2)}..${cpu.max.toFixed(2)})${bytes}`
  );
}

process.on('exit', killEverything);
process.on('SIGINT', () => process.exit(130));
mkdirSync(dataDir, { recursive: true });
const { bavail, bsize } = statfsSync(dataDir);
if (bavail * bsize < (gib + 20) * 2 ** 30) throw new Error(`${gib} GiB and 20 GiB to spare are wanted on the data disk`);
buildNative(say);
const results = [];
for (const partitions of options.cases.split(',').map(Number)) {
  for (const name of options.kafka ? ['ringlog', 'kafka'] : ['ringlog']) results.push(await measure(name, partitions));
}
await stopEverything();
if (options.json) console.log(JSON.stringify(results, null, 1));
else for (const result of results) console.log(describe(result));
