// What a broker process on this host has used so far, from /proc and /sys. Owner: any thread. Not hot: once an interval.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../contracts/clock.ts';
import type { BrokerUsage, CachedBytes, DeviceUsage } from '../contracts/driver.ts';

const TICK_US = 10_000;
const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
/** Fields of a block device's stat file (the kernel's Documentation/block/stat.rst). */
const WRITTEN_SECTORS = 6;
const FLUSHES = 15;

/** null: the process has ended. @param cached of its data folder, where somebody looks */
export function processUsage(pid: number, dataDir: string, cached: CachedBytes | null, clock: Clock): BrokerUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Counted behind the name, which may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const cpuUs = (Number(fields[11]) + Number(fields[12])) * TICK_US;
    const memory = readFileSync('/proc/meminfo', 'utf8');
    const kib = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
    return {
      atNs: clock.nowNs(),
      cpuUs,
      residentBytes: Number(fields[21]) * PAGE_BYTES,
      device: deviceUsage(dataDir),
      pageCacheBytes: kib('Cached'),
      dirtyBytes: kib('Dirty'),
      cached,
    };
  } catch {
    return null;
  }
}

function deviceUsage(dir: string): DeviceUsage | null {
  const { dev } = statSync(dir);
  // Linux packs a dev_t as 12 bits of major number between 8 and 12 bits of minor number.
  const entry = `/sys/dev/block/${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  if (!existsSync(entry)) return null;
  const path = realpathSync(entry);
  // Only the whole disk counts flushes.
  const disk = existsSync(join(path, 'partition')) ? dirname(path) : path;
  const fields = readFileSync(join(disk, 'stat'), 'utf8').trim().split(/\s+/).map(Number);
  return { writtenBytes: fields[WRITTEN_SECTORS]! * SECTOR_BYTES, flushes: fields[FLUSHES] ?? 0 };
}
