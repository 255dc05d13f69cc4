// One run of the native load generator against a system, and what has to be true before and after it: conditioned memory,
// room on the disk, the last run's files gone. Not hot.

import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { machineCpu } from './cpu-time.mjs';
import { warn } from './notes.mjs';
import { runNative } from './systems.mjs';

const minFreeGb = 20; // of disk, at all times

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** `{ recordBytes: 100, create: true, config: ['a=1'] }` as `--record-bytes 100 --create --config a=1`. */
export function flags(given) {
  return Object.entries(given).flatMap(([key, value]) => {
    const name = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined) return [];
    if (Array.isArray(value)) return value.flatMap((each) => [name, String(each)]);
    return value === true ? [name] : [name, String(value)];
  });
}

/** Resolves with the load generator's result, with the share of CPU that the host stole meanwhile. */
export async function load(system, mode, given, { nice } = {}) {
  const before = machineCpu();
  const args = [mode, ...flags({ bootstrap: system.bootstrap, brokerPid: system.pid, ...given })];
  const { out } = await runNative('loadgen', args, { timeoutMs: ((given.seconds ?? given.timeoutS ?? 0) + 90) * 1000, nice });
  const after = machineCpu();
  if (!out) return undefined;
  const result = JSON.parse(out);
  result.stealShare = (after.steal - before.steal) / Math.max(0.01, after.total - before.total);
  return result;
}

export async function conditionMemory(gigabytes) {
  if (gigabytes > 0) await runNative('condition', [String(gigabytes)], { timeoutMs: 120_000 });
}

/** Bytes on the disk of the files below `dir`, or of those that belong to a topic: a deleted one keeps the start of its name. */
function bytesUnder(dir, topic) {
  let total = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    const within = topic !== undefined && entry.name.startsWith(topic) ? undefined : topic;
    try {
      // Blocks, not lengths: preallocated index files are mostly holes.
      if (entry.isDirectory()) total += bytesUnder(path, within);
      else if (within === undefined) total += statSync(path).blocks * 512;
    } catch {
      // deleted while we looked, which is what we are waiting for
    }
  }
  return total;
}

/** A deleted topic must have given back its disk and page cache before the next run starts, or that run pays for it. */
export async function settle(system, { topic, mostBytes = 200e6 } = {}) {
  const deadline = Date.now() + 20_000;
  while (bytesUnder(system.dir, topic) > mostBytes) {
    if (Date.now() > deadline) {
      warn(`${system.name} keeps the files of deleted topics: its next runs find less free memory than the others'`);
      break;
    }
    await sleep(200);
  }
  checkDisk(system.dir);
}

export function checkDisk(dir, neededGb = 0) {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < (minFreeGb + neededGb) * 1e9)
    throw new Error(`less than ${(minFreeGb + neededGb).toFixed(0)} GB free on the data disk: stopping`);
}
