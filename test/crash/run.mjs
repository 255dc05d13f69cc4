#!/usr/bin/env node
// The crash rig: kill -9 and clean stops under load, in turns and again and again on one data directory, with garbage after
// the active log at every third kill. Producers of every acks level write, consumers read along: what they were shown must
// stay. At the end every acked record must be there once, in order, with its bytes, and no commit may be lost.
//
//   node test/crash/run.mjs              400 rounds, 200 of them kills, and kafka-dump-log over the files
//   node test/crash/run.mjs --short      10 rounds, 5 of them kills: what CI runs
//   node test/crash/run.mjs --kills      kill -9 in every round
//   node test/crash/run.mjs --storage managed                topics of one storage mode; the long form has both side by side
//   node test/crash/run.mjs --rounds 3 --in-flight 1 --against kafka     proves the rig itself on Apache Kafka, which
//                                        after a restart remembers only one batch of a producer (error 45 with more)
//
// The moments come from `--seed` (printed) as far as a schedule of the kernel's lets them. One line a round
// and a check, `N passed, N failed` at the end, exit code 1 when anything failed. `--keep` leaves the data behind.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CommitLoad } from '../../dist/cli/crash/commit-load.js';
import { valueOf } from '../../dist/cli/crash/ledger.js';
import { checkPartition } from '../../dist/cli/crash/partition-checker.js';
import { ProducerLoad } from '../../dist/cli/crash/producer-load.js';
import { randomFrom } from '../../dist/cli/crash/random-from.js';
import { TailReader } from '../../dist/cli/crash/tail-reader.js';
import { installJava, installKcat } from '../../scripts/install-clients.mjs';
import { dumpEverything } from '../interop/cases/log-files.mjs';
import { createBroker } from '../interop/rig/brokers.mjs';
import { openKafkajs } from '../interop/rig/kafkajs-client.mjs';
import { runOk, until } from '../interop/rig/processes.mjs';
import { runCase, Score } from '../interop/rig/suite.mjs';
import { KafkajsLoad } from './kafkajs-load.mjs';
import { topicConfigs } from './storage-modes.mjs';
import { tearTail } from './torn-tail.mjs';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    against: { type: 'string', default: 'ringlog' },
    listeners: { type: 'string', default: 'per-shard' },
    reactor: { type: 'string', default: 'auto' },
    shards: { type: 'string', default: '2' },
    'in-flight': { type: 'string', default: '5' },
    storage: { type: 'string' },
    bin: { type: 'string' },
    kills: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

options.storage ??= options.short || options.against !== 'ringlog' ? 'page-cache' : 'page-cache,managed';
const rounds = Number(options.rounds ?? (options.short ? 10 : 400));
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
const PARTITIONS = 3;
/** The broker is ended after between 1 and this many acked records of a round. */
const MOST_ACKS = 3000;

/** A kill takes the managed arena along, as a power cut takes the page cache: there only acks=all promises anything. */
const lossOf = (storage) => (storage === 'managed' ? 'power' : 'kill');

const topicOf = (storage, acks) => `crash-${storage}-acks${acks}`;
const storageOf = ({ ledger }) => (ledger.topic.startsWith(topicOf('managed', '')) ? 'managed' : 'page-cache');

async function createTopics(broker, topics, configs) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await openKafkajs({ broker, defer() {} }).withAdmin(async (admin) => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: topics.map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: 1, configEntries })),
    });
    await until('the topics have their leaders', async () => {
      const answer = await admin.fetchTopicMetadata({ topics }).catch(() => undefined);
      return answer?.topics.every(({ partitions }) => partitions.length === PARTITIONS);
    });
  });
}

/** Everything in a partition, by a client that checks every CRC. */
async function readPartition(broker, topic, partition, signal) {
  const args = ['-C', '-b', broker.bootstrap, '-t', topic, '-p', String(partition), '-o', 'beginning', '-e', '-q'];
  const { stdout } = await runOk('kcat', [...args, '-X', 'check.crcs=true', '-f', '%o\t%k\t%s\n'], { signal, timeoutMs: 120_000 });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [offset, id, value] = line.split('\t');
      return { offset: Number(offset), id, value };
    });
}

async function oneRound({ broker, loads, commits, random, round, signal }) {
  const acked = () => loads.reduce((sum, { ledger }) => sum + ledger.acked, 0);
  for (const load of loads) load.mark();
  const broken = Promise.all(loads.map(({ done }) => done)).then(() => {
    throw new Error('the load ended by itself');
  });
  broken.catch(() => {});
  // First all must be through again: ending a broker that nobody had reached proves nothing.
  const through = () =>
    Promise.race([
      broken,
      until('every partition is acked again', () => loads.every((load) => load.isThrough), { timeoutMs: 120_000, signal, everyMs: 5 }),
    ]);
  await through();
  const target = acked() + 1 + Math.floor(random() * MOST_ACKS);
  await Promise.race([broken, until(`${target} records are acked`, () => acked() >= target, { timeoutMs: 120_000, signal, everyMs: 1 })]);
  const clean = !options.kills && round % 2 === 1;
  const kill = options.kills ? round : round / 2;
  await (clean ? broker.stop() : broker.kill());
  for (const load of loads) load.afterCrash?.(clean ? 'kill' : lossOf(storageOf(load)));
  const committedBefore = commits.acked;
  const torn = !clean && kill % 3 === 2 ? tearTail(broker.dataDir, random) : undefined;
  const began = performance.now();
  await broker.start();
  const readyMs = Math.round(performance.now() - began);
  const committed = await Promise.race([broken, commits.check(committedBefore)]);
  for (const load of loads) load.mark();
  await through();
  return `${clean ? 'stopped' : 'killed'}, ${acked()} acked, commit ${committed}, ready after ${readyMs} ms${torn ? `, torn tail ${torn}` : ''}`;
}

async function main(score) {
  const random = randomFrom(seed);
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-crash-'));
  const deferred = [];
  let detail = '';
  const step = async (name, run, deadlineMs = 300_000) => {
    const began = performance.now();
    detail = '';
    try {
      await runCase({ run, deadlineMs }, {});
      score.pass(detail === '' ? name : `${name}: ${detail}`, performance.now() - began);
      return true;
    } catch (error) {
      score.fail(name, error);
      return false;
    }
  };

  installKcat();
  const broker = await createBroker({ ...options, kind: options.against, shards: Number(options.shards), dir });
  try {
    await broker.start();
    const common = { port: broker.port, partitions: PARTITIONS, inFlight: Number(options['in-flight']), random };
    const loads = options.storage
      .split(',')
      .flatMap((storage) => [-1, 1, 0].map((acks) => new ProducerLoad({ ...common, topic: topicOf(storage, acks), acks })));
    // What an arena held and a kill took, others may take the place of: there nobody reads along but where it is sent again.
    const readers = loads
      .filter((load) => load.acks === -1 || lossOf(storageOf(load)) === 'kill')
      .map((load) => new TailReader(broker.port, load.ledger.topic, PARTITIONS, { mayBeAhead: storageOf(load) === 'managed' }));
    loads.push(new KafkajsLoad({ ...common, broker, topic: 'crash-kafkajs', defer: (end) => deferred.push(end) }));
    for (const storage of options.storage.split(',')) {
      const topics = loads.map(({ ledger }) => ledger.topic).filter((topic) => topic.startsWith(topicOf(storage, '')));
      await createTopics(broker, topics, topicConfigs(storage));
    }
    await createTopics(broker, ['crash-kafkajs'], topicConfigs());
    const commits = new CommitLoad(broker.port, loads[0].ledger.topic);
    for (const one of [...loads, ...readers, commits]) one.start();
    let alive = true;
    for (let round = 0; round < rounds && alive; round++)
      alive = await step(`round ${round + 1}`, async ({ signal }) => {
        detail = await oneRound({ broker, loads, commits, random, round, signal });
      });
    await step('load: everything that was sent is acked in the end', () => Promise.all([...loads, commits].map((load) => load.stop())));
    await step('consumers: what was shown is in order and stays', async () => {
      for (const reader of readers) await reader.finish();
      const complaints = readers.flatMap((reader) => reader.complaints);
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    });
    for (const { name, ledger } of loads)
      await step(`${name}: every acked record is there once, in order, with its bytes`, async ({ signal }) => {
        let acked = 0;
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const read = await readPartition(broker, ledger.topic, partition, signal);
          const result = checkPartition(ledger.sent(partition), read, valueOf, ledger.period);
          const { length } = result.complaints;
          if (length > 0) throw new Error(`partition ${partition}: ${length} complaints\n${result.complaints.slice(0, 8).join('\n')}`);
          const shown = readers.find(({ topic }) => topic === ledger.topic)?.read(partition) ?? read;
          const other = shown.findIndex(({ id }, at) => id !== read[at]?.id);
          if (other >= 0)
            throw new Error(`partition ${partition}: the consumer was shown ${shown[other].id} at ${other}, now ${read[other]?.id}`);
          acked += result.acked;
        }
        detail = `${acked} records`;
      });
    await step('commits: none is lost', () => commits.check());
    await step('the broker stops cleanly', () => broker.stop());
    if (!options.short)
      await step(
        'files: kafka-dump-log finds nothing wrong',
        (context) => {
          installJava();
          return dumpEverything(context, broker.dataDir);
        },
        600_000,
      );
  } catch (error) {
    score.fail('the rig', error);
  } finally {
    for (const end of deferred) void end().catch(() => {});
    await broker.kill();
    if (score.failed > 0) console.log(`the broker's log ends:\n${broker.logTail()}`);
    if (options.keep) console.log(`data kept in ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
}

const score = new Score();
console.log(`seed ${seed}`);
await main(score);
score.end();
// kafkajs leaves timers behind when a broker is gone.
process.exit();
