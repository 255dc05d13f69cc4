// `ringlog/testing` under jest, which brings hundreds of packages. It starts its own broker; the rig's stands aside.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installJest } from '../../../scripts/install-clients.mjs';
import { runOk } from '../rig/processes.mjs';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'testing', 'run-example.mjs');

export const runnersGroup = {
  name: 'test runners',
  prepare: installJest,
  cases: [
    {
      name: 'jest: the example of ringlog/testing',
      core: false,
      run: ({ client, signal }) => runOk(process.execPath, [script, 'jest', '--jest', client], { signal, timeoutMs: 120_000 }),
    },
  ],
};
