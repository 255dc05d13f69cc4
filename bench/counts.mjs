#!/usr/bin/env node
// `npm run bench:counts`: what a message and a request make the broker do: system calls, context switches, wake-ups, beside
// Apache Kafka and the C++ ceiling. Broker and load run before everything else on the machine (nice -20), so that who else
// uses it does not change how much a wake-up finds to do: these figures hold where times do not.
// bench/README.md says how to read them.

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { loadavg, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { childrenCpu } from './cpu-time.mjs';
import { runToEnd } from './lifecycle.mjs';
import { load as loadAt, settle, sleep } from './load.mjs';
import { say, warn, warnings } from './notes.mjs';
import { installKafka } from './peers/kafka.mjs';
import { countEvents, perfProblem, profile } from './perf.mjs';
import { chooseRows } from './row-choice.mjs';
import { rows as benchRows } from './rows.mjs';
import { summarize } from './statistics.mjs';
import { buildNative, repoRoot, System } from './systems.mjs';
import { number, tableLines } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    seconds: { type: 'string', default: '4' },
    starts: { type: 'string', default: '3' },
    systems: { type: 'string', default: 'kafka,ringlog,ceiling' },
    profile: { type: 'boolean', default: false },
    'data-dir': { type: 'string', default: join(repoRoot, '.cache/bench/counts') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const START = { id: 'start', title: 'start and stop', kind: 'start' };
const allRows = [START, ...['produce-100', 'fetch-256k', 'fetch-1m', 'tail'].map((id) => benchRows.find((row) => row.id === id))];

if (options.help) {
  console.log(`usage: node bench/counts.mjs [options]
  --rows A,B       only these rows, by id or by the start of an id: ${allRows.map((row) => row.id).join(' ')}
  --systems A,B    kafka,ringlog,ceiling
  --seconds S      load of each row (4)
  --starts N       starts and stops (3)
  --profile        also where the broker's CPU goes in the tail row
  --data-dir DIR   where the logs go (.cache/bench/counts)
  --json           all counts as JSON`);
  process.exit(0);
}

const seconds = Number(options.seconds);
const starts = Number(options.starts);
const dataDir = resolve(options['data-dir']);
if (!(seconds > 0 && starts >= 1)) throw new Error('--seconds and --starts must be positive');

const fetchLogGb = 0.4;
/** A JVM compiles what it runs often, and until then makes other calls. */
const warmupSecondsOf = { kafka: 10, ringlog: 2, ceiling: 0.5 };
const produceGbMax = 2;

/** System calls told one by one: those that any of the three makes on its hot paths. */
const calls = [
  'epoll_wait',
  'epoll_pwait',
  'epoll_pwait2',
  'epoll_ctl',
  'poll',
  'read',
  'write',
  'readv',
  'writev',
  'recvfrom',
  'recvmsg',
  'sendto',
  'sendmsg',
  'sendfile64',
  'pread64',
  'preadv',
  'preadv2',
  'pwrite64',
  'pwritev',
  'pwritev2',
  'cachestat',
  'fdatasync',
  'sync_file_range',
  'futex',
  'io_uring_enter',
  'sched_yield',
  'madvise',
  'mprotect',
  'timerfd_settime',
  'getrusage',
  'lseek',
  'fstat',
];
const waits = ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'];
const ALL = 'raw_syscalls:sys_enter';
const SWITCHES = 'context-switches';
const CPU = 'task-clock';
const enter = (name) => `syscalls:sys_enter_${name}`;

function eventsHere() {
  const known = (name) =>
    existsSync(`/sys/kernel/tracing/events/syscalls/sys_enter_${name}`) ||
    existsSync(`/sys/kernel/debug/tracing/events/syscalls/sys_enter_${name}`);
  return [ALL, SWITCHES, CPU, ...calls.filter(known).map(enter)];
}

const nice = -20;

/** Every thread: a thread's priority is its own, and those to come take it from the one that makes them. */
function raise(system) {
  try {
    for (const thread of readdirSync(`/proc/${system.pid}/task`)) setPriority(Number(thread), nice);
  } catch (error) {
    warn(`the brokers run at the priority of everybody else: ${error.message}`);
  }
}

const load = (system, mode, given) => loadAt(system, mode, given, { nice });

// ---- one run -----------------------------------------------------------------------------------------------------------

/** The whole life of one load is counted, and divided by all requests in it: no window has to fit another. */
async function countLoad(system, mode, given) {
  const { counts, result } = await countEvents(system.pid, eventsHere(), () => load(system, mode, { ...given, warmupS: 0, seconds }));
  if (!result.clean) warn(`${mode}, ${system.name}: the run was not clean`);
  return { requests: result.totalRequests, counts };
}

const warmUp = (system, mode, given) => load(system, mode, { ...given, warmupS: 0, seconds: warmupSecondsOf[system.kind] });

const runs = {
  async produce(system, row) {
    const topic = `counts-${row.id}`;
    await warmUp(system, 'produce', { ...row.load, topic, create: true, maxGb: produceGbMax });
    return { run: await countLoad(system, 'produce', { ...row.load, topic, maxGb: produceGbMax }), topic };
  },
  async fetch(system, row) {
    const topic = `counts-${row.id}`;
    const fill = { partitions: row.load.partitions, connections: 4, records: 16 };
    await load(system, 'produce', { topic, create: true, ...fill, warmupS: 0, seconds: 60, maxGb: fetchLogGb });
    await warmUp(system, 'fetch', { ...row.load, topic });
    return { run: await countLoad(system, 'fetch', { ...row.load, topic }), topic };
  },
  async tail(system, row) {
    const topic = `counts-${row.id}`;
    const given = { ...row.load, topic, spin: true };
    await warmUp(system, 'tail', { ...given, create: true });
    const run = await countLoad(system, 'tail', given);
    if (options.profile) run.profile = await profile(system.pid, () => load(system, 'tail', { ...given, warmupS: 0, seconds }));
    return { run, topic };
  },
};

/** Stops a broker. Its CPU time is added to our children's when it has been waited for, which is after it is gone. */
async function end(system) {
  const { pid } = system;
  await system.stop();
  for (let i = 0; i < 1000 && existsSync(`/proc/${pid}`); i++) await sleep(5);
}

/** CPU of the process from its spawn to its end: what it has used is known exactly when it is gone. */
async function countStarts(system) {
  const cpuMs = [];
  for (let i = 0; i < starts; i++) {
    await system.prepare({ empty: i === 0 });
    const before = childrenCpu();
    system.spawn();
    await system.answering();
    await end(system);
    cpuMs.push((childrenCpu() - before) * 1000);
  }
  return { cpuMs };
}

async function countRow(system, row) {
  say(`${row.title}: ${system.name}`);
  const { run, topic } = await runs[row.kind](system, row);
  await load(system, 'delete', { topic });
  await settle(system);
  return run;
}

// ---- the table ---------------------------------------------------------------------------------------------------------

function line(row, name, { requests, counts, cpuMs }) {
  if (cpuMs) {
    const { median, min, max } = summarize(cpuMs);
    return [row.title, name, '-', '-', '-', '-', `${number(median)} ms (${number(min)}..${number(max)}) CPU`];
  }
  const per = (event) => (counts[event] ?? 0) / requests;
  const each = calls.map((call) => [call, per(enter(call))]).filter(([, count]) => count >= 0.005);
  const told = each.toSorted(([, a], [, b]) => b - a).map(([call, count]) => `${call} ${count.toFixed(2)}`);
  const wakes = waits.reduce((sum, call) => sum + per(enter(call)), 0);
  return [row.title, name, String(requests), per(ALL).toFixed(2), wakes.toFixed(2), per(SWITCHES).toFixed(2), told.join(', ')];
}

function printTables(results) {
  const header = ['row', 'broker', 'requests', 'system calls', 'epoll returns', 'context switches', 'of these, a request'];
  const lines = results.map(({ row, name, run }) => line(row, name, run));
  // The last column is a list, of any length.
  const aligned = tableLines(
    header.slice(0, -1),
    lines.map((cells) => cells.slice(0, -1)),
    2,
  );
  const lists = [header.at(-1), '', ...lines.map((cells) => cells.at(-1))];
  for (const [i, text] of aligned.entries()) console.log(`${text}  ${lists[i]}`.trimEnd());
  for (const { row, name, run } of results.filter(({ run: { profile: shares } }) => shares)) {
    console.log(`\nCPU of ${name}, ${row.title}`);
    for (const [group, share] of run.profile) console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${group}`);
  }
}

// ---- all of it ---------------------------------------------------------------------------------------------------------

async function main() {
  const problem = perfProblem();
  if (problem) throw new Error(problem);
  const rows = chooseRows(allRows, options.rows);
  const kinds = options.systems.split(',');
  buildNative(say);
  if (kinds.includes('kafka')) installKafka({ log: say });
  mkdirSync(dataDir, { recursive: true });
  const results = [];
  for (const kind of kinds) {
    const system = new System(kind, dataDir, { name: `counts-${kind}` });
    system.name = kind;
    rmSync(system.logFile, { force: true });
    // The ceiling keeps no state, so it has no start to speak of.
    if (rows.includes(START) && kind !== 'ceiling') results.push({ row: START, name: kind, run: await countStarts(system) });
    const loaded = rows.filter((row) => row !== START);
    if (loaded.length === 0) continue;
    await system.start({ empty: true });
    raise(system);
    for (const row of loaded) results.push({ row, name: kind, run: await countRow(system, row) });
    await end(system);
    rmSync(system.dir, { recursive: true, force: true });
  }
  const inOrder = rows.flatMap((row) => results.filter((one) => one.row === row));
  if (options.json) {
    console.log(
      JSON.stringify(
        { date: new Date().toISOString(), results: inOrder.map(({ row, ...rest }) => ({ row: row.id, ...rest })), warnings },
        undefined,
        1,
      ),
    );
    return;
  }
  console.log(
    `${seconds} s of load a row, broker on core 0, load on core 1, both at nice ${nice}; load average ${loadavg()[0].toFixed(2)}; all threads of the broker\n`,
  );
  printTables(inOrder);
  if (warnings.length > 0) console.log(`\n${warnings.map((text) => `! ${text}`).join('\n')}`);
}

await runToEnd(main, () => rmSync(dataDir, { recursive: true, force: true }));
