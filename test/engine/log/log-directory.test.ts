import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { nodeFileSystem } from '../../../src/engine/io/node-file-system.ts';
import {
  DirectoryLocked,
  listPartitions,
  lockDirectory,
  processStartTime,
  readMetaProperties,
  removeDeleted,
  takeCleanMarker,
  unlockDirectory,
  writeCleanMarker,
  writeMetaProperties,
} from '../../../src/engine/log/log-directory.ts';

const META = { clusterId: 'q8Fa2mVhQ0qFkZC0GZsZ2w', nodeId: 1, directoryId: 'Yx2Gf3aQTz6qkq5W0mSa4A' };

test('one process owns a directory; a dead holder does not', () => {
  const fs = new MemoryFileSystem();
  const started = new Map([
    [10, 'a'],
    [11, 'b'],
  ]);
  const startTimeOf = (pid: number): string | null => started.get(pid) ?? null;
  lockDirectory(fs, '/data', 10, startTimeOf);
  expect(() => lockDirectory(fs, '/data', 11, startTimeOf)).toThrow(DirectoryLocked);
  expect(() => lockDirectory(fs, '/data', 11, startTimeOf)).toThrow('/data is in use by process 10');
  // The pid lives on in another process.
  started.set(10, 'c');
  lockDirectory(fs, '/data', 11, startTimeOf);
  expect(() => lockDirectory(fs, '/data', 10, startTimeOf)).toThrow('process 11');
  unlockDirectory(fs, '/data');
  lockDirectory(fs, '/data', 10, startTimeOf);
  // Kafka leaves an empty file behind.
  fs.putFile('/data/.lock', new Uint8Array(0));
  lockDirectory(fs, '/data', 11, startTimeOf);
  expect(fs.list('/data')).toEqual(['.lock']);
});

test('on a real disk, with real processes', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-'));
  const startTimeOf = (pid: number): string | null => processStartTime(nodeFileSystem, pid);
  expect(startTimeOf(process.pid)).toMatch(/./);
  expect(startTimeOf(2 ** 22 + 1)).toBe(null);
  lockDirectory(nodeFileSystem, dir, process.pid, startTimeOf);
  expect(() => lockDirectory(nodeFileSystem, dir, process.ppid, startTimeOf)).toThrow(`process ${process.pid}`);
  unlockDirectory(nodeFileSystem, dir);
  rmSync(dir, { recursive: true });
});

test('meta.properties', () => {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  expect(readMetaProperties(fs, '/data')).toBe(null);
  writeMetaProperties(fs, '/data', META);
  expect(readMetaProperties(fs, '/data')).toEqual(META);
  fs.putFile('/data/meta.properties', new TextEncoder().encode('#\n#Sat Nov 21\nnode.id = 3\nversion=1\ncluster.id=x\n'));
  expect(readMetaProperties(fs, '/data')).toEqual({ clusterId: 'x', nodeId: 3, directoryId: '' });
  fs.putFile('/data/meta.properties', new TextEncoder().encode('version=0\n'));
  expect(() => readMetaProperties(fs, '/data')).toThrow('version 1');
});

test('the clean marker is good for one start', () => {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  expect(takeCleanMarker(fs, '/data')).toBe(false);
  writeCleanMarker(fs, '/data', 4);
  expect(fs.readText('/data/.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":4}');
  expect(takeCleanMarker(fs, '/data')).toBe(true);
  fs.crash();
  expect(takeCleanMarker(fs, '/data')).toBe(false);
});

test('partitions and leftovers', () => {
  const fs = new MemoryFileSystem();
  for (const name of ['b-1', 'a-0', 'a-0.0123456789abcdef0123456789abcdef-delete', 'a-0-future', 'other'])
    fs.makeDirectory(`/data/${name}`);
  fs.putFile('/data/c-0', new Uint8Array(0));
  expect(listPartitions(fs, '/data')).toEqual(['a-0', 'b-1']);
  expect(removeDeleted(fs, '/data')).toBe(1);
  expect(fs.list('/data').sort()).toEqual(['a-0', 'a-0-future', 'b-1', 'c-0', 'other']);
});
