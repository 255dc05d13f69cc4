// `ringlog doctor --crash`: whether this machine and this build keep what they promise, tried on a broker of its own in a
// child process: kill -9 under load, and power cuts on a disk that forgets what was not flushed. Owner: the main thread.

import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CommandFailed } from './command-failed.ts';
import { ChildBroker } from './crash/child-broker.ts';
import { CrashRun, type CrashVerdict } from './crash/crash-run.ts';
import { NoPowerCut, PowerCutDisk } from './crash/power-cut-disk.ts';
import { randomFrom } from './crash/random-from.ts';
import { print } from './output.ts';

const SHARDS = 2;
/** Crashes of each kind, unless time is up first: the whole check stays below a minute. */
const ROUNDS = 5;
const ROUNDS_LIMIT_MS = 14_000;
const COMPLAINTS_SHOWN = 5;

type Kind = 'kill -9' | 'power cut';

const WENT: Readonly<Record<Kind, string>> = {
  'kill -9': 'went with the memory of managed topics: acks=1 does not wait for the disk',
  'power cut': 'went with the power: acks=1 does not wait for the disk',
};

interface Result {
  readonly check: Kind;
  readonly verdict: 'kept' | 'broken' | 'skipped';
  readonly rounds: number;
  readonly acked: number;
  readonly ackedMissing: number;
  readonly commits: number;
  readonly details: readonly string[];
}

export async function doctorCrash(options: { dir: string; json?: boolean }): Promise<void> {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const dir = makeDirectory(options.dir);
  // The clean-up of brokers and mounts hangs on the process's exit, which a signal alone does not bring about.
  const onSignal = (): void => process.exit(130);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const results: Result[] = [];
    for (const check of ['kill -9', 'power cut'] as const) {
      const result = await tryCheck(check, join(dir, check.replace(' ', '')), seed);
      results.push(result);
      if (options.json === true) print(JSON.stringify({ ...result, seed }));
      else for (const line of inWords(result)) print(line);
    }
    if (results.some(({ verdict }) => verdict === 'broken')) process.exitCode = 1;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    rmSync(dir, { recursive: true, force: true });
  }
}

function makeDirectory(parent: string): string {
  try {
    return mkdtempSync(join(resolve(parent), 'ringlog-doctor-'));
  } catch (error) {
    throw new CommandFailed(`--dir must name a directory that can be written to: ${(error as Error).message}`);
  }
}

async function tryCheck(check: Kind, dir: string, seed: number): Promise<Result> {
  const nothing = { check, rounds: 0, acked: 0, ackedMissing: 0, commits: 0 };
  let disk: PowerCutDisk | null = null;
  try {
    if (check === 'power cut') disk = await PowerCutDisk.open(dir);
    return await crashes(check, disk, disk?.root ?? dir, seed);
  } catch (error) {
    if (!(error instanceof NoPowerCut)) throw error;
    return { ...nothing, verdict: 'skipped', details: [error.message] };
  } finally {
    await disk?.close();
  }
}

async function crashes(check: Kind, disk: PowerCutDisk | null, root: string, seed: number): Promise<Result> {
  const broker = await ChildBroker.create(SHARDS, { dataDir: join(root, 'data'), set: { 'ringlog.shards': String(SHARDS) } });
  const run = new CrashRun({ broker, disk, random: randomFrom(seed), storages: ['page-cache', 'managed'], prefix: 'doctor-' });
  const details: string[] = [];
  let rounds = 0;
  let judged: CrashVerdict = { complaints: [], acked: 0, ackedMissing: 0, commits: 0, lostBlocks: 0 };
  try {
    await broker.start();
    await run.begin();
    const end = Date.now() + ROUNDS_LIMIT_MS;
    while (rounds < ROUNDS && (rounds === 0 || Date.now() < end)) {
      rounds++;
      await run.round();
    }
    judged = await run.finish();
    details.push(...judged.complaints.slice(0, COMPLAINTS_SHOWN));
    const code = await broker.stop();
    if (code !== 0) details.push(`the broker ended with ${code} when it was told to stop`);
  } catch (error) {
    details.push((error as Error).message, `the broker said last: ${broker.said.trim().split('\n').at(-1)}`);
  } finally {
    run.abandon();
    await broker.close();
  }
  const { acked, ackedMissing, commits } = judged;
  return { check, verdict: details.length === 0 ? 'kept' : 'broken', rounds, acked, ackedMissing, commits, details };
}

function inWords({ check, verdict, rounds, acked, ackedMissing, commits, details }: Result): string[] {
  if (verdict === 'skipped') return [`${check}: skipped: ${details[0]}`];
  const times = `${rounds} time${rounds === 1 ? '' : 's'} under load`;
  if (verdict === 'broken') return [`${check}, ${times}: BROKEN`, ...details.map((detail) => `  ${detail}`)];
  const lines = [`${check}, ${times}: kept`];
  const survivors = check === 'kill -9' ? '' : ', survivors of acks=1 among them';
  lines.push(
    `  all that had to be there is, once, in order, with its bytes: ${acked} records${survivors}, in page-cache and managed topics`,
  );
  lines.push(`  the last of ${commits} committed offsets is there`);
  if (ackedMissing > 0) lines.push(`  ${ackedMissing} records acked with acks=1 ${WENT[check]}`);
  return lines;
}
