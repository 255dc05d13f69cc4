// Compiles disk-shim.c, and says what environment a broker needs to run on it.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('./disk-shim.c', import.meta.url));

/** @returns the path of the shared object in `dir`, or undefined where there is no C compiler */
export function buildDiskShim(dir) {
  const library = join(dir, 'disk-shim.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-o', library, source, '-ldl'], { stdio: 'pipe' });
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`the disk shim does not compile:\n${error.stderr}`, { cause: error });
  }
  return library;
}

export const withoutSync = (library) => ({ LD_PRELOAD: library, DISK_SHIM_NO_SYNC: '1' });

/** Writes into the .log files below `dir` wait while the file `hold` exists; `ring`: those through io_uring too, which is not refused. */
export const withHeldWrites = (library, { dir, hold, ring = false }) => ({
  LD_PRELOAD: library,
  DISK_SHIM_DIR: dir,
  DISK_SHIM_HOLD: hold,
  ...(ring ? { DISK_SHIM_RING: '1' } : {}),
});

/** @param fault `{ dir, kind, ns, errno, stays, log, when, count }` as disk-shim.c describes them */
export const withFault = (library, { dir, kind, ns, errno, stays = false, log, when, count }) => ({
  LD_PRELOAD: library,
  DISK_SHIM_DIR: dir,
  DISK_SHIM_FAULT: `${kind}:${ns.join(',')}${stays ? '+' : ''}:${errno}`,
  DISK_SHIM_LOG: log,
  ...(when === undefined ? {} : { DISK_SHIM_WHEN: when }),
  ...(count === undefined ? {} : { DISK_SHIM_COUNT: count }),
});
