// House rules that a machine can hold: layer order, no cycles, no default exports, no barrels, a purpose on top of every
// file, no console. Each failure says what to do.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { rankOf } from './ranks.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const sources = tracked.filter((path) => /^(src|omb-harness\/src)\//.test(path) && path.endsWith('.ts'));
const written = sources.filter((path) => !path.includes('/generated/'));

/** Paths a file imports, relative ones resolved: static, type-only, dynamic, re-exports. */
function importsOf(path: string): string[] {
  const found: string[] = [];
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.[^'"]+)['"]/g;
  for (const match of read(path).matchAll(pattern)) found.push(normalize(join(dirname(path), match[1]!)));
  return found;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

test('every folder of sources has a rank', () => {
  const unranked = sources.filter((path) => rankOf(path) < 0);
  expect(unranked, 'give the folder a row in test/tidy/ranks.ts, below everything it must not know').toEqual([]);
});

test('imports run downhill', () => {
  const uphill: string[] = [];
  for (const path of sources) {
    for (const target of importsOf(path)) {
      if (!sources.includes(target)) uphill.push(`${path} imports ${target}, which is not part of the sources`);
      else if (rankOf(target) > rankOf(path))
        uphill.push(`${path} imports ${target}: move the shared part down, or pass it in as an argument`);
    }
  }
  expect(uphill).toEqual([]);
});

test('the harness knows a system only through a driver', () => {
  const harness = sources.filter((path) => path.startsWith('omb-harness/') && !path.startsWith('omb-harness/src/drivers/'));
  const leaks = harness.flatMap((path) =>
    importsOf(path)
      .filter((target) => target.startsWith('src/'))
      .map((target) => `${path} imports ${target}`),
  );
  expect(leaks, 'only omb-harness/src/drivers may import src').toEqual([]);
});

test('no import cycles', () => {
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    state.set(path, 'open');
    for (const target of importsOf(path)) if (existsSync(join(root, target))) visit(target, [...trail, path]);
    state.set(path, 'done');
  };
  for (const path of sources) visit(path, []);
  expect(cycles, 'break the cycle: an interface in the lower file, the class in the upper one').toEqual([]);
});

test('every file opens with its purpose and its owner', () => {
  const bare = written.filter((path) => !/^(#!.*\n)?(\/\/|\/\*)/.test(read(path)));
  expect(bare, 'open the file with a comment: what it is, which thread owns it, whether it is hot').toEqual([]);
  const ownerless = written.filter((path) => !/owner|owned|owns|no thread|any thread|pure|constant/i.test(read(path).slice(0, 2000)));
  expect(ownerless, 'say in the opening comment which thread owns this (or that it is pure)').toEqual([]);
});

test('no default exports, no barrels, no console', () => {
  const faults: string[] = [];
  for (const path of sources) {
    const code = withoutComments(read(path));
    if (/\bexport\s+default\b/.test(code)) faults.push(`${path}: export it by name`);
    if (/^export\s+(\*|\{[^}]*\})\s+from\b/m.test(code)) faults.push(`${path}: import from where it is defined instead of re-exporting`);
    if (/\bconsole\.\w+\(/.test(code)) faults.push(`${path}: use the logger that is passed in`);
    if (/\/(index|utils?|helpers?)\.ts$/.test(path)) faults.push(`${path}: name the file after its one noun`);
  }
  expect(faults).toEqual([]);
});

test('files of the package are found by packageFile()', () => {
  const lost = written.filter((path) => !path.endsWith('/package-file.ts') && /new URL\([^)]*import\.meta/.test(read(path)));
  expect(lost, 'a bundle has lost the folder it was written in: name the file from the root, packageFile(…)').toEqual([]);
});

test('file names are kebab-case', () => {
  const odd = sources.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.generated)?\.ts$/.test(path.split('/').at(-1)!));
  expect(odd, 'rename to kebab-case').toEqual([]);
});

test('only napi/ of the native code includes Node headers', () => {
  const native = tracked.filter((path) => /^native\/.*\.(cc|h)$/.test(path) && !path.startsWith('native/napi/'));
  const leaks = native.filter((path) => /#include\s*[<"](node_api|napi|js_native_api|uv)\.h/.test(read(path)));
  expect(leaks, 'keep Node out: pass what is needed through an argument').toEqual([]);
});

test('native layers run downhill', () => {
  const order = ['base', 'sys', 'ring', 'reactor', 'napi'];
  const faults: string[] = [];
  for (const path of tracked.filter((name) => /^native\/(base|sys|ring|reactor|napi)\/.*\.(cc|h)$/.test(name))) {
    const rank = order.indexOf(path.split('/')[1]!);
    for (const match of read(path).matchAll(/#include\s*"([^"]+)"/g)) {
      const folder = order.findIndex((name) => match[1]!.split('/').includes(name));
      if (folder > rank) faults.push(`${path} includes ${match[1]}: base < sys < ring < reactor < napi`);
    }
  }
  expect(faults).toEqual([]);
});

test('every native source is in one unit, once', () => {
  const units = tracked.filter((path) => /^native\/units\/.*\.cc$/.test(path));
  const taken = units.flatMap((path) => [...read(path).matchAll(/#include "(.+\.cc)"/g)].map(([, source]) => `native/${source}`));
  const there = tracked.filter((path) => /^native\/(sys|ring|reactor|napi)\/.*\.cc$/.test(path));
  expect(taken.sort(), 'native/units/ lists what is compiled').toEqual(there.sort());
});

test('nothing unfinished is left in the code', () => {
  const marks = tracked.filter((path) => /^(src|native|omb-harness|scripts)\//.test(path) && /\b(TODO|FIXME|XXX)\b/.test(read(path)));
  expect(marks, 'finish it or take it out').toEqual([]);
});
