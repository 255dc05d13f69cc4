// Everything a fresh clone needs before the broker or the tests run, each step only when its inputs changed:
// dependencies from the lockfile, the native addon, compiled TypeScript. Plain Node, no dependencies.
//
//   node scripts/setup.mjs [--force] [--addon]
//
// A step is remembered by a hash of its inputs in .setup/; --force runs every step anew. A machine without a compiler
// gets one clear line and runs on the portable path. A compile that failed is remembered too: it would fail again.
// --addon is what npm runs when somebody installs the package: that step alone, which never fails an installation.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamps = join(root, '.setup');
const force = process.argv.includes('--force');
const addonOnly = process.argv.includes('--addon');
const say = (line) => process.stderr.write(`${line}\n`);

/** Files below `path`, sorted; nothing when it does not exist. */
function filesBelow(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [full];
  return readdirSync(full, { withFileTypes: true })
    .flatMap((entry) => (entry.name === 'test' && path === 'native' ? [] : filesBelow(join(path, entry.name))))
    .sort();
}

/**
 * Hash of the inputs' names, sizes and times: reading a thousand files would cost more than the 0.3 s a warm start may
 * take, and a changed time only costs one needless build.
 */
function fingerprint(inputs, extra) {
  const hash = createHash('sha256').update(extra);
  for (const file of inputs.flatMap(filesBelow)) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)}:${size}:${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/**
 * Run `work` unless it already succeeded with the same inputs. `outputs` that are missing count as changed. Work that
 * returns false did not succeed.
 */
function step(name, inputs, extra, outputs, work) {
  const stamp = join(stamps, name);
  const before = fingerprint(inputs, extra);
  const done = existsSync(stamp) && readFileSync(stamp, 'utf8') === before && outputs.every((path) => existsSync(join(root, path)));
  if (done && !force) return;
  const result = work(before);
  if (result === false) return;
  mkdirSync(stamps, { recursive: true });
  // Inputs may change by the work itself (npm touches the lockfile's time), so the hash is taken anew.
  writeFileSync(stamp, fingerprint(inputs, extra));
}

function run(command, args, options = {}) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
}

function npmInstall() {
  say('ringlog: installing dependencies from the lockfile');
  const npm = process.env.npm_execpath;
  // Not `ci`: it refuses a lockfile that lacks another platform's optional package, which a registry mirror may not have.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  if (npm !== undefined && npm.endsWith('.js')) run(process.execPath, [npm, ...args]);
  else run('npm', args);
}

/** Where the running Node's own headers are, when they are installed beside it. */
function headerFolder() {
  const prefix = join(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? prefix : undefined;
}

/** The tools of a compile: which are missing, and what the others say they are. */
function compileTools() {
  const tools = [process.env.CXX ?? 'g++', 'make', process.env.PYTHON ?? 'python3'];
  const asked = tools.map((tool) => ({ tool, ...spawnSync(tool, ['--version'], { encoding: 'utf8' }) }));
  return {
    missing: asked.filter(({ error }) => error !== undefined).map(({ tool }) => tool),
    versions: asked.map(({ tool, stdout }) => `${tool} ${stdout}`).join('\n'),
  };
}

/** @param inputs hash of the sources */
function buildAddon(inputs) {
  if (process.platform !== 'linux') {
    say(`ringlog: the native addon is for Linux; running on the portable path (${process.platform})`);
    return;
  }
  const { missing, versions } = compileTools();
  if (missing.length > 0) {
    say(
      `ringlog: no native addon (${missing.join(', ')} not found): running on the portable path. Install g++, make and python3 for full speed.`,
    );
    return false;
  }
  const log = join(stamps, 'addon.log');
  const failed = join(stamps, 'addon.failed');
  const attempt = `${inputs}\n${versions}`;
  if (!force && existsSync(failed) && readFileSync(failed, 'utf8') === attempt) {
    say(
      `ringlog: the native addon did not compile before (see ${relative(root, log)}); running on the portable path. npm run setup -- --force tries again.`,
    );
    return false;
  }
  say('ringlog: compiling the native addon');
  // An installed package finds it beside itself.
  const gyp = [join(root, 'node_modules'), join(root, '..')].map((at) => join(at, 'node-gyp', 'bin', 'node-gyp.js')).find(existsSync);
  if (gyp === undefined) {
    say('ringlog: no native addon (node-gyp is not installed): running on the portable path');
    return false;
  }
  const headers = headerFolder();
  const args = [gyp, 'rebuild', '--jobs', 'max', '--silent', ...(headers === undefined ? [] : [`--nodedir=${headers}`])];
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  rmSync(failed, { force: true });
  if (result.status === 0) return;
  mkdirSync(stamps, { recursive: true });
  writeFileSync(log, `${result.stdout}\n${result.stderr}`);
  // One that was interrupted says nothing about the next.
  if (result.status !== null) writeFileSync(failed, attempt);
  say(`ringlog: the native addon did not compile; running on the portable path (see ${relative(root, log)})`);
  return false;
}

function compileTypeScript() {
  say('ringlog: compiling TypeScript');
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  run(process.execPath, [join(root, 'scripts', 'bundle.mjs')]);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  say(`ringlog: Node ${process.versions.node} is too old: 20.19 or newer is needed`);
  process.exit(1);
}
// A removed build folder counts as a change, where there is an addon at all.
const addonOutputs = process.platform === 'linux' ? ['build/Release/ringlog.node'] : [];
try {
  if (!addonOnly)
    step('dependencies', ['package-lock.json', 'package.json', 'omb-harness/package.json'], '', ['node_modules/typescript'], npmInstall);
  step('addon', ['native', 'binding.gyp'], `${process.versions.modules} ${process.arch}`, addonOutputs, buildAddon);
  if (!addonOnly)
    step(
      'typescript',
      ['src', 'omb-harness/src', 'scripts/bundle.mjs', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
      '',
      ['dist/bundle/ringlog.js', 'dist/bundle/bench.js'],
      compileTypeScript,
    );
} catch (error) {
  say(`ringlog: set-up failed: ${error.message}`);
  process.exit(1);
}
