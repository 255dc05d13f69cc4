#!/usr/bin/env node
// `npm run bench:storage`: what durability, the two storage modes, a reader of history and a restart cost, against Apache
// Kafka and against the least that the disk allows, in one run. Broker on core 0, native load on core 1, loopback, contenders
// in the order A B, B A, ... bench/README.md says how to read it.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deviceOf } from './device.mjs';
import { runToEnd } from './lifecycle.mjs';
import { load } from './load.mjs';
import { removeMemoryBudgets } from './memory-budget.mjs';
import { say, warn, warnings } from './notes.mjs';
import { installKafka, kafkaVersion } from './peers/kafka.mjs';
import { chooseRows, interleave } from './row-choice.mjs';
import { openCatchUpStage } from './storage/catch-up-stage.mjs';
import { openDurableStage } from './storage/durable-stage.mjs';
import { openManagedStage } from './storage/managed-stage.mjs';
import { openRestartStage } from './storage/restart-stage.mjs';
import { rows as allRows } from './storage/rows.mjs';
import { rowLines, summarizeRow } from './storage/summary.mjs';
import { buildNative, repoRoot, runNative, System } from './systems.mjs';
import { number } from './table.mjs';

const stages = { durable: openDurableStage, managed: openManagedStage, 'catch-up': openCatchUpStage, restart: openRestartStage };

// Name, value of a full run, value of --quick, what it is.
const numbers = [
  ['pairs', 4, 2, 'runs of each contender in each row'],
  ['slow-pairs', 3, 1, 'the same where a run is long: all but the durable rows'],
  ['seconds', 2, 1, 'measured window of the durable rows'],
  ['tail-seconds', 8, 6, 'measured window of the catch-up row'],
  ['warmup-seconds', 16, 4, 'load on Kafka before its first window; the others get a tenth'],
  ['managed-gb', 1.2, 0.5, 'log a run of the managed rows'],
  ['cold-seconds', 8, 5, 'wait until the host has taken free pages back'],
  ['budget-mb', 1024, 1024, 'memory of a broker in the catch-up row, where cgroups are writable'],
  ['active-gb', 7, 1, 'GiB in active segments before the restart'],
];
const quickRows = 'durable,managed-64k-hot,managed-64k-cold,catch-up,restart';

const { values: given } = parseArgs({
  options: {
    ...Object.fromEntries(numbers.map(([name]) => [name, { type: 'string' }])),
    rows: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'data-dir': { type: 'string', default: join(repoRoot, '.cache/bench/storage') },
    'no-kafka': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (given.help) {
  const lines = numbers.map(([name, full, quick, text]) => `  --${`${name} N`.padEnd(19)} ${text} (${full}; quick ${quick})`);
  console.log(`usage: node bench/storage.mjs [options]
  --rows A,B            only these rows, by id or by the start of an id:
                        ${allRows.map((row) => row.id).join(' ')}
  --quick               a look in three minutes: ${quickRows}
${lines.join('\n')}
  --no-kafka            without Apache Kafka, its Java and its warm-up
  --data-dir DIR        where the logs go (.cache/bench/storage); the disk is what is measured
  --json                every run and the summary as JSON`);
  process.exit(0);
}

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
    `disk        ${device?.name ?? 'no block device'}; p50 / p99 alone: 4 KiB + fdatasync ${latency(disk.fdatasync4k)}, DSYNC O_DIRECT 4 KiB ${latency(disk.dsync4k ?? {})}, 64 KiB ${latency(disk.dsync64k ?? {})}`,
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

async function measureRow(stage, row) {
  const contenders = row.contenders.filter((name) => !stage.absent[name]);
  const results = Object.fromEntries(contenders.map((name) => [name, []]));
  const pairs = row.stage === 'durable' ? options.pairs : options.slowPairs;
  for (const { pair, contender } of interleave(contenders, pairs)) {
    const result = await stage.run(row, contender);
    results[contender].push(result);
    judge(row, contender, result);
    const figures = row.figures.map((figure) => `${figure.name} ${number(figure.of(result))}`);
    say(`  ${row.id} ${pair + 1}/${pairs} ${contender.padEnd(18)} ${figures.join(', ')}`);
  }
  return results;
}

/** Opens the stage of these rows, measures them and closes it: what the next stage finds is a machine without these brokers. */
async function measureStage(name, rows, context, done) {
  say(`${name}: starting and warming`);
  const stage = await stages[name]({ ...context, options, dataDir });
  try {
    await stage.start(rows);
    for (const row of rows) done(row, stage, await measureRow(stage, row));
  } finally {
    await stage.stop();
    rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true });
  }
}

async function main() {
  const rows = chooseRows(allRows, given.rows ?? (given.quick ? quickRows : ''));
  buildNative(say);
  if (options.kafka) installKafka({ log: say });
  mkdirSync(dataDir, { recursive: true });
  const device = deviceOf(dataDir);
  if (!device) warn('the data directory is on no block device: nothing is counted there, and a sync costs nothing');
  const head = await header(device);
  for (const line of head) say(line);
  if (loadavg()[0] > 0.7) warn(`load average ${loadavg()[0].toFixed(2)}: something else is running, so figures are not to be trusted`);
  const isManagedThere = rows.some(({ contenders }) => contenders.includes('managed')) && (await hasManagedStorage());

  const measured = [];
  for (const name of Object.keys(stages)) {
    const mine = rows.filter((row) => row.stage === name);
    if (mine.length === 0) continue;
    await measureStage(name, mine, { device, isManagedThere }, (row, { settings, absent }, results) => {
      const summary = summarizeRow(row, results);
      const skipped = row.contenders.filter((each) => absent[each]).map((each) => `skipped ${each}: ${absent[each]}`);
      measured.push({ summary, settings, skipped, results });
    });
  }
  if (given.json) return console.log(JSON.stringify({ conditions: head, rows: measured, warnings }, undefined, 1));
  for (const line of head) console.log(line);
  console.log(`took        ${Math.round(process.uptime())} s`);
  for (const { summary, settings, skipped } of measured) console.log(`\n${[...rowLines(summary, settings), ...skipped].join('\n')}`);
  if (warnings.length > 0) console.log(`\n${warnings.map((text) => `! ${text}`).join('\n')}`);
}

await runToEnd(main, async () => {
  await removeMemoryBudgets();
  if (existsSync(dataDir)) rmSync(dataDir, { recursive: true, force: true });
});
