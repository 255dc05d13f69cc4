// Compiles the native code below napi and its tests with sanitizers, and runs them. Plain Node, no dependencies.
//
//   node scripts/test-native.mjs [--tsan] [part of a test's name]
//
// AddressSanitizer and UBSan by default, ThreadSanitizer with --tsan. Objects are kept in build/native-<sanitizer> and
// compiled again when a source or a header is newer.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = join(dirname(fileURLToPath(import.meta.url)), '..', 'native');
const names = process.argv.slice(2);
const tsan = names.includes('--tsan');
const filter = names.filter((name) => !name.startsWith('--'));
const build = join(native, '..', 'build', tsan ? 'native-tsan' : 'native-asan');
const compiler = process.env.CXX ?? 'g++';
const sanitize = tsan ? ['-fsanitize=thread'] : ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
// The addon's own settings (binding.gyp), plus what a debugger and the sanitizers want.
const flags =
  `-std=c++20 -g -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fno-omit-frame-pointer -pthread -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64`
    .split(' ')
    .concat(`-I${native}`, sanitize);

const folders = ['base', 'sys', 'ring', 'reactor', 'test', 'units'];
const files = folders.flatMap((folder) =>
  readdirSync(join(native, folder))
    .sort()
    .map((name) => join(folder, name)),
);
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const newestOf = (kind) => Math.max(...files.filter((path) => kind.test(path)).map((path) => modified(join(native, path))));
const newestHeader = newestOf(/\.h$/);
/** Units include sources. */
const newestInUnits = newestOf(/\.h$|^(?!test\/)/);

// The longest first. A tool of a vitest test has its own main().
const tests = files.filter((path) => /^test\/.*(?<!_tool)\.cc$/.test(path));
const sources = ['units/reactor.cc', 'units/sys.cc', ...tests];

function objectOf(source) {
  return join(build, `${source.replaceAll(/[/\\]/g, '-')}.o`);
}

function compile(source) {
  const from = join(native, source);
  const to = objectOf(source);
  const isTest = tests.includes(source);
  if (modified(to) > (isTest ? Math.max(modified(from), newestHeader) : newestInUnits)) return Promise.resolve(true);
  return new Promise((resolve) => {
    // With sanitizers a test is compiled six times as fast without optimization; what it runs for long is in the units.
    const run = spawn(compiler, [...flags, isTest ? '-O0' : '-O1', '-c', from, '-o', to], { stdio: 'inherit' });
    run.on('error', () => resolve(false));
    run.on('exit', (code) => resolve(code === 0));
  });
}

async function compileAll() {
  const queue = [...sources];
  let good = true;
  const worker = async () => {
    while (good && queue.length > 0) good = (await compile(queue.shift())) && good;
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, worker));
  return good;
}

function run() {
  const environment = {
    ...process.env,
    ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1:abort_on_error=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    TSAN_OPTIONS: 'halt_on_error=1',
  };
  return spawnSync(join(build, 'tests'), filter, { stdio: 'inherit', env: environment }).status ?? 1;
}

if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.error(`native tests need ${compiler}, which is not here (name another in CXX)`);
  process.exit(1);
}
mkdirSync(build, { recursive: true });
if (!(await compileAll())) process.exit(1);
const link = spawnSync(compiler, [...flags, ...sources.map(objectOf), '-o', join(build, 'tests')], { stdio: 'inherit' });
process.exitCode = link.status === 0 ? run() : 1;
