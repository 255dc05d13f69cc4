// The native programs of the harness: compiled from omb-harness/native on first use, kept by a hash of their sources.
// Owner: the thread that asks. Not hot.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../../src/engine/base/package-file.ts';

const FLAGS = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Wno-missing-field-initializers'];
const LIBRARIES = ['-lz'];
/** Shared with the broker's addon: the checksum of batches and stamps. */
const CRC = ['native/sys/crc32c.cc', 'native/sys/crc32c.h'];
const SOURCES = 'omb-harness/native';
const ERROR_LINES = 3;
/** How often somebody who waits for another's compile looks. */
const LOOK_MS = 50;
/** Minutes, as long as a compile may take: then it is done here, too. */
const LOOKS_MAX = 6000;
const idle = new Int32Array(new SharedArrayBuffer(4));

export type NativeProgram = { readonly ok: true; readonly program: string } | { readonly ok: false; readonly why: string };

/** The load worker. @param say told before it takes a while */
export function nativeWorker(say: (line: string) => void): NativeProgram {
  return buildNative('load-worker', (name) => name.endsWith('.cc') && !/^((null_broker|cache_meter)\.cc|test\/.*)$/.test(name), say);
}

/** The stub that acknowledges everything and keeps nothing. */
export function nullBroker(say: (line: string) => void): NativeProgram {
  return buildNative('null-broker', (name) => name === 'null_broker.cc' || name === 'event_loop.cc', say);
}

/** Looks at how much of a folder's files is in the page cache. */
export function cacheMeter(say: (line: string) => void): NativeProgram {
  return buildNative('cache-meter', (name) => name === 'cache_meter.cc', say);
}

/** @param has which units (from omb-harness/native) are part of it */
export function buildNative(name: string, has: (unit: string) => boolean, say: (line: string) => void): NativeProgram {
  if (process.platform !== 'linux') return { ok: false, why: `it is for Linux, not ${process.platform}` };
  const root = fileURLToPath(packageFile('.'));
  if (!existsSync(join(root, SOURCES))) return { ok: false, why: 'its sources are not part of this package' };
  const files = readdirSync(join(root, SOURCES), { encoding: 'utf8', recursive: true }).sort();
  const taken = [...files.filter((file) => file.endsWith('.h') || has(file)).map((file) => join(SOURCES, file)), ...CRC];
  return compile(root, name, taken, say);
}

function compile(root: string, name: string, files: readonly string[], say: (line: string) => void): NativeProgram {
  const compiler = process.env.CXX ?? 'g++';
  const hash = createHash('sha256').update([process.arch, compiler, ...FLAGS].join(' '));
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  const folder = join(root, '.cache', 'load');
  const program = join(folder, `${name}-${hash.digest('hex').slice(0, 16)}`);
  for (let looks = 0; looks < LOOKS_MAX && isMadeByAnother(folder, basename(program)); looks++) Atomics.wait(idle, 0, 0, LOOK_MS);
  if (existsSync(program)) return { ok: true, program };
  say(`compiling the native ${name}, once`);
  const unfinished = `${program}.${process.pid}`;
  const objects = `${unfinished}.objects`;
  try {
    mkdirSync(objects, { recursive: true });
    const sources = files.filter((file) => file.endsWith('.cc'));
    const parts = compileUnits(compiler, sources, objects, root);
    execFileSync(compiler, ['-o', unfinished, ...parts, ...LIBRARIES], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
    // Whole or not there: another process that began at the same moment may be doing the same.
    renameSync(unfinished, program);
    return { ok: true, program };
  } catch (error) {
    rmSync(unfinished, { force: true });
    const { code, path, stderr, message } = error as NodeJS.ErrnoException & { readonly stderr?: string };
    if (code === 'ENOENT') return { ok: false, why: `${path ?? compiler} was not found` };
    const text = stderr === undefined || stderr === '' ? message : stderr;
    return { ok: false, why: `it does not compile: ${text.trim().split('\n').slice(0, ERROR_LINES).join(' ')}` };
  } finally {
    rmSync(objects, { recursive: true, force: true });
  }
}

/** Its folder of objects is there, and so is the process. */
function isMadeByAnother(folder: string, program: string): boolean {
  return (existsSync(folder) ? readdirSync(folder) : []).some((name) => {
    const pid = name.startsWith(`${program}.`) ? /\.(\d+)\.objects$/.exec(name)?.[1] : undefined;
    return pid !== undefined && Number(pid) !== process.pid && existsSync(`/proc/${pid}`);
  });
}

/**
 * All sources in two units at once: headers cost more than what includes them, and it is what a first run waits for. A name in
 * the `namespace { }` of one file is in those of all.
 * @returns the objects
 */
function compileUnits(compiler: string, sources: readonly string[], folder: string, cwd: string): string[] {
  execFileSync(compiler, ['--version'], { stdio: 'ignore' });
  const units = [0, 1].map((half) => {
    const unit = join(folder, `${half}.cc`);
    const own = sources.filter((_, i) => i % 2 === half);
    writeFileSync(unit, own.map((source) => `#include "${source}"\n`).join(''));
    return { unit, object: `${unit}.o` };
  });
  // One line a unit, its two names behind the flags: `g++ … -c unit -o object`.
  const input = units.map(({ unit, object }) => `"${unit}" -o "${object}"`).join('\n');
  const flags = [...FLAGS, '-I', '.', '-I', 'native', '-c'];
  execFileSync('xargs', ['-P', '2', '-L', '1', compiler, ...flags], { input, cwd, encoding: 'utf8', stdio: 'pipe' });
  return units.map(({ object }) => object);
}
