#!/usr/bin/env node
// `npm run bench:storage`: what durability, the two storage modes, a reader of history and a restart cost, against Apache
// Kafka and against the least that the disk allows, in one run. Broker on core 0, native load on core 1, loopback, contenders
// in the order A B, B A, ... bench/README.md says how to read it.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deviceOf } from './device.mjs';
import { runToEnd } from './lifecycle.mjs';
import { load } from './load.mjs';
import { removeMemoryBudgets } from './memory-budget.mjs';
import { say, warn, warnings } from './notes.mjs';
import { installKafka, kafkaVersion } from './peers/kafka.mjs';
import { chooseRows, order } from './row-choice.mjs';
import { openCatchUpStage } from './storage/catch-up-stage.mjs';
import { openDurableStage } from './storage/durable-stage.mjs';
import { openManagedStage } from './storage/managed-stage.mjs';
import { openRecycleBrokerStage } from './storage/recycle-broker-stage.mjs';
import { openRecycleStage } from './storage/recycle-stage.mjs';
import { openRestartStage } from './storage/restart-stage.mjs';
import { rows as allRows } from './storage/rows.mjs';
import { rowLines, summarizeRow } from './storage/summary.mjs';
import { buildNative, endRunsIn, repoRoot, runNative, System } from './systems.mjs';
import { number } from './table.mjs';
import { pairsUntil, TimeBudget } from './time-budget.mjs';

// In the order in which they run, with the share of the time that each may take.
const stages = {
  recycle: { open: openRecycleStage, weight: 1.4 },
  'recycle-managed': { open: openRecycleBrokerStage, weight: 0.5 },
  durable: { open: openDurableStage, weight: 3 },
  managed: { open: openManagedStage, weight: 5 },
  'catch-up': { open: openCatchUpStage, weight: 4 },
  restart: { open: openRestartStage, weight: 4 },
  'restart-64': { open: openRestartStage, weight: 2 },
};

// Name, value of a full run, value of --quick, what it is.
const numbers = [
  ['minutes', 14.5, 4.25, 'for all rows together: pairs that there is no time for are left out, but for the first of a row'],
  ['pairs', 4, 2, 'runs of each contender in each row'],
  ['slow-pairs', 3, 1, 'the same where a run is long: all but the durable rows'],
  ['seconds', 2, 1, 'measured window of the durable rows'],
  ['tail-seconds', 8, 6, 'measured window of the catch-up row'],
  ['warmup-seconds', 16, 4, 'load on Kafka before its first window; the others get a tenth'],
  ['managed-gb', 1.2, 0.5, 'log a run of the managed rows'],
  ['recycle-gb', 0.5, 0.5, 'appended in a run of the recycle rows, in segments of 256 MiB'],
  ['cold-seconds', 8, 5, 'wait until the host has taken free pages back'],
  ['budget-mb', 1024, 1024, 'memory of a broker in the catch-up row, where cgroups are writable'],
  ['active-gb', 7, 1, 'GiB in active segments before the restart'],
];
const quickRows = 'recycle-durable,durable,managed-64k-hot,managed-64k-cold,catch-up,restart';

const { values: given } = parseArgs({
  options: {
    ...Object.fromEntries(numbers.map(([name]) => [name, { type: 'string' }])),
    rows: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'data-dir': { type: 'string', default: join(repoRoot, '.cache/bench/storage') },
    'no-kafka': { type: 'boolean', default: false },
    out: { type: 'string', default: join(repoRoot, '.cache/bench/storage.json') },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (given.help) {
  const lines = numbers.map(([name, full, quick, text]) => `  --${`${name} N`.padEnd(19)} ${text} (${full}; quick ${quick})`);
  console.log(`usage: node bench/storage.mjs [options]
  --rows A,B            only these rows, by id or by the start of an id:
                        ${allRows.map((row) => row.id).join(' ')}
  --quick               a look in under five minutes: ${quickRows}
${lines.join('\n')}
  --no-kafka            without Apache Kafka, its Java and its warm-up
  --data-dir DIR        where the logs go (.cache/bench/storage); the disk is what is measured
  --out FILE            every run and the summary as JSON, written after each row (.cache/bench/storage.json)
  --json                the same on the standard output, in place of the table`);
  process.exit(0);
}

/** What a pair may take longer than its time before it is cut off. */
const graceSeconds = 30;

const uptime = () => process.uptime();
const camel = (name) => name.replaceAll(/-([a-z])/g, (_, letter) => letter.toUpperCase());
const options = { kafka: !given['no-kafka'] };
for (const [name, full, quick] of numbers) {
  const value = Number(given[name] ?? (given.quick ? quick : full));
  if (!(value > 0)) throw new Error(`--${name} must be a positive number`);
  options[camel(name)] = value;
}
if (!Number.isInteger(options.pairs) || !Number.isInteger(options.slowPairs)) throw new Error('pairs come in whole numbers');
if (options.activeGb > 7.5) throw new Error('--active-gb: more than 7.5 GiB would roll the eight segments');
const dataDir = resolve(given['data-dir']);

/** Asked of the broker itself: what it refuses is not there. */
async function hasManagedStorage() {
  const system = new System('ringlog', dataDir, { name: 'ringlog-ask' });
  await system.start({ empty: true });
  try {
    await load(system, 'create', { topic: 'ask', partitions: 1, config: ['ringlog.storage=managed'] });
    return true;
  } catch (error) {
    if (!/CreateTopics ask: error 40/.test(error.message)) throw error; // INVALID_CONFIG
    return false;
  } finally {
    await system.stop();
  }
}

async function header(device) {
  const { out } = await runNative('disk', [dataDir, '1'], { timeoutMs: 60_000 });
  const disk = JSON.parse(out);
  const latency = ({ p50, p99 } = {}) => `${number(p50)} / ${number(p99)} us`;
  return [
    `date        ${new Date().toISOString()}`,
    `machine     ${cpus().length} x ${cpus()[0].model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}; load average at start ${loadavg()[0].toFixed(2)}`,
    `topology    broker on core 0, load on core 1, loopback, no TLS, 1 shard; one contender loaded at a time, order reversed every pair`,
    `disk        ${device ? `${device.name}, ${device.fileSystem}` : 'no block device'}; p50 / p99 alone: 4 KiB + fdatasync ${latency(disk.fdatasync4k)}, DSYNC O_DIRECT 4 KiB ${latency(disk.dsync4k ?? {})}, 64 KiB ${latency(disk.dsync64k ?? {})}`,
    `settings    ${numbers.map(([name]) => `${name} ${options[camel(name)]}`).join(', ')}`,
    `contenders  Ringlog on Node ${process.versions.node}${options.kafka ? `; Apache Kafka ${kafkaVersion}, KRaft, 1 node, G1, -Xmx1G unless stated, default settings unless stated` : ''}; ceiling: one C++ epoll thread`,
  ];
}

function judge(row, name, result) {
  if (result.clean === false) {
    const { errors, lost, unconsumed, unsent, unanswered, orderFaults, gaps } = result;
    warn(`${row.id}, ${name}: not clean (${JSON.stringify({ errors, lost, unconsumed, unsent, unanswered, orderFaults, gaps })})`);
  }
  if (result.stealShare > 0.01)
    warn(`${row.id}, ${name}: ${(result.stealShare * 100).toFixed(1)} % of the CPU was stolen by the host in a run`);
}

/** One run; a failure is told and takes this contender out of the row, not the others. */
async function runOnce(stage, row, contender, outcome) {
  try {
    const result = await stage.run(row, contender);
    outcome.results[contender].push(result);
    judge(row, contender, result);
    const figures = row.figures.map((figure) => `${figure.name} ${number(figure.of(result))}`);
    return [...figures, row.mark?.(result)].filter(Boolean).join(', ');
  } catch (error) {
    outcome.failures.push({ contender, message: error.message.trim() });
    return `failed: ${error.message}`;
  }
}

async function measureRow(stage, row, endS) {
  const contenders = row.contenders.filter((name) => !stage.absent[name]);
  const outcome = { results: Object.fromEntries(contenders.map((name) => [name, []])), failures: [] };
  const pairs = row.stage === 'durable' ? options.pairs : options.slowPairs;
  let done = 0;
  for (const pair of pairsUntil(endS, pairs, uptime)) {
    for (const contender of order(contenders, pair)) {
      if (outcome.failures.some((failure) => failure.contender === contender)) continue;
      say(`  ${row.id} ${pair + 1}/${pairs} ${contender.padEnd(18)} ${await runOnce(stage, row, contender, outcome)}`);
    }
    done++;
  }
  if (done < pairs) warn(`${row.id}: ${done} of ${pairs} pairs, for want of time (--minutes)`);
  return outcome;
}

/** Opens the stage of these rows, measures them and closes it: what the next stage finds is a machine without these brokers. */
async function measureStage(name, rows, context, endS, done) {
  say(`${name}: starting and warming; ${Math.round(endS - uptime())} s for it`);
  const left = [...rows];
  let stage;
  try {
    if (uptime() >= endS) throw new Error('no time was left (--minutes)');
    stage = await stages[name].open({ ...context, options, dataDir, rows });
    await stage.start(rows);
    while (left.length > 0) {
      const now = uptime();
      const rowEndS = now + Math.max(0, endS - now) / left.length;
      const row = left[0];
      const outcome = await measureRow(stage, row, rowEndS);
      left.shift();
      done(row, stage, outcome);
    }
  } catch (error) {
    say(`${name} failed: ${error.message.trim()}`);
    for (const row of left)
      done(row, { settings: {}, absent: {} }, { results: {}, failures: [{ contender: name, message: error.message.trim() }] });
  } finally {
    await stage?.stop();
    rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true });
  }
}

/** Whole at any moment, so that an interrupted run leaves what it has. */
function write(report) {
  writeFileSync(`${given.out}.part`, `${JSON.stringify(report, undefined, 1)}\n`);
  renameSync(`${given.out}.part`, given.out);
}

async function main() {
  const rows = chooseRows(allRows, given.rows ?? (given.quick ? quickRows : ''));
  buildNative(say);
  if (options.kafka) installKafka({ log: say });
  mkdirSync(dataDir, { recursive: true });
  mkdirSync(dirname(resolve(given.out)), { recursive: true });
  const device = deviceOf(dataDir);
  if (!device) warn('the data directory is on no block device: nothing is counted there, and a sync costs nothing');
  const head = await header(device);
  for (const line of head) say(line);
  if (loadavg()[0] > 0.7) warn(`load average ${loadavg()[0].toFixed(2)}: something else is running, so figures are not to be trusted`);
  const isManagedThere = rows.some(({ contenders }) => contenders.includes('managed')) && (await hasManagedStorage());

  const report = { conditions: head, options, rows: [], warnings, complete: false };
  const weights = Object.fromEntries(
    Object.entries(stages).flatMap(([name, { weight }]) => (rows.some((row) => row.stage === name) ? [[name, weight]] : [])),
  );
  const seconds = options.minutes * 60 - uptime();
  const budget = new TimeBudget(seconds, weights, uptime);
  endRunsIn(seconds + graceSeconds);
  for (const name of Object.keys(weights)) {
    const mine = rows.filter((row) => row.stage === name);
    await measureStage(name, mine, { device, isManagedThere }, budget.begin(name), (row, { settings, absent }, { results, failures }) => {
      const summary = summarizeRow(row, results);
      const skipped = row.contenders.filter((each) => absent[each]).map((each) => `skipped ${each}: ${absent[each]}`);
      report.rows.push({ summary, settings, skipped, failures, results });
      report.tookSeconds = Math.round(uptime());
      write(report);
    });
  }
  report.complete = true;
  write(report);
  if (given.json) console.log(JSON.stringify(report, undefined, 1));
  else print(report);
  return report.rows.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

function print({ conditions, rows, tookSeconds }) {
  for (const line of conditions) console.log(line);
  console.log(`took        ${tookSeconds} s; every run is in ${given.out}`);
  for (const { summary, settings, skipped, failures } of rows) {
    const failed = failures.map(({ contender, message }) => `failed ${contender}: ${message}`);
    console.log(`\n${[...rowLines(summary, settings), ...skipped, ...failed].join('\n')}`);
  }
  if (warnings.length > 0) console.log(`\n${warnings.map((text) => `! ${text}`).join('\n')}`);
}

await runToEnd(main, async () => {
  await removeMemoryBudgets();
  if (existsSync(dataDir)) rmSync(dataDir, { recursive: true, force: true });
});
