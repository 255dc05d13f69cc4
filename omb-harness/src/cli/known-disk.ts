// What `bench disk` left in a results folder. Owner: the main thread. Not hot.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DISK_VERSION, type DiskLimits } from '../contracts/disk-limits.ts';
import type { RunResult } from '../contracts/run-result.ts';

export const DISK_FILE = 'disk.json';

/** null: it was not measured; a file of another version is as good as none. */
export function knownDisk(results: string): DiskLimits | null {
  const path = join(results, DISK_FILE);
  if (!existsSync(path)) return null;
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as DiskLimits;
    return found.diskVersion === DISK_VERSION ? found : null;
  } catch {
    return null;
  }
}

/** @param dir a results folder, or an experiment's in one; `disk` the one that is used */
export function diskCeiling(dir: string, disk: string | null): RunResult['diskCeiling'] {
  const limits = knownDisk(dir) ?? knownDisk(dirname(dir));
  if (limits === null || limits.disk !== disk) return null;
  const { figures } = limits;
  const flush = figures.find(({ work, bytes }) => work === 'append-fdatasync' && bytes === 4096);
  const written = figures.filter(({ work }) => work === 'append' || work === 'direct').map(({ bytesPerSecond }) => bytesPerSecond);
  return { writtenBytesPerSecond: Math.max(0, ...written), lonelyFlushesPerSecond: flush?.callsPerSecond ?? null };
}
