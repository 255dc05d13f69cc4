// BrokerDisk: where a test broker keeps its data between its lives, in memory or in a directory. Owner: the test's thread.
// Not hot.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileSystem } from '../engine/io/file-system.ts';
import { MemoryFileSystem } from '../engine/io/memory-file-system.ts';
import { nodeFileSystem } from '../engine/io/node-file-system.ts';

/** Nothing of this name is on the machine: code that looks there by mistake finds nothing. */
const MEMORY_ROOT = '/ringlog-in-memory';

export interface BrokerDisk {
  /** The log directory. */
  readonly dir: string;
  readonly fs: FileSystem;
  /** Null on a real disk. */
  readonly memory: MemoryFileSystem | null;
  /** Nobody needs it any more. */
  remove(): void;
}

export function memoryDisk(): BrokerDisk {
  const memory = new MemoryFileSystem();
  return { dir: `${MEMORY_ROOT}-${randomUUID()}`, fs: memory, memory, remove: () => undefined };
}

/** The caller's own directory stays. */
export function directoryDisk(dir: string): BrokerDisk {
  return { dir, fs: nodeFileSystem, memory: null, remove: () => undefined };
}

/** Temporary directories of this process whose broker was not closed: they go when the process ends. */
const left = new Set<string>();

export function temporaryDisk(): BrokerDisk {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-test-'));
  if (left.size === 0) process.on('exit', removeLeft);
  left.add(dir);
  const remove = (): void => {
    rmSync(dir, { recursive: true, force: true });
    left.delete(dir);
    if (left.size === 0) process.off('exit', removeLeft);
  };
  return { ...directoryDisk(dir), remove };
}

function removeLeft(): void {
  for (const dir of left) rmSync(dir, { recursive: true, force: true });
}
