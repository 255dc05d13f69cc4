#!/usr/bin/env node
// The IO error rig: a real broker on a disk that fails below it (disk-shim.c, between it and the C library): EIO and ENOSPC
// at the n-th write, sync, read, open and rename. It may refuse to start with a reason, answer KAFKA_STORAGE_ERROR, or end
// with code 74 because its last log directory failed; it may not crash, and on a healthy disk afterwards every acked record
// must be there. The full matrix, every n, runs on the memory file system in `npm test` (test/engine/log/io-errors.test.ts).
//
//   node test/crash/io-errors.mjs            20 places of each kind, half of them in each storage mode
//   node test/crash/io-errors.mjs --short    1 of each, with the page cache: what CI runs
//   --every                                  each n of each kind up to N_MAX, lowest first: hours; --until 50 ends it there
//   --storage managed                        one mode only
//   --only write:EIO:17                      one case
//
// Then two log directories of which one dies, and disks that are really full (full-disk.mjs).

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChildBroker } from '../../dist/cli/crash/child-broker.js';
import { createTopic } from '../../dist/cli/crash/leader-connection.js';
import { valueOf } from '../../dist/cli/crash/ledger.js';
import { checkPartition } from '../../dist/cli/crash/partition-checker.js';
import { randomFrom } from '../../dist/cli/crash/random-from.js';
import { TailReader } from '../../dist/cli/crash/tail-reader.js';
import { assert, equal, Score } from '../interop/rig/suite.mjs';
import { buildDiskShim, withFault } from './disk-shim.mjs';
import { fullAtStart, fullDisk } from './full-disk.mjs';
import { describeLogDirs, partitionErrors, produceError } from './questions.mjs';
import { topicConfigs } from './storage-modes.mjs';
import { PARTITIONS, Traffic } from './traffic.mjs';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    every: { type: 'boolean', default: false },
    until: { type: 'string', default: '200' },
    seed: { type: 'string' },
    shards: { type: 'string', default: '2' },
    storage: { type: 'string' },
  },
});

const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
const random = randomFrom(seed);
const shards = Number(options.shards);
/** More of these do not happen within a case. */
const N_MAX = { write: 200, sync: 80, read: 200, open: 200, rename: 6 };
/** Of each kind and error. */
const PLACES = 20;
const KAFKA_STORAGE_ERROR = 56;
const NO_LEADER_ERROR = 5;
/** sysexits.h: the broker's word for its last log directory having failed. */
const EXIT_IO_ERROR = 74;
const CREATE_LIMIT_MS = 60_000;
/** After a fault that struck, or where none does. */
const ACKS_AFTER = 300;
const ACKS_WITHOUT = 5000;
/** The first two in the short form. */
const FULL_DISKS = [
  ['tmpfs', 'page-cache'],
  ['ext4', 'managed'],
  ['tmpfs', 'managed'],
  ['ext4', 'page-cache'],
  ['xfs', 'page-cache'],
  ['xfs', 'managed'],
];

const createBroker = (dataDir, env) =>
  ChildBroker.create(shards, { dataDir, set: { 'ringlog.shards': String(shards), 'num.partitions': '4' }, env });

/** A data directory with two topics, left by kill -9. */
async function makeTemplate(dir, storage) {
  const broker = await createBroker(dir);
  try {
    await broker.start();
    const traffic = new Traffic({ port: broker.port, prefix: 'before', random, storage });
    await traffic.createTopics(topicConfigs(storage));
    traffic.start();
    await traffic.until('there is data', () => traffic.acked > 3000 && traffic.commits.acked > 3);
    await broker.kill();
    traffic.abandon();
    return traffic.loads.map(({ ledger }) => ledger);
  } finally {
    await broker.close();
  }
}

/** What the template held must be there: acked records, whatever else of what was sent. */
async function checkTemplate(port, ledgers) {
  for (const ledger of ledgers) {
    const reader = new TailReader(port, ledger.topic, PARTITIONS);
    reader.start();
    await reader.finish();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { complaints } = checkPartition(ledger.sent(partition), reader.read(partition), valueOf);
      assert(complaints.length === 0, `${ledger.topic}: ${complaints.slice(0, 8).join('\n')}`);
    }
  }
}

/** Start a broker that may refuse: then with a reason in one line, not with a stack. */
async function startOrRefuse(broker) {
  try {
    await broker.start();
    return true;
  } catch (error) {
    assert(error.message.includes('before it was ready'), error.message);
    const { code } = broker;
    const explained = code === EXIT_IO_ERROR || (code === 1 && /^ringlog: /m.test(error.message) && !/^ {4}at /m.test(error.message));
    assert(explained, `it neither started nor said why (code ${code}): ${error.message}`);
    return false;
  }
}

/** The file of the first fault; '' when none struck. */
const struckAt = (log) => (existsSync(log) ? readFileSync(log, 'utf8').split('\n')[0].split(' ').slice(2).join(' ') : '');

/** One fault in the life of a broker. @returns what happened, in words */
async function oneFault({ library, template, storage, ledgers, work, kind, code, n }) {
  rmSync(work, { recursive: true, force: true });
  cpSync(template, join(work, 'data'), { recursive: true });
  const [dir, log] = [join(work, 'data'), join(work, 'struck')];
  const struck = () => existsSync(log);
  const faulty = await createBroker(dir, withFault(library, { dir, kind, n, errno: constants.errno[code], log }));
  const traffic = new Traffic({ port: faulty.port, prefix: 'during', random, storage });
  let told;
  let made = false;
  try {
    if (await startOrRefuse(faulty)) {
      made = await createTopicsOn(faulty, traffic, topicConfigs(storage));
      if (made) {
        traffic.start();
        await traffic.until('the fault strikes', () => struck() || !faulty.alive || traffic.acked > ACKS_WITHOUT);
        const target = traffic.acked + ACKS_AFTER;
        // A failed write or sync of records ends it; anything else may, or not.
        const ends = code === 'EIO' && (kind === 'write' || kind === 'sync') && struckAt(log).endsWith('.log');
        await traffic.until('the broker goes on or ends', () => !faulty.alive || (!ends && traffic.acked >= target));
      }
      told = faulty.alive ? 'it went on' : `it ended with ${faulty.code}`;
      assert(faulty.alive || faulty.code === EXIT_IO_ERROR, `${told}; it said:\n${faulty.said}`);
      // A sync that fails has lost pages, whatever it says.
      if (code === 'ENOSPC' && kind !== 'sync') assert(faulty.alive, `a full disk ended it, at ${struckAt(log)}; it said:\n${faulty.said}`);
    } else told = `it did not start: ${/^ringlog: (.*)$/m.exec(faulty.said)?.[1] ?? `code ${faulty.code}`}`;
  } finally {
    await faulty.kill();
    if (!made) traffic.abandon();
  }
  const path = struck() ? struckAt(log).replace(`${dir}/`, '') : 'not reached';
  faulty.env = {};
  try {
    await faulty.start();
    if (made) await traffic.finish();
    await checkTemplate(faulty.port, ledgers);
    const ended = await faulty.stop();
    assert(ended === 0, `a clean stop afterwards ended with ${ended}; it said:\n${faulty.said}`);
  } finally {
    traffic.abandon();
    await faulty.close();
  }
  return `${path}: ${told}`;
}

/** @returns false when the broker ended before the topics were there */
async function createTopicsOn(broker, traffic, configs) {
  for (const deadline = Date.now() + CREATE_LIMIT_MS; Date.now() < deadline;) {
    try {
      await traffic.createTopics(configs);
      return true;
    } catch (error) {
      if (error.code === 36) {
        // The first of them was made by an earlier try.
        for (const { ledger } of traffic.loads.slice(1)) await createTopic(traffic.port, ledger.topic, PARTITIONS, configs).catch(() => {});
        return true;
      }
      await new Promise((done) => setTimeout(done, 50));
      if (!broker.alive) return false;
    }
  }
  throw new Error(`topics could not be created for ${CREATE_LIMIT_MS} ms; the broker said:\n${broker.said}`);
}

/** Two log directories, the second dies: the first serves on. */
async function oneOfTwo({ library, work }) {
  rmSync(work, { recursive: true, force: true });
  const [good, bad, log, when] = ['good', 'bad', 'struck', 'now'].map((name) => join(work, name));
  mkdirSync(work, { recursive: true });
  const set = { 'ringlog.shards': String(shards), 'log.dirs': `${good},${bad}` };
  const env = withFault(library, { dir: bad, kind: 'write', n: 1, errno: constants.errno.EIO, stays: true, log, when });
  const broker = await ChildBroker.create(shards, { dataDir: good, set, env });
  const traffic = new Traffic({ port: broker.port, prefix: 'jbod', random });
  try {
    await broker.start();
    await traffic.createTopics({});
    traffic.start();
    await traffic.until('there is data', () => traffic.acked > 1000);
    writeFileSync(when, '');
    await traffic.until('the fault strikes', () => existsSync(log));
    const dead = await traffic.until('metadata says that partitions have no leader', async () => {
      const errors = await partitionErrors(broker.port, 'jbod-1');
      return errors.includes(NO_LEADER_ERROR) && errors;
    });
    assert(dead.includes(0), `nothing of jbod-1 is left: ${dead}`);
    const gone = dead.indexOf(NO_LEADER_ERROR);
    for (const load of traffic.loads) load.mark();
    const alive = dead.flatMap((error, partition) => (error === 0 ? [partition] : []));
    await traffic.until('the other directory serves on', () => alive.every((partition) => traffic.loads[0].progress[partition] > 5));
    assert(traffic.loads[0].progress[gone] === 0, 'an offline partition acked');
    const answers = await Promise.all(Array.from({ length: shards }, (_, i) => produceError(broker.port + i, 'jbod-1', gone)));
    assert(answers.includes(KAFKA_STORAGE_ERROR), `a produce to the dead directory was answered ${answers}`);
    const dirs = await describeLogDirs(broker.port);
    equal(Object.fromEntries(dirs), { [good]: 0, [bad]: KAFKA_STORAGE_ERROR }, 'DescribeLogDirs');
    await createTopic(broker.port, 'afterwards', 4, {});
    equal(await partitionErrors(broker.port, 'afterwards'), [0, 0, 0, 0], 'a topic made afterwards');
    assert(broker.said.includes(`${bad} is offline`), `nothing is said of it:\n${broker.said}`);
    const code = await broker.stop();
    assert(code === 0, `the stop ended with ${code}; it said:\n${broker.said}`);
    broker.env = {};
    await broker.start();
    await traffic.finish();
  } finally {
    traffic.abandon();
    await broker.close();
  }
}

/** One n of all kinds after the other, so that a run that is ended early has seen the first of each. */
function* everyPlace() {
  for (let n = 1; n <= Number(options.until); n++)
    for (const kind of Object.keys(N_MAX))
      if (n <= N_MAX[kind]) for (const code of kind === 'read' ? ['EIO'] : ['EIO', 'ENOSPC']) yield { kind, code, n };
}

function* places(count) {
  if (options.every) return yield* everyPlace();
  if (options.only !== undefined) {
    const [kind, code, n] = options.only.split(':');
    yield { kind, code, n: Number(n) };
    return;
  }
  for (const kind of ['write', 'sync', 'read', 'open', 'rename'])
    for (const code of kind === 'read' ? ['EIO'] : ['EIO', 'ENOSPC'])
      for (let i = 0; i < count; i++) {
        // Early calls of each kind are the start, later ones the load.
        yield { kind, code, n: 1 + Math.floor(random() * N_MAX[kind]) };
      }
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
  for (const storage of modes) {
    const template = join(dir, `template-${storage}`);
    const ledgers = await makeTemplate(template, storage);
    for (const place of places(options.short ? 1 : PLACES / modes.length))
      await step(`${storage}, ${place.code} at ${place.kind} ${place.n}`, () =>
        oneFault({ library, template, storage, ledgers, work, ...place }),
      );
  }
  if (options.only !== undefined) return;
  await step('one log directory of two dies', () => oneOfTwo({ library, work }));
  for (const [kind, storage] of FULL_DISKS.slice(0, options.short ? 2 : undefined))
    await step(`${kind}, ${storage}: the disk is full and empties`, () => fullDisk({ work, kind, storage, shards, random }));
  await step('a full disk at a start with commits to replay', () => fullAtStart({ library, work, shards, random }));
}

const score = new Score();
console.log(`seed ${seed}`);
await main(score);
if (score.passed + score.failed > 0) score.end();
// Connections of the load may still be trying.
process.exit();
