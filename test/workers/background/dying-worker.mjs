// A background thread that dies in the middle of its first job of a folder, as one killed for its memory would.

import { existsSync, writeFileSync } from 'node:fs';
import { clean as cleanReally } from '../../../dist/bundle/background-worker.js';

export function clean(task) {
  const mark = `${task.job.dir}/died`;
  if (!existsSync(mark)) {
    writeFileSync(mark, '');
    writeFileSync(`${task.job.dir}/00000000000000000000.log.cleaned`, 'half of it');
    process.exit(1);
  }
  return cleanReally(task);
}
