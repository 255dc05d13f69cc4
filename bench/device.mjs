// What reached the block device below a directory: its counters since the machine started. They are the whole device's, so
// anything else that writes is in them too. Not hot.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const sectorBytes = 512;

/** The counters of a block device's stat file (the kernel's Documentation/block/stat.rst). */
export function parseDeviceStat(text) {
  const fields = text.trim().split(/\s+/).map(Number);
  if (fields.length < 11 || fields.some(Number.isNaN)) throw new Error(`no stat of a block device: ${text}`);
  return { readBytes: fields[2] * sectorBytes, writes: fields[4], writeBytes: fields[6] * sectorBytes, flushes: fields[15] };
}

/** The file system of a mounted device. An ext4 without a journal has nothing to commit: syncs of new blocks cost it less there than anywhere else. */
function fileSystemOf(numbers, partition) {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const mount = mounts.find((line) => line.split(' ')[2] === numbers);
  const type = mount?.split(' - ')[1].split(' ')[0] ?? 'unknown file system';
  return type === 'ext4' && !existsSync(`/proc/fs/jbd2/${partition}-8`) ? 'ext4 without a journal' : type;
}

/** Name, file system and stat file of the device a directory is on, or undefined for one that is on none (tmpfs, overlay). */
export function deviceOf(dir) {
  const { dev } = statSync(dir);
  // Linux packs a dev_t as 12 bits of major number between 8 and 12 bits of minor number.
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  const entry = `/sys/dev/block/${major}:${minor}`;
  if (!existsSync(entry)) return undefined;
  let path = realpathSync(entry);
  const fileSystem = fileSystemOf(`${major}:${minor}`, path.split('/').at(-1));
  if (existsSync(join(path, 'partition'))) path = dirname(path); // only the whole disk counts flushes
  return { name: path.split('/').at(-1), fileSystem, statFile: join(path, 'stat') };
}

export const deviceCounters = (device) => parseDeviceStat(readFileSync(device.statFile, 'utf8'));
