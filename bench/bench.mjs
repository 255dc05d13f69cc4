#!/usr/bin/env node
// `npm run bench`: Ringlog beside Apache Kafka and beside the C++ ceiling, on one machine in one run, as one table of ratios.
// Broker on core 0, native load generator on core 1, loopback. The systems are all up and warm, one at a time is loaded, in
// the order A B C, C B A, ..., and memory is conditioned before every run that writes. bench/README.md says how to read it.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runToEnd } from './lifecycle.mjs';
import { conditionMemory, load, settle, sleep } from './load.mjs';
import { say, warn, warnings } from './notes.mjs';
import { installKafka } from './peers/kafka.mjs';
import { chooseRows, interleave } from './row-choice.mjs';
import { rows as allRows } from './rows.mjs';
import { summarize, verdict } from './statistics.mjs';
import { buildNative, isRinglogThere, repoRoot, System } from './systems.mjs';
import { number, tableLines } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    pairs: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2.5' },
    'tail-seconds': { type: 'string', default: '10' },
    'warmup-seconds': { type: 'string', default: '20' },
    'condition-gb': { type: 'string', default: '6' },
    'data-dir': { type: 'string', default: join(repoRoot, '.cache/bench/data') },
    acks: { type: 'string', default: '1' },
    us: { type: 'string' },
    'no-kafka': { type: 'boolean', default: false },
    'no-ceiling': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`usage: node bench/bench.mjs [options]
  --rows A,B           only these rows, by id or by the start of an id: ${allRows.map((row) => row.id).join(' ')}
  --pairs N            runs of each system in each row (6; 20 for figures to be quoted)
  --seconds S          measured window of produce and fetch runs (2.5)
  --tail-seconds S     measured window of the tail row (10)
  --warmup-seconds S   load on Kafka before the first window (20; the others get a tenth)
  --condition-gb G     memory touched and freed before every run that writes (6; 0 leaves it out)
  --acks 0|1|-1        durability asked for in produce rows and the tail (1)
  --us NAME            ringlog (default) or ceiling, to try the benchmark itself
  --no-kafka --no-ceiling
  --data-dir DIR       where the logs go (.cache/bench/data); the disk is part of what is measured
  --json               every run and the summary as JSON`);
  process.exit(0);
}

const pairs = Number(options.pairs);
const seconds = Number(options.seconds);
const tailSeconds = Number(options['tail-seconds']);
const warmupSeconds = Number(options['warmup-seconds']);
const conditionGb = Number(options['condition-gb']);
const dataDir = resolve(options['data-dir']);
if (!(pairs >= 1 && seconds > 0 && tailSeconds > 0)) throw new Error('--pairs, --seconds and --tail-seconds must be positive');

const maxRunGb = 3.5; // of log a run, warm-up included: inside the conditioned memory and below the kernel's dirty limit
const fetchLogGb = 0.8; // of log that the fetch rows read, small enough to stay in the page cache

let topicNumber = 0;

// ---- one run -----------------------------------------------------------------------------------------------------------

async function runProduce(system, row, windowSeconds = seconds, warmupS = 0.5) {
  const topic = `bench-${row.id}-${topicNumber++}`;
  await conditionMemory(conditionGb);
  const result = await load(system, 'produce', {
    ...row.load,
    topic,
    create: true,
    delete: true,
    acks: options.acks,
    warmupS,
    seconds: windowSeconds,
    maxGb: maxRunGb,
  });
  await settle(system);
  return result;
}

async function runTail(system, row, windowSeconds = tailSeconds, warmupS = 2) {
  const topic = `bench-${row.id}-${topicNumber++}`;
  await conditionMemory(conditionGb);
  const result = await load(system, 'tail', {
    ...row.load,
    topic,
    create: true,
    delete: true,
    acks: options.acks,
    warmupS,
    seconds: windowSeconds,
    spin: true, // keeps the client's own wake-ups out of the latency; it has a core of its own to do it on
  });
  await settle(system);
  return result;
}

async function fillFetchTopic(system) {
  system.fetchTopic = `bench-fetch-${topicNumber++}`;
  await conditionMemory(conditionGb);
  const shape = { partitions: 4, connections: 4, records: 16 };
  await load(system, 'produce', { topic: system.fetchTopic, create: true, ...shape, warmupS: 0, seconds: 60, maxGb: fetchLogGb });
}

async function dropFetchTopic(system) {
  await load(system, 'delete', { topic: system.fetchTopic });
  await settle(system);
}

function runFetch(system, row, windowSeconds = seconds, warmupS = 0.5) {
  return load(system, 'fetch', { ...row.load, topic: system.fetchTopic, warmupS, seconds: windowSeconds });
}

/** From the spawn of the process to the first acknowledged record: on an empty directory, then on one with its topic. */
async function runStart(system) {
  const topic = { topic: 'bench-start', partitions: 1 };
  await system.prepare({ empty: true });
  const empty = await load(system, 'first-ack', { sinceNs: system.spawn(), ...topic, create: true });
  await sleep(3000); // idle: start-up garbage has had its chance to be collected
  const idleRssMiB = system.rssMiB();
  await system.stop();
  await system.prepare({ empty: false });
  const known = await load(system, 'first-ack', { sinceNs: system.spawn(), ...topic });
  await system.stop();
  return { mode: 'start', clean: true, empty, known, idleRssMiB, stealShare: empty.stealShare };
}

// ---- the table ---------------------------------------------------------------------------------------------------------

function judge(system, row, result) {
  const where = `${row.id}, ${system.name}`;
  if (!result.clean)
    warn(
      `${where}: not clean (${JSON.stringify({ errors: result.errors, lost: result.lost, unconsumed: result.unconsumed, unsent: result.unsent, unanswered: result.unanswered, orderFaults: result.orderFaults, gaps: result.gaps })})`,
    );
  if (result.stealShare > 0.01) warn(`${where}: ${(result.stealShare * 100).toFixed(1)} % of the CPU was stolen by the host in a run`);
  if (row.kind === 'produce' && result.client.cpuShare > 0.6 && system.name !== 'ceiling')
    warn(`${where}: the load generator used ${(result.client.cpuShare * 100).toFixed(0)} % of its core`);
}

/** Runs all pairs of a row; returns the results by system, one a pair. */
async function measureRow(row, systems) {
  const run = { produce: runProduce, fetch: runFetch, tail: runTail, start: runStart }[row.kind];
  const results = Object.fromEntries(systems.map((system) => [system.name, []]));
  for (const { pair, contender: system } of interleave(systems, pairs)) {
    const result = await run(system, row);
    results[system.name].push(result);
    judge(system, row, result);
    say(
      `  ${row.id} ${pair + 1}/${pairs} ${system.name.padEnd(7)} ${row.figures.map((f) => `${f.name} ${number(f.of(result))} ${f.unit}`).join(', ')}`,
    );
  }
  return results;
}

function summarizeRow(row, results, us) {
  return row.figures.map((figure) => {
    const values = Object.fromEntries(Object.entries(results).map(([name, list]) => [name, list.map(figure.of)]));
    const against = (name) =>
      values[name] && name !== us ? summarize(values[name].map((value, pair) => value / values[us][pair])) : undefined;
    return {
      row: row.id,
      title: row.title,
      figure: figure.name,
      unit: figure.unit,
      floor: figure.floor,
      aim: figure.aim,
      medians: Object.fromEntries(Object.entries(values).map(([name, list]) => [name, summarize(list).median])),
      kafkaToUs: against('kafka'),
      ceilingToUs: against('ceiling'),
    };
  });
}

function printTable(lines, us) {
  const goal = (value) => (value === undefined ? '-' : `${Number(value.toPrecision(3))}x`);
  const ratio = (r) => (r ? `${r.median.toFixed(2)}x` : '-');
  const spread = (r) => (r ? `${r.min.toFixed(2)}..${r.max.toFixed(2)}` : '-');
  const interval = (r) => (r ? `${r.low.toFixed(2)}..${r.high.toFixed(2)}` : '-');
  const header = [
    'row',
    'figure',
    'Kafka',
    us,
    'ceiling',
    `Kafka/${us}`,
    'min..max',
    '95 %',
    'floor',
    'aim',
    'holds',
    `ceiling/${us}`,
    'min..max',
  ];
  const cells = lines.map((line) => [
    line.title,
    `${line.figure}, ${line.unit}`,
    number(line.medians.kafka),
    number(line.medians[us]),
    us === 'ceiling' ? '-' : number(line.medians.ceiling),
    ratio(line.kafkaToUs),
    spread(line.kafkaToUs),
    interval(line.kafkaToUs),
    goal(line.floor),
    goal(line.aim),
    verdict(line.kafkaToUs, line),
    ratio(line.ceilingToUs),
    spread(line.ceilingToUs),
  ]);
  for (const line of tableLines(header, cells, 2)) console.log(line);
}

function conditions(systems) {
  const durability = {
    0: 'acks=0: nothing promised',
    1: "acks=1: in the leader's page cache, no fsync",
    '-1': 'acks=all on one node: each system at its own default',
  };
  return [
    `machine     ${cpus().length} x ${cpus()[0].model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}; load average at start ${loadavg()[0].toFixed(2)}`,
    `topology    broker on core 0, load on core 1, loopback, no TLS; all systems up, one loaded at a time, order reversed every pair`,
    `client      native C++ load generator, frames encoded before the run; batch size and connections x in flight by row`,
    `durability  ${durability[options.acks]}; uncompressed; 4 partitions (tail: 1), replication 1`,
    `memory      ${conditionGb} GB touched and freed before each run that writes; at most ${maxRunGb} GB of log a run; fetch reads ${fetchLogGb} GB from the page cache`,
    `runs        ${pairs} of each system a row, ${seconds} s each (tail ${tailSeconds} s); ratios are of neighbouring runs`,
    ...systems.map((system) => `${system.name.padEnd(12)}${system.describe()}`),
  ];
}

// ---- all of it ---------------------------------------------------------------------------------------------------------

/** A JVM needs some 20 s of load before its figures mean anything, a Node worker about one. */
async function warmUp(system, rows) {
  const total = system.name === 'kafka' ? warmupSeconds : warmupSeconds / 10;
  const kinds = rows.filter((row) => row.kind !== 'start');
  if (total <= 0 || kinds.length === 0) return;
  say(`warming ${system.name} for ${total} s`);
  for (const row of kinds) {
    const share = Math.max(0.3, total / kinds.length);
    if (row.kind === 'produce') await runProduce(system, row, share, 0.1);
    else if (row.kind === 'tail') await runTail(system, row, share, 0.1);
    else {
      await fillFetchTopic(system);
      await runFetch(system, row, share, 0.1);
      await dropFetchTopic(system);
    }
  }
}

async function main() {
  const rows = chooseRows(allRows, options.rows);
  let us = options.us ?? 'ringlog';
  if (us === 'ringlog' && !isRinglogThere()) {
    warn('bin/ringlog.mjs is not there: comparing with the ceiling in its place');
    us = 'ceiling';
  }
  buildNative(say);
  if (!options['no-kafka']) installKafka({ log: say });
  const names = [options['no-kafka'] ? undefined : 'kafka', us, options['no-ceiling'] ? undefined : 'ceiling'];
  mkdirSync(dataDir, { recursive: true });
  const systems = [...new Set(names.filter(Boolean))].map((name) => new System(name, dataDir));
  for (const system of systems) rmSync(system.logFile, { force: true });
  const header = conditions(systems);
  for (const line of header) say(line);
  if (loadavg()[0] > 0.7) warn(`load average ${loadavg()[0].toFixed(2)}: something else is running, so figures are not to be trusted`);

  const results = {};
  const lines = [];
  const record = (row, measured) => {
    results[row.id] = measured;
    lines.push(...summarizeRow(row, measured, us));
  };
  // Start-up first, alone: the other rows want every broker up.
  // The ceiling keeps no state, so it has no start to speak of.
  const starters = systems.filter((system) => system.name !== 'ceiling');
  for (const row of rows.filter((r) => r.kind === 'start'))
    if (us !== 'ceiling') record(row, await measureRow(row, starters));
    else if (options.rows !== '') warn(`row ${row.id} needs a broker to compare, not the ceiling`);
  const loaded = rows.filter((r) => r.kind !== 'start');
  if (loaded.length > 0) {
    for (const system of systems) await system.start({ empty: true });
    for (const system of systems) await warmUp(system, loaded);
    let filled = false;
    for (const [i, row] of loaded.entries()) {
      if (row.kind === 'fetch' && !filled) {
        for (const system of systems) await fillFetchTopic(system);
        filled = true;
      }
      record(row, await measureRow(row, systems));
      if (filled && loaded[i + 1]?.kind !== 'fetch') {
        for (const system of systems) await dropFetchTopic(system);
        filled = false;
      }
    }
  }
  if (options.json) {
    console.log(
      JSON.stringify({ date: new Date().toISOString(), conditions: header, us, summary: lines, warnings, results }, undefined, 1),
    );
  } else {
    for (const line of header) console.log(line);
    console.log();
    printTable(lines, us);
    if (warnings.length > 0) console.log(`\n${warnings.map((text) => `! ${text}`).join('\n')}`);
  }
}

await runToEnd(main, () => {
  if (existsSync(dataDir))
    for (const name of ['kafka', 'ringlog', 'ceiling']) rmSync(join(dataDir, name), { recursive: true, force: true });
});
