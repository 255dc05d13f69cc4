// The checked-in codecs are what the generator makes of the tables. Owner: tests; pure.

import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');

test('generated codecs are up to date', () => {
  const run = spawnSync(process.execPath, ['scripts/generate-codecs.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' });
  expect(run.stderr, 'run node scripts/generate-codecs.mjs').toBe('');
  expect(run.status).toBe(0);
});
