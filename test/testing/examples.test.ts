// The example for vitest under vitest, with Ringlog as an installed package. The one for node:test runs from a packed tarball
// (test/examples); jest, a package of some hundred, is a client of the interop rig (test/interop/cases/test-runners.mjs).

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { compileSources } from '../workers/compiled.ts';

beforeAll(() => compileSources());

const script = fileURLToPath(new URL('run-example.mjs', import.meta.url));

test('vitest', () => {
  // A runner below a runner: it must not take this one's state for its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_TEST|NODE_OPTIONS|TEST$)/.test(name)));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'vitest'], { encoding: 'utf8', env });
  expect(status, `${stdout}${stderr}`).toBe(0);
  expect(stdout).toMatch(/1 passed/);
});
