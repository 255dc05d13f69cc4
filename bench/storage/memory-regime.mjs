// The regimes of memory that a run may find: where the next pages of the page cache come from. Not hot.

import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { conditionMemory, sleep } from '../load.mjs';
import { runNative } from '../systems.mjs';

const keepFreeGiB = 0.2; // what the filled cache leaves: near the kernel's own reserve, below which it reclaims

export function memoryRegimes({ dataDir, coldSeconds }) {
  const filler = join(dataDir, 'filler');
  const prepare = {
    hot: (gigabytes) => conditionMemory(gigabytes * 1.6 + 0.5),
    cold: () => sleep(coldSeconds * 1000),
    async full() {
      // Holes take cache pages like data does, and cost no disk.
      const fd = openSync(filler, 'w');
      ftruncateSync(fd, totalmem());
      closeSync(fd);
      await runNative('condition', ['fill', filler, String(keepFreeGiB)], { timeoutMs: 120_000 });
    },
  };

  return {
    /** For a run that is to write so much. Resolves with ns a new page takes, which says whether the regime came about. */
    async enter(regime, gigabytes) {
      await prepare[regime](gigabytes);
      const { out } = await runNative('condition', ['probe', '32'], { timeoutMs: 10_000 });
      return Number(out);
    },
    leave: () => rmSync(filler, { force: true }),
  };
}
