// What this disk can do for a log: appends by size and depth, what makes them durable, direct writes, reads beside them. Owner:
// the thread that asks; the calls are made in threads of their own. Not hot.

import { closeSync, constants, ftruncateSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DiskFigure } from '../contracts/disk-limits.ts';
import { type DiskThreadAnswer, type DiskThreadPlan, diskThread } from './disk-writer.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Of each file. */
export const PROBE_FILE_BYTES = 512 * MIB;
/** A part of the file is enough for calls that wait for the disk. */
const SYNCED_SHARE = 1 / 16;
const FILES = 2;

interface Work {
  readonly work: string;
  readonly what: string;
  readonly bytes: number;
  readonly depth: number;
  readonly flags: number;
  readonly sync?: boolean;
  readonly read?: boolean;
  /** Into a new file rather than over blocks that are there. */
  readonly append?: boolean;
}

const { O_RDWR, O_DIRECT, O_DSYNC } = constants;
const sizes = (bytes: readonly number[], depths: readonly number[], of: Omit<Work, 'bytes' | 'depth'>): Work[] =>
  bytes.flatMap((size) => depths.map((depth) => ({ ...of, bytes: size, depth })));

const works: readonly Work[] = [
  ...sizes([4 * KIB, 16 * KIB, 64 * KIB, MIB], [1], {
    ...{ work: 'append', what: 'appended through the page cache, synced at the end', flags: O_RDWR, append: true },
  }),
  ...sizes([4 * KIB, 64 * KIB], [1], {
    ...{ work: 'append-fdatasync', what: 'appended, fdatasync after each', flags: O_RDWR, sync: true, append: true },
  }),
  ...sizes([4 * KIB], [1], { work: 'overwrite-fdatasync', what: 'written over, fdatasync after each', flags: O_RDWR, sync: true }),
  ...sizes([4 * KIB, 64 * KIB], [1], { work: 'dsync', what: 'written over with O_DSYNC', flags: O_RDWR | O_DSYNC }),
  ...sizes([16 * KIB, 64 * KIB, MIB], [1, 4], { work: 'direct', what: 'written over with O_DIRECT', flags: O_RDWR | O_DIRECT }),
  ...sizes([4 * KIB, 64 * KIB], [1, 4], {
    ...{ work: 'direct-dsync', what: 'written over with O_DIRECT and O_DSYNC', flags: O_RDWR | O_DIRECT | O_DSYNC },
  }),
];

const beside: readonly Work[] = [
  { work: 'direct-beside-reads', what: 'O_DIRECT writes while older blocks are read', bytes: 64 * KIB, depth: 1, flags: O_RDWR | O_DIRECT },
  {
    work: 'reads-beside-direct',
    what: 'O_DIRECT reads beside those writes',
    bytes: 256 * KIB,
    depth: 1,
    flags: O_RDWR | O_DIRECT,
    read: true,
  },
];

export interface ProbeTools {
  readonly dir: string;
  readonly secondsEach: number;
  readonly fileBytes: number;
  readonly signal: AbortSignal;
  readonly onStep: (done: number, all: number, what: string) => void;
}

export interface Probed {
  readonly figures: readonly DiskFigure[];
  readonly left: readonly string[];
}

/** null: not enough room on the disk. */
export function bytesNeeded(dir: string): { readonly needed: number; readonly free: number } | null {
  const { bavail, bsize } = statfsSync(dir);
  const needed = PROBE_FILE_BYTES * (FILES + 1);
  return bavail * bsize < needed ? { needed, free: bavail * bsize } : null;
}

export async function probeDisk({ dir, secondsEach, fileBytes, signal, onStep }: ProbeTools): Promise<Probed> {
  const folder = mkdtempSync(join(dir, 'disk-'));
  const figures: DiskFigure[] = [];
  const left: string[] = [];
  try {
    const written = join(folder, 'written');
    const older = join(folder, 'older');
    onStep(0, works.length + 1, 'writing the files');
    for (const path of [written, older]) fillFile(path, fileBytes);
    for (const [at, work] of works.entries()) {
      if (signal.aborted) return { figures, left: [...left, 'stopped before its end'] };
      onStep(at, works.length + 1, `${work.what}, ${work.bytes / KIB} KiB`);
      const path = work.append === true ? emptyFile(join(folder, 'appended')) : written;
      keep(work, await measure(work, path, secondsEach, fileBytes), figures, left);
    }
    onStep(works.length, works.length + 1, 'reads beside writes');
    const both = await Promise.all(beside.map((work) => measure(work, work.read === true ? older : written, secondsEach, fileBytes)));
    for (const [at, work] of beside.entries()) keep(work, both[at]!, figures, left);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { figures, left };
}

function keep(work: Work, answers: readonly DiskThreadAnswer[], figures: DiskFigure[], left: string[]): void {
  const failed = answers.find(({ error }) => error !== null);
  if (failed !== undefined) left.push(`${work.what}, ${work.bytes / KIB} KiB: ${failed.error}`);
  else figures.push(figureOf(work, answers));
}

function figureOf({ work, what, bytes, depth }: Work, answers: readonly DiskThreadAnswer[]): DiskFigure {
  const times = Float64Array.from(answers.flatMap((answer) => [...answer.times])).sort();
  const at = (share: number): number => (times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0) / 1000;
  const seconds = (Math.max(...answers.map(({ endNs }) => endNs)) - Math.min(...answers.map(({ startNs }) => startNs))) / 1e9;
  return {
    ...{ work, what, bytes, depth, p50Us: at(0.5), p99Us: at(0.99), maxUs: at(1) },
    bytesPerSecond: (times.length * bytes) / seconds,
    callsPerSecond: times.length / seconds,
  };
}

async function measure(work: Work, path: string, seconds: number, fileBytes: number): Promise<DiskThreadAnswer[]> {
  const slow = work.sync === true || (work.flags & O_DSYNC) !== 0;
  const plans = Array.from({ length: work.depth }, (_, thread): DiskThreadPlan => {
    const places = { thread, threads: work.depth, blocks: Math.floor((slow ? fileBytes * SYNCED_SHARE : fileBytes) / work.bytes) };
    const kind = { read: work.read === true, sync: work.sync === true, once: work.append === true };
    return { path, flags: work.flags, bytes: work.bytes, ...places, ...kind, milliseconds: seconds * 1000 };
  });
  return Promise.all(plans.map(inThread));
}

function inThread(plan: DiskThreadPlan): Promise<DiskThreadAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(diskThread, { eval: true, workerData: plan });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function emptyFile(path: string): string {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, 0);
  closeSync(fd);
  return path;
}

/** Written, not just reserved: the first write to a reserved block costs what later ones do not. */
function fillFile(path: string, bytes: number): void {
  const fd = openSync(path, 'w');
  const part = Buffer.alloc(4 * MIB, 0x5a);
  for (let at = 0; at < bytes; at += part.length) writeSync(fd, part, 0, part.length, at);
  closeSync(fd);
}
