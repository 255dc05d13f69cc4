// One data directory and its clients, who live through process after process whose disk fails; at the end comes one on a
// healthy disk, and judgement. A chain of many costs a third of as many directories with one fault each.

import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ChildBroker } from '../../dist/cli/crash/child-broker.js';
import { valueOf } from '../../dist/cli/crash/ledger.js';
import { checkPartition } from '../../dist/cli/crash/partition-checker.js';
import { TailReader } from '../../dist/cli/crash/tail-reader.js';
import { assert } from '../interop/rig/suite.mjs';
import { withFault } from './disk-shim.mjs';
import { topicConfigs } from './storage-modes.mjs';
import { TopicChurn } from './topic-churn.mjs';
import { PARTITIONS, Traffic } from './traffic.mjs';

/** sysexits.h: the broker's word for its last log directory having failed. */
const EXIT_IO_ERROR = 74;
/** After a fault that struck. */
const ACKS_AFTER = 300;
/** Where no further one does within so much, it would take too long to get there. */
const ACKS_WITHOUT = 5000;
const ROUNDS_WITHOUT = 40;
/** The first one is worth so many times that: a process renames little with managed topics, and only what comes and goes does. */
const PATIENCE = 8;
/** Records roll segments often, so that there is something to rename and to sync. */
const SEGMENT_BYTES = 64 * 1024;

const configsOf = (storage) => ({ ...topicConfigs(storage), 'segment.bytes': String(SEGMENT_BYTES) });

const createBroker = (shards, dataDir, commit) =>
  ChildBroker.create(Math.max(1, shards), {
    dataDir,
    set: {
      'ringlog.shards': String(shards),
      'num.partitions': '4',
      'ringlog.segment.bytes.min': String(SEGMENT_BYTES),
      'ringlog.commit': commit,
    },
  });

/** A data directory with topics that hold something and topics that do not, left by kill -9. */
export async function makeTemplate({ dir, storage, shards, random }) {
  const broker = await createBroker(shards, dir, 'journal');
  try {
    await broker.start();
    const common = { port: broker.port, random, storage };
    await new Traffic({ ...common, prefix: 'during' }).createTopics(configsOf(storage));
    const traffic = new Traffic({ ...common, prefix: 'before' });
    await traffic.createTopics(configsOf(storage));
    traffic.start();
    await traffic.until('there is data', () => traffic.acked > 1000 && traffic.commits.acked > 3);
    await broker.kill();
    traffic.abandon();
    return { dir, storage, ledgers: traffic.loads.map(({ ledger }) => ledger) };
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

export class FaultChain {
  /** Processes that met a fault. */
  length = 0;
  started = false;

  static async open({ library, template, work, shards, random, commit = 'journal' }) {
    rmSync(work, { recursive: true, force: true });
    const dir = join(work, 'data');
    cpSync(template.dir, dir, { recursive: true });
    return new FaultChain({ library, template, work, dir, random, broker: await createBroker(shards, dir, commit) });
  }

  constructor({ library, template, work, dir, random, broker }) {
    const { storage } = template;
    this.library = library;
    this.template = template;
    this.dir = dir;
    this.log = join(work, 'struck');
    this.count = join(work, 'count');
    this.broker = broker;
    this.traffic = new Traffic({ port: broker.port, prefix: 'during', random, storage });
    this.churn = new TopicChurn(broker.port, configsOf(storage));
  }

  /** The places where faults struck: `[n, path]`. */
  struck() {
    if (!existsSync(this.log)) return [];
    const lines = readFileSync(this.log, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [, n, ...path] = line.split(' ');
      return [Number(n), path.join(' ').replace(`${this.dir}/`, '')];
    });
  }

  /**
   * One process whose disk fails at the `ns`-th calls of a kind, until it refuses to start, ends, or goes on.
   * @returns where faults struck, what became of it in words, and how many such calls it made
   */
  async meet({ kind, code, ns }) {
    const { broker, traffic, churn } = this;
    rmSync(this.log, { force: true });
    const { library, dir, log, count } = this;
    broker.env = withFault(library, { dir, kind, ns, errno: constants.errno[code], log, count });
    this.length++;
    let told;
    try {
      if (await startOrRefuse(broker)) {
        this.startClients();
        let [acked, rounds, met] = [traffic.acked, churn.rounds, 0];
        await traffic.until('the fault strikes', () => {
          const { length } = this.struck();
          if (length >= ns.length || !broker.alive) return true;
          if (length > met) [acked, rounds, met] = [traffic.acked, churn.rounds, length];
          const times = met === 0 ? PATIENCE : 1;
          return traffic.acked > acked + ACKS_WITHOUT * times && churn.rounds > rounds + ROUNDS_WITHOUT * times;
        });
        const target = traffic.acked + ACKS_AFTER;
        // A failed write or sync of records ends it; anything else may, or not.
        const ends = code === 'EIO' && (kind === 'write' || kind === 'sync') && this.struck().some(([, path]) => path.endsWith('.log'));
        await traffic.until('the broker goes on or ends', () => !broker.alive || (!ends && traffic.acked >= target));
        told = broker.alive ? 'it went on' : `it ended with ${broker.code}`;
        assert(broker.alive || broker.code === EXIT_IO_ERROR, told);
        // A sync that fails has lost pages, whatever it says.
        assert(broker.alive || code !== 'ENOSPC' || kind === 'sync', 'a full disk ended it');
      } else told = `it did not start: ${/^ringlog: (.*)$/m.exec(broker.said)?.[1] ?? `code ${broker.code}`}`;
      const struck = this.struck();
      return { struck: broker.alive ? struck : struck.slice(0, 1), told, calls: Number(readFileSync(count).readBigInt64LE()) };
    } catch (error) {
      const places = this.struck().map((place) => place.join(' '));
      error.message += `\nfaults struck at ${places.join(', ')}; the broker said:\n${broker.said}`;
      throw error;
    } finally {
      await broker.kill();
    }
  }

  startClients() {
    if (this.started) return;
    this.started = true;
    this.traffic.start();
    this.churn.start();
  }

  /** On a healthy disk: everything that was acked is there, and a stop is clean. */
  async judge() {
    const { broker, traffic, churn, template } = this;
    broker.env = {};
    try {
      await broker.start();
      this.startClients();
      const { rounds } = churn;
      await traffic.until('topics are made again', () => churn.rounds > rounds);
      await churn.stop();
      await churn.check();
      await traffic.finish();
      await checkTemplate(broker.port, template.ledgers);
    } catch (error) {
      error.message += `\nthe broker said:\n${broker.said}`;
      throw error;
    }
    const code = await broker.stop();
    assert(code === 0, `a clean stop afterwards ended with ${code}; it said:\n${broker.said}`);
  }

  async close() {
    this.churn.stopping = true;
    this.traffic.abandon();
    await this.broker.close();
  }
}
