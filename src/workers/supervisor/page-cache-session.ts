// Which page cache a directory's files are in: while the name is the same, whatever was written is there, on the disk or not.
// Owner: the supervisor's thread, at start. Not hot.
//
// The kernel's boot id alone would do, were it not for file systems that are shut down and mounted again without a boot (a
// device that failed, a snapshot rolled back). ext4, XFS and f2fs have an object in sysfs for each mount, with an inode number
// of its own; tmpfs loses everything with its mount. Of any other file system nothing is claimed: a start after a crash then
// checks all that lies behind the recovery point.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { nodeFileSystem } from '../../engine/io/node-file-system.ts';
import { readBootId } from '../../engine/log/boot-id.ts';

const MOUNTS = '/proc/self/mountinfo';

/** Empty when it cannot be told. */
export function pageCacheSession(dir: string): string {
  try {
    const mount = mountOf(statSync(dir).dev);
    const bootId = readBootId(nodeFileSystem);
    return mount === '' || bootId === '' ? '' : `${bootId} ${mount}`;
  } catch {
    return '';
  }
}

/** The mounted file system with this device number, as long as it is mounted. */
function mountOf(device: number): string {
  // The kernel's encoding of device numbers in stat.
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const number = `${major}:${minor}`;
  for (const line of readFileSync(MOUNTS, 'utf8').split('\n')) {
    const fields = line.split(' ');
    if (fields[2] !== number) continue;
    const type = fields[fields.indexOf('-') + 1] ?? '';
    if (type === 'tmpfs') return `tmpfs ${number}`;
    if (!['ext4', 'xfs', 'f2fs'].includes(type)) return '';
    const name = basename(realpathSync(`/sys/dev/block/${number}`));
    return `${type} ${name} ${statSync(`/sys/fs/${type}/${name}`).ino}`;
  }
  return '';
}
