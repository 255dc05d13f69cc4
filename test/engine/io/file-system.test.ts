// Both disks keep the same promises.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { FileSystem } from '../../../src/engine/io/file-system.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { nodeFileSystem } from '../../../src/engine/io/node-file-system.ts';

const root = mkdtempSync(join(tmpdir(), 'ringlog-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

test.runIf(process.platform === 'linux')('a parent that takes no directories ends the making of one', () => {
  expect(codeOf(() => nodeFileSystem.makeDirectory('/proc/nope/deeper'))).toBe('ENOENT');
});

describe.each<[string, FileSystem, string]>([
  ['node', nodeFileSystem, root],
  ['memory', new MemoryFileSystem(), '/tmp/x'],
])('%s file system', (_name, fs, base) => {
  const dir = `${base}/a/b`;

  test('files', () => {
    fs.makeDirectory(dir);
    fs.makeDirectory(dir);
    expect(codeOf(() => fs.open(`${dir}/f`, 'r+'))).toBe('ENOENT');
    const fd = fs.open(`${dir}/f`, 'wx+');
    expect(codeOf(() => fs.open(`${dir}/f`, 'wx+'))).toBe('EEXIST');
    fs.write(fd, bytes('..hello'), 2, 5, 3);
    expect(fs.size(fd)).toBe(8);
    const into = new Uint8Array(10).fill(1);
    expect(fs.read(fd, into, 1, 9, 2)).toBe(6);
    expect([...into]).toEqual([1, 0, 104, 101, 108, 108, 111, 1, 1, 1]);
    expect(fs.read(fd, into, 0, 5, 8)).toBe(0);
    fs.truncate(fd, 4);
    fs.truncate(fd, 6);
    expect(fs.read(fd, into, 0, 9, 3)).toBe(3);
    expect([...into.subarray(0, 3)]).toEqual([104, 0, 0]);
    fs.fdatasync(fd);
    fs.close(fd);
    expect(codeOf(() => fs.size(fd))).toBe('EBADF');
    const again = fs.open(`${dir}/f`, 'w+');
    expect(fs.size(again)).toBe(0);
    fs.close(again);
  });

  test('names', () => {
    fs.replaceText(`${dir}/text`, 'grüße');
    fs.replaceText(`${dir}/text`, 'grüße 2');
    expect(fs.readText(`${dir}/text`)).toBe('grüße 2');
    expect(fs.modifiedMs(`${dir}/text`)).toBeGreaterThanOrEqual(0);
    expect(fs.list(dir).sort()).toEqual(['f', 'text']);
    expect([fs.exists(dir), fs.isDirectory(dir), fs.isDirectory(`${dir}/text`), fs.isDirectory(`${dir}/none`)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    fs.rename(`${dir}/text`, `${dir}/f`);
    expect(fs.readText(`${dir}/f`)).toBe('grüße 2');
    fs.syncDirectory(dir);
    fs.rename(dir, `${base}/c`);
    expect(fs.readText(`${base}/c/f`)).toBe('grüße 2');
    fs.remove(`${base}/c/f`);
    fs.remove(`${base}/c/f`);
    expect(fs.list(`${base}/c`)).toEqual([]);
    fs.removeTree(`${base}/c`);
    fs.removeTree(`${base}/c`);
    expect(codeOf(() => fs.list(`${base}/c`))).toBe('ENOENT');
    expect(codeOf(() => fs.rename(`${base}/c`, `${base}/d`))).toBe('ENOENT');
  });

  test('what is discarded is gone soon, and what is not there is no error', async () => {
    fs.makeDirectory(`${base}/kept/tree/deeper`);
    fs.replaceText(`${base}/kept/tree/deeper/f`, 'x');
    fs.replaceText(`${base}/kept/f`, 'x');
    for (const name of ['tree', 'f', 'none']) fs.discard(`${base}/kept/${name}`);
    await expect.poll(() => fs.list(`${base}/kept`), { timeout: 20_000 }).toEqual([]);
  });

  test('a file removed while open can still be read', () => {
    fs.makeDirectory(base);
    const fd = fs.open(`${base}/open`, 'w+');
    fs.write(fd, bytes('abc'), 0, 3, 0);
    fs.remove(`${base}/open`);
    expect(fs.read(fd, new Uint8Array(3), 0, 3, 0)).toBe(3);
    fs.close(fd);
  });
});

test('a power cut in memory takes unsynced bytes and names', () => {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/d');
  fs.syncDirectory('/');
  const kept = fs.open('/d/kept', 'w+');
  fs.write(kept, bytes('ab'), 0, 2, 0);
  fs.fdatasync(kept);
  fs.syncDirectory('/d');
  fs.write(kept, bytes('cd'), 0, 2, 2);
  fs.fdatasync(fs.open('/d/nameless', 'w+'));
  fs.crash();
  expect(fs.list('/d')).toEqual(['kept']);
  expect(fs.readText('/d/kept')).toBe('ab');
  expect(codeOf(() => fs.size(kept))).toBe('EBADF');
});
