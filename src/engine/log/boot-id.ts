// Which run of the kernel this is: while it lasts, the page cache has every byte that was written. Pure but for the read.

import type { FileSystem } from '../io/file-system.ts';

const PATH = '/proc/sys/kernel/random/boot_id';

/** '' where the system does not tell. */
export function readBootId(fs: FileSystem): string {
  return fs.exists(PATH) ? fs.readText(PATH).trim() : '';
}
