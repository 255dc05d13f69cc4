#!/usr/bin/env node
// The power-cut rig: an ext4 on a disk with a volatile write cache (src/cli/crash), the broker under load on it, the power
// cut in the middle: what was not flushed is gone, block by block as the dice fall, the rest of it torn. After each cut
// the file system and the broker recover; no record or commit that acks=all promised, and no topic, may be missing.
//
//   node test/crash/power-cut.mjs              100 cuts, a third of them in each storage mode and in recycled segments
//   node test/crash/power-cut.mjs --short      4 cuts: what CI runs
//   --storage managed                          one mode only (page-cache, managed, recycled)
//   --seed N                                   printed; the moments still depend on the machine
//
// At the end the same in each mode on a broker whose flushes do nothing (disk-shim.c): that must be found out, or the rig
// proves nothing. `--without-fsync` runs this part alone. Where root, FUSE or loop devices are refused the rig says
// `skipped: why`; exit code 0 in the short form, 2 in the long one.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChildBroker } from '../../dist/cli/crash/child-broker.js';
import { CrashRun } from '../../dist/cli/crash/crash-run.js';
import { NoPowerCut, PowerCutDisk } from '../../dist/cli/crash/power-cut-disk.js';
import { randomFrom } from '../../dist/cli/crash/random-from.js';
import { freePorts } from '../interop/rig/brokers.mjs';
import { Score } from '../interop/rig/suite.mjs';
import { buildDiskShim, withoutSync } from './disk-shim.mjs';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    shards: { type: 'string', default: '2' },
    storage: { type: 'string' },
    'without-fsync': { type: 'boolean', default: false },
  },
});

/** A deleted segment's file rests for five seconds before it is used again, which is long for a short form. */
const storages = options.storage ?? (options.short ? 'page-cache,managed' : 'page-cache,managed,recycled');
const rounds = Number(options.rounds ?? (options.short ? 4 : 100));
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
/** A broker that flushes nothing must be found out within so many cuts. */
const ROUNDS_WITHOUT_FSYNC = 5;
/** Cuts that took nothing prove nothing: so many more are made until one does. */
const ROUNDS_MORE = 6;

/** Since its start, by the time a broker that recycles is cut. */
const SEGMENTS_RECYCLED = 6;

/** Something acked is gone, or so much that the broker does not start: not merely slow. */
const isLoss = (complaint) => /^(lost|hole|moved|corrupted|foreign)|before it was ready/.test(complaint);

/** What a broker needs to recycle within seconds, and whether it has, since its last start and for each of its partitions. */
async function watchRecycling() {
  const port = await freePorts(1);
  const looks = { 'log.initial.task.delay.ms': '0', 'log.retention.check.interval.ms': '1' };
  const set = { 'ringlog.segment.bytes.min': '50000', 'ringlog.http.listener': `127.0.0.1:${port}`, ...looks };
  let recycled = 0;
  let looking = false;
  const look = async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const found = [...text.matchAll(/^ringlog_segments_recycled_total\{.*\} (\d+)$/gm)];
    recycled = found.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  return {
    set,
    isReady() {
      if (recycled >= SEGMENTS_RECYCLED) {
        // The next start counts anew.
        recycled = 0;
        return true;
      }
      if (!looking) {
        looking = true;
        look()
          .catch(() => undefined)
          .finally(() => (looking = false));
      }
      return false;
    },
  };
}

/** Cuts the power `count` times. @returns the complaints, the first of them the one that ended the run */
async function cuts({ count, storage, env, settled = false, random, tell }) {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-power-cut-'));
  let disk;
  let broker;
  const onSignal = () => process.exit(130);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    disk = await PowerCutDisk.open(join(dir, 'disk'));
    const recycling = storage === 'recycled' ? await watchRecycling() : undefined;
    const set = { 'ringlog.shards': options.shards, ...recycling?.set };
    broker = await ChildBroker.create(Number(options.shards), { dataDir: join(disk.root, 'data'), set, env });
    await broker.start();
    const run = new CrashRun({ broker, disk, random, storages: [storage], prefix: 'cut-', isReady: recycling?.isReady });
    await run.begin();
    // What the run needs to go on is on the disk then, so that records are what is lost.
    if (settled) await disk.settle();
    const isOver = (round) => round > count && (disk.counts.lostBlocks > 0 || round > count + ROUNDS_MORE);
    for (let round = 1; !isOver(round); round++) {
      const began = performance.now();
      const told = await run.round();
      tell(`${storage}, cut ${round}: ${told}`, performance.now() - began);
    }
    const { complaints, acked, ackedMissing, commits, lostBlocks } = await run.finish();
    if (complaints.length > 0) return complaints;
    if (lostBlocks === 0) return ['no cut took a block: they proved nothing'];
    const code = await broker.stop();
    if (code !== 0) return [`the broker ended with ${code} after SIGTERM; it said:\n${broker.said}`];
    tell(
      `${storage}: ${acked} records and ${commits} commits are there, ${lostBlocks} blocks and ${ackedMissing} records of acks=1 went with the power`,
      0,
    );
    return [];
  } catch (error) {
    if (error instanceof NoPowerCut) throw error;
    return [`${error.message}${error.message.includes('said') ? '' : `\nthe broker said:\n${broker?.said}`}`];
  } finally {
    await broker?.close();
    await disk?.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function proveItself(score, modes, random) {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-shim-'));
  try {
    const library = buildDiskShim(dir);
    if (library === undefined) return console.log('skipped: the run without fsync needs a C compiler');
    for (const storage of modes) {
      const began = performance.now();
      const told = [];
      const tell = (line) => told.push(line);
      const complaints = await cuts({ count: ROUNDS_WITHOUT_FSYNC, storage, env: withoutSync(library), settled: true, random, tell });
      const name = `${storage}: a broker without fsync is found out`;
      const loss = complaints.find(isLoss);
      if (loss === undefined) score.fail(name, new Error([`no loss in ${ROUNDS_WITHOUT_FSYNC} cuts`, ...told, ...complaints].join('\n')));
      else score.pass(`${name}: ${loss.split('\n')[0]}`, performance.now() - began);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(score) {
  const random = randomFrom(seed);
  const modes = storages.split(',');
  if (!options['without-fsync'])
    for (const storage of modes) {
      const complaints = await cuts({ count: Math.ceil(rounds / modes.length), storage, random, tell: (line, ms) => score.pass(line, ms) });
      if (complaints.length > 0)
        score.fail(`${storage}: ${complaints.length} complaints`, new Error(`\n${complaints.slice(0, 10).join('\n')}`));
    }
  await proveItself(score, modes, random);
}

const score = new Score();
console.log(`seed ${seed}`);
try {
  await main(score);
  score.end();
} catch (error) {
  if (!(error instanceof NoPowerCut)) throw error;
  console.log(`skipped: ${error.message}`);
  process.exitCode = options.short ? 0 : 2;
}
// Connections of the load may still be trying.
process.exit();
