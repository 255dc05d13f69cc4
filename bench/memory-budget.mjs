// A memory budget for a broker by cgroup: heap, buffers and the page cache it causes, together. The group is made below the
// one this process is in, of either version, and removed after its broker has ended. Where that is not allowed, the reason is
// said instead and nothing is limited. Not hot.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a group below our own would have to be made, by /proc/self/cgroup and /proc/self/mounts. */
export function parseMemoryGroup(cgroups, mounts) {
  const own = cgroups
    .trim()
    .split('\n')
    .map((line) => line.split(':'))
    .map(([, controllers, ...path]) => ({ controllers: controllers.split(','), path: path.join(':') }));
  const mounted = mounts
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, dir, type, flags]) => ({ dir, type, flags: flags.split(',') }));
  const one = mounted.find(({ type, flags }) => type === 'cgroup' && flags.includes('memory'));
  const inOne = own.find(({ controllers }) => controllers.includes('memory'));
  if (one && inOne) return { version: 1, dir: join(one.dir, inOne.path) };
  const two = mounted.find(({ type }) => type === 'cgroup2');
  const inTwo = own.find(({ controllers }) => controllers[0] === '');
  return two && inTwo ? { version: 2, dir: join(two.dir, inTwo.path) } : undefined;
}

const made = new Set(); // directories that are ours to remove

const limitFile = { 1: 'memory.limit_in_bytes', 2: 'memory.max' };

/** A group of at most `bytes`: `{ procsFile, split() }`, or `{ reason }` why there is none. */
export function createMemoryBudget(name, bytes) {
  const place = parseMemoryGroup(readFileSync('/proc/self/cgroup', 'utf8'), readFileSync('/proc/self/mounts', 'utf8'));
  if (!place) return { reason: 'no memory cgroup is mounted' };
  const dir = join(place.dir, `${name}-${process.pid}`);
  try {
    mkdirSync(dir);
  } catch (error) {
    return { reason: `cgroup v${place.version} is not writable (${error.code})` };
  }
  const limit = join(dir, limitFile[place.version]);
  if (!existsSync(limit)) {
    rmdirSync(dir);
    return { reason: `cgroup v${place.version} does not pass the memory controller on to groups below this process` };
  }
  made.add(dir);
  writeFileSync(limit, String(bytes));
  return {
    procsFile: join(dir, 'cgroup.procs'),
    /** What the budget is spent on right now, in MiB. */
    split() {
      const stat = readFileSync(join(dir, 'memory.stat'), 'utf8');
      const field = (...names) =>
        names.map((key) => new RegExp(`^${key} (\\d+)`, 'm').exec(stat)?.[1]).find((value) => value !== undefined);
      return { ownMiB: field('total_rss', 'anon') / 2 ** 20, cacheMiB: field('total_cache', 'file') / 2 ** 20 };
    },
  };
}

/** Removes every group made here. Their brokers have been ended, but a process may stay in its group for a moment longer. */
export async function removeMemoryBudgets() {
  for (const dir of made) {
    for (const deadline = Date.now() + 10_000; existsSync(dir);) {
      try {
        rmdirSync(dir);
      } catch (error) {
        if (error.code !== 'EBUSY' || Date.now() > deadline) throw error;
        await new Promise((done) => setTimeout(done, 20));
      }
    }
    made.delete(dir);
  }
}
