#!/usr/bin/env node
// Runs an example of examples/testing under its test runner, in a folder where Ringlog is installed as a package: bundles and
// types without the sources, and without the addon.
//
//   node test/testing/run-example.mjs vitest
//   node test/testing/run-example.mjs jest --jest /folder/with/jest/installed

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { jest: { type: 'string' } } });
const [runner] = positionals;
const DEADLINE_MS = 120_000;

const commands = {
  vitest: () => [join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs'), 'run', '--dir', '.'],
  jest: () => [join(values.jest ?? '', 'node_modules/jest/bin/jest.js'), '--rootDir', '.', '--testMatch', '**/*.jest.test.cjs'],
};
if (!(runner in commands)) {
  console.error(`usage: run-example.mjs ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}

// Below the repository, so that the packages which Ringlog needs are found as in any install.
mkdirSync(join(root, '.cache'), { recursive: true });
const folder = mkdtempSync(join(root, '.cache', 'example-'));
try {
  const ringlog = join(folder, 'node_modules', 'ringlog');
  mkdirSync(join(ringlog, 'dist', 'bundle'), { recursive: true });
  cpSync(join(root, 'package.json'), join(ringlog, 'package.json'));
  const bundle = join(root, 'dist', 'bundle');
  for (const name of readdirSync(bundle)) if (/\.c?js$/.test(name)) cpSync(join(bundle, name), join(ringlog, 'dist', 'bundle', name));
  writeFileSync(join(folder, 'package.json'), '{ "name": "orders", "private": true }\n');
  cpSync(join(root, 'examples', 'testing'), folder, { recursive: true });
  const { status, error } = spawnSync(process.execPath, commands[runner](), { cwd: folder, stdio: 'inherit', timeout: DEADLINE_MS });
  if (error !== undefined) console.error(error.message);
  process.exitCode = status === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
