// A shard's thread asks for short slices of its core, and the thread of the caller is left as it was.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { expect, test } from 'vitest';
import { loadNativeBinding } from '../../src/engine/io/native-binding.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const logs = useTemporaryLogs();

const [major = 0, minor = 0] = release().split('.').map(Number);
const hasSlices = major > 6 || (major === 6 && minor >= 12);
const isTold = loadNativeBinding().binding !== null && existsSync('/proc/self/sched');
const shortestNs = 100_000;

/** The slice in ns of a thread of this process, 0 of one that has just ended. */
function sliceOf(thread: string): number {
  try {
    return Number(/^se\.slice +: +(\d+)/m.exec(readFileSync(`/proc/self/task/${thread}/sched`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const short = (): string[] => readdirSync('/proc/self/task').filter((thread) => sliceOf(thread) === shortestNs);

test.runIf(hasSlices && isTold)('shards have the shortest slice, the thread that opens them has its own', async () => {
  expect(short()).toEqual([]);
  const own = sliceOf(String(process.pid));
  expect(own).toBeGreaterThan(shortestNs);
  await logs.open(KINDS[0]);
  expect(short()).toEqual([]);
  await logs.open(KINDS[1]);
  expect(short().length).toBeGreaterThanOrEqual(2);
  expect(sliceOf(String(process.pid))).toBe(own);
});
