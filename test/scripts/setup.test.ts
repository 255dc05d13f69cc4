// The set-up script in a tree of its own, with stand-ins for npm, the compilers and node-gyp that note their calls.

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { root } from '../workers/compiled.ts';

let tree: string;

function put(path: string, text: string, executable = false): void {
  const full = join(tree, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  if (executable) chmodSync(full, 0o755);
}

/** Notes its name; `outcome` is what it does then. */
const standIn = (name: string, outcome: string): string =>
  `const fs = require('node:fs'); fs.appendFileSync(${JSON.stringify(join(tree, 'calls'))}, '${name} '); ${outcome}`;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'ringlog-setup-'));
  mkdirSync(join(tree, 'scripts'));
  copyFileSync(join(root, 'scripts/setup.mjs'), join(tree, 'scripts/setup.mjs'));
  for (const path of ['package.json', 'package-lock.json', 'omb-harness/package.json', 'tsconfig.json', 'tsconfig.build.json'])
    put(path, '{}');
  put('native/addon.cc', '');
  put('binding.gyp', '');
  put('src/main.ts', '');
  put('bin/make', '#!/bin/sh\necho make 4\n', true);
  put('bin/python', '#!/bin/sh\necho python 3\n', true);
  put('bin/cxx', '#!/bin/sh\necho compiler 1\n', true);
  put('bin/npm.js', standIn('npm', ''));
  const made = (path: string): string => `fs.mkdirSync('${dirname(path)}', { recursive: true }); fs.writeFileSync('${path}', '');`;
  put('node_modules/typescript/bin/tsc', standIn('tsc', ''));
  const bundles = ['ringlog', 'bench'].map((name) => made(`dist/bundle/${name}.js`));
  put('scripts/bundle.mjs', `import fs from 'node:fs'; ${bundles.join(' ')}`);
  const built = made('build/Release/ringlog.node');
  put(
    'node_modules/node-gyp/bin/node-gyp.js',
    standIn('gyp', `if (fs.existsSync('broken')) { console.error('no such type'); process.exit(1); } ${built}`),
  );
  put('broken', '');
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

/** @returns what was called, and what was said */
function setup(...args: string[]): { calls: string; said: string } {
  rmSync(join(tree, 'calls'), { force: true });
  const env = {
    ...process.env,
    PATH: `${join(tree, 'bin')}:${process.env['PATH']}`,
    CXX: join(tree, 'bin/cxx'),
    PYTHON: join(tree, 'bin/python'),
    npm_execpath: join(tree, 'bin/npm.js'),
  };
  const { status, stderr } = spawnSync(process.execPath, [join(tree, 'scripts/setup.mjs'), ...args], { env, encoding: 'utf8' });
  expect(status).toBe(0);
  return { calls: existsSync(join(tree, 'calls')) ? readFileSync(join(tree, 'calls'), 'utf8').trim() : '', said: stderr };
}

describe.runIf(process.platform === 'linux')('a compile that fails', () => {
  beforeEach(() => {
    const { calls, said } = setup();
    expect(calls).toBe('npm gyp tsc');
    expect(said).toContain('did not compile');
    expect(readFileSync(join(tree, '.setup/addon.log'), 'utf8')).toContain('no such type');
  });

  test('is not tried again, and says how it would be', () => {
    for (let i = 0; i < 2; i++) {
      const { calls, said } = setup();
      expect(calls).toBe('');
      expect(said).toMatch(/did not compile before .*portable path\. npm run setup -- --force/);
    }
  });

  test.each([
    ['its sources changed', () => put('native/addon.cc', 'int changed;')],
    ['the compiler changed', () => put('bin/cxx', '#!/bin/sh\necho compiler 2\n', true)],
  ])('is tried again when %s, and then remembered anew', (_name, change) => {
    change();
    expect(setup().calls).toBe('gyp');
    expect(setup().calls).toBe('');
  });

  test('is tried again when told to', () => {
    expect(setup('--force').calls).toBe('npm gyp tsc');
    expect(setup().calls).toBe('');
  });

  test('is forgotten once it succeeded', () => {
    rmSync(join(tree, 'broken'));
    put('native/addon.cc', 'int right;');
    expect(setup().calls).toBe('gyp');
    expect(setup()).toEqual({ calls: '', said: '' });
    // A removed build is built again.
    rmSync(join(tree, 'build'), { recursive: true });
    expect(setup().calls).toBe('gyp');
  });

  test('fails no installation of the package, which has that step alone', () => {
    rmSync(join(tree, '.setup'), { recursive: true });
    expect(setup('--addon')).toEqual({ calls: 'gyp', said: expect.stringContaining('did not compile') as string });
    expect(setup('--addon').calls).toBe('');
    const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    // Without a script of that name npm runs node-gyp itself, and no compiler would be no package.
    expect(scripts['install']).toBe('node scripts/setup.mjs --addon');
  });
});
