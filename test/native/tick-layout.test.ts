// The C++ header of the tick ring is the one generated from tick-layout.ts.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('tick_layout.h is what scripts/generate-tick-layout.mjs writes from tick-layout.ts', () => {
  const generator = new URL('../../scripts/generate-tick-layout.mjs', import.meta.url);
  const run = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { tickLayoutHeader } from ${JSON.stringify(generator.href)}; process.stdout.write(tickLayoutHeader());`,
    ],
    { encoding: 'utf8' },
  );
  expect(run.stderr).toBe('');
  const header = readFileSync(fileURLToPath(new URL('../../native/reactor/tick_layout.h', import.meta.url)), 'utf8');
  expect(header, 'run: node scripts/generate-tick-layout.mjs').toBe(run.stdout);
});
