#!/usr/bin/env node
// The IO error rig: a real broker on a disk that fails below it (disk-shim.c, between it and the C library): EIO and ENOSPC
// at the n-th write, sync, read, open and rename. It may refuse to start with a reason, answer KAFKA_STORAGE_ERROR, or end
// with code 74 because its last log directory failed; it may not crash, and on a healthy disk afterwards every acked record
// must be there (fault-chain.mjs). The same matrix on the memory file system is test/engine/log/io-errors.test.ts.
//
//   node test/crash/io-errors.mjs            every n up to 200 of each kind, in each storage mode; `--from 51 --until 100` a part
//   node test/crash/io-errors.mjs --short    one n of each, with the page cache: what CI runs
//   --storage managed                        one mode only
//   --sweep write:EIO,open:ENOSPC            these kinds only; --verbose names each place
//   --commit segments                        syncs without a journal, or `journal`, with it
//   --only write:EIO:17                      one case
//   --directories                            only what comes after the faults
//
// Then two log directories of which one dies, and disks that are really full (full-disk.mjs).

import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChildBroker } from '../../dist/cli/crash/child-broker.js';
import { createTopic } from '../../dist/cli/crash/leader-connection.js';
import { randomFrom } from '../../dist/cli/crash/random-from.js';
import { assert, equal, Score } from '../interop/rig/suite.mjs';
import { buildDiskShim, withFault } from './disk-shim.mjs';
import { FaultChain, makeTemplate } from './fault-chain.mjs';
import { FaultSweep } from './fault-sweep.mjs';
import { fullAtStart, fullDisk } from './full-disk.mjs';
import { describeLogDirs, partitionErrors, produceError } from './questions.mjs';
import { topicConfigs } from './storage-modes.mjs';
import { Traffic } from './traffic.mjs';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    sweep: { type: 'string' },
    directories: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    from: { type: 'string', default: '1' },
    until: { type: 'string', default: '200' },
    seed: { type: 'string' },
    shards: { type: 'string', default: '2' },
    storage: { type: 'string' },
    commit: { type: 'string' },
  },
});

const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);
const shards = Number(options.shards);
const [from, until] = [Number(options.from), Number(options.until)];
const KINDS = ['write', 'sync', 'read', 'open', 'rename'];
const THREADS_EVERY = 4;
const KAFKA_STORAGE_ERROR = 56;
const NO_LEADER_ERROR = 5;
/** Storage mode and shards; the first in the short form. */
const TWO_DIRECTORIES = [
  ['page-cache', 2],
  ['page-cache', 1],
  ['managed', 1],
];
/** The first two in the short form. */
const FULL_DISKS = [
  ['tmpfs', 'page-cache'],
  ['ext4', 'managed'],
  ['tmpfs', 'managed'],
  ['ext4', 'page-cache'],
  ['xfs', 'page-cache'],
  ['xfs', 'managed'],
];

/** Two log directories, the second dies: the first serves on, also through starts without it. */
async function oneOfTwo({ library, work, storage, shards }) {
  rmSync(work, { recursive: true, force: true });
  const [good, bad, log, when] = ['good', 'bad', 'struck', 'now'].map((name) => join(work, name));
  mkdirSync(work, { recursive: true });
  const set = { 'ringlog.shards': String(shards), 'log.dirs': `${good},${bad}` };
  const env = withFault(library, { dir: bad, kind: 'write', ns: [1], errno: constants.errno.EIO, stays: true, log, when });
  const broker = await ChildBroker.create(shards, { dataDir: good, set, env });
  const traffic = new Traffic({ port: broker.port, prefix: 'jbod', random, storage });
  try {
    await broker.start();
    await traffic.createTopics(topicConfigs(storage));
    traffic.start();
    await traffic.until('there is data', () => traffic.acked > 1000);
    writeFileSync(when, '');
    await traffic.until('the fault strikes', () => existsSync(log));
    await servesOn({ broker, traffic, shards });
    const dirs = await describeLogDirs(broker.port);
    equal(Object.fromEntries(dirs), { [good]: 0, [bad]: KAFKA_STORAGE_ERROR }, 'DescribeLogDirs');
    await createTopic(broker.port, 'afterwards', 4, {});
    equal(await partitionErrors(broker.port, 'afterwards'), [0, 0, 0, 0], 'a topic made afterwards');
    assert(broker.said.includes(`${bad} is offline`), `nothing is said of it:\n${broker.said}`);
    await cleanStop(broker);
    broker.env = {};
    await withoutSecond({ broker, traffic, shards, bad });
    await broker.start();
    await traffic.finish();
  } finally {
    traffic.abandon();
    await broker.close();
  }
}

/** Partitions of the dead directory have no leader, the others ack. */
async function servesOn({ broker, traffic, shards }) {
  const { topic } = traffic.loads[0].ledger;
  const dead = await traffic.until('metadata says that partitions have no leader', async () => {
    const errors = await partitionErrors(broker.port, topic);
    return errors.includes(NO_LEADER_ERROR) && errors;
  });
  assert(dead.includes(0), `nothing of ${topic} is left: ${dead}`);
  const gone = dead.indexOf(NO_LEADER_ERROR);
  for (const load of traffic.loads) load.mark();
  const alive = dead.flatMap((error, partition) => (error === 0 ? [partition] : []));
  await traffic.until('the other directory serves on', () => alive.every((partition) => traffic.loads[0].progress[partition] > 5));
  assert(traffic.loads[0].progress[gone] === 0, 'an offline partition acked');
  const answers = await Promise.all(Array.from({ length: shards }, (_, i) => produceError(broker.port + i, topic, gone)));
  assert(answers.includes(KAFKA_STORAGE_ERROR), `a produce to the dead directory was answered ${answers}`);
}

/** Starts while the second directory is not there, and while it is a file that nobody can write into. */
async function withoutSecond({ broker, traffic, shards, bad }) {
  renameSync(bad, `${bad}.away`);
  const leaderless = new RegExp(`${traffic.loads[0].ledger.topic}-\\d has no leader: its log directory is not mounted or failed`);
  for (const [place, said] of [
    [() => {}, leaderless],
    [() => writeFileSync(bad, ''), new RegExp(`${bad} cannot be used and is left out: `)],
  ]) {
    place();
    await broker.start();
    await servesOn({ broker, traffic, shards });
    assert(said.test(broker.said), `it does not say what is missing:\n${broker.said}`);
    await cleanStop(broker);
    rmSync(bad, { recursive: true });
  }
  renameSync(`${bad}.away`, bad);
}

async function cleanStop(broker) {
  const code = await broker.stop();
  assert(code === 0, `the stop ended with ${code}; it said:\n${broker.said}`);
}

function* kindsAndCodes() {
  for (const kind of KINDS) for (const code of kind === 'read' ? ['EIO'] : ['EIO', 'ENOSPC']) yield { kind, code };
}

/** What is swept in the long form. The journal's writes are synced by a flag: syncs are many without it. */
function* sweeps() {
  for (const { kind, code } of kindsAndCodes())
    for (const commit of kind === 'sync' ? ['journal', 'segments'] : ['journal']) {
      const wanted = options.sweep === undefined || options.sweep.split(',').includes(`${kind}:${code}`);
      if (wanted && (options.commit ?? commit) === commit) yield { kind, code, commit };
    }
}

/** One case, or one of each kind: in one chain. */
function somePlaces() {
  if (options.only === undefined) return [...kindsAndCodes()].map((place) => ({ ...place, n: 1 + Math.floor(random() * until) }));
  const [kind, code, n] = options.only.split(':');
  return [{ kind, code, n: Number(n) }];
}

async function main(score) {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-io-errors-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const library = buildDiskShim(dir);
  if (library === undefined) return console.log('skipped: needs a C compiler');
  const step = async (name, run) => {
    const began = performance.now();
    try {
      const told = await run();
      score.pass(told === undefined ? name : `${name}: ${told}`, performance.now() - began);
    } catch (error) {
      score.fail(name, error);
    }
  };
  const work = join(dir, 'work');
  const modes = (options.storage ?? (options.short ? 'page-cache' : 'page-cache,managed')).split(',');
  for (const storage of options.directories ? [] : modes) {
    const template = await makeTemplate({ dir: join(dir, `template-${storage}`), storage, shards, random });
    // A shard on the main thread starts in half the time: threads of their own have every fourth chain.
    const openChain = ({ commit }, number = THREADS_EVERY - 1) =>
      FaultChain.open({ library, template, work, shards: number % THREADS_EVERY === THREADS_EVERY - 1 ? shards : 0, random, commit });
    if (options.short || options.only !== undefined) await oneChain(step, storage, await openChain({}));
    else
      for (const place of sweeps())
        await new FaultSweep({ score, place: { ...place, storage }, openChain, from, until, verbose: options.verbose }).run();
  }
  if (options.only !== undefined || options.sweep !== undefined) return;
  for (const [storage, threads] of TWO_DIRECTORIES.slice(0, options.short ? 1 : undefined))
    await step(`${storage}, ${threads} shards: one log directory of two dies`, () => oneOfTwo({ library, work, storage, shards: threads }));
  for (const [kind, storage] of FULL_DISKS.slice(0, options.short ? 2 : undefined))
    await step(`${kind}, ${storage}: the disk is full and empties`, () => fullDisk({ work, kind, storage, shards, random }));
  await step('a full disk at a start with commits to replay', () => fullAtStart({ library, work, shards, random }));
}

async function oneChain(step, storage, chain) {
  for (const { kind, code, n } of somePlaces())
    await step(`${storage}, ${code} at ${kind} ${n}`, async () => {
      const { struck, told } = await chain.meet({ kind, code, ns: [n] });
      return `${struck[0]?.[1] ?? 'not reached'}: ${told}`;
    });
  await step(`${storage}: everything acked is there`, () => chain.judge());
  await chain.close();
}

const score = new Score();
console.log(`seed ${seed}`);
await main(score);
if (score.passed + score.failed > 0) score.end();
// Connections of the load may still be trying.
process.exit();
