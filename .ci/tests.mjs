// `npm test`, and the files of tests that failed once more, alone. What passes then is flaky: said aloud, and added to the
// file that the argument names. What fails again fails, and so does what belongs to no file.
//
//   node .ci/tests.mjs flaky.txt

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [flakyList] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'ringlog-ci-'));
const env = { ...process.env, FAILED_TESTS: join(dir, 'failed.json') };

/** @returns whether it ended well */
const run = (command, args) => spawnSync(command, args, { env, stdio: 'inherit' }).status === 0;

/** @returns the failed tests by file; null when they do not say it all */
const failedTests = () => (existsSync(env.FAILED_TESTS) ? JSON.parse(readFileSync(env.FAILED_TESTS, 'utf8')) : null);

function passes() {
  if (run('npm', ['test', '--silent', '--', '--reporter=default', '--reporter=./.ci/failed-tests.mjs'])) return true;
  const failed = failedTests();
  const files = Object.keys(failed ?? {});
  if (files.length === 0) return false;
  process.stdout.write(`\n=== once more, alone: ${files.join(', ')}\n`);
  if (!run('npx', ['vitest', 'run', '--maxWorkers=1', ...files])) return false;
  const lines = files.flatMap((file) => failed[file].map((name) => `flaky: ${file} > ${name}\n`));
  process.stdout.write(`\n${lines.join('')}`);
  appendFileSync(flakyList, lines.join(''));
  return true;
}

try {
  process.exitCode = passes() ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
