// The root of a log directory: who owns it, which cluster it belongs to, whether the last stop was clean, which
// partitions are in it. Owner: the supervisor (main thread), before shards open their logs. Not hot.

import type { FileSystem } from '../io/file-system.ts';

export interface MetaProperties {
  readonly clusterId: string;
  readonly nodeId: number;
  /** Text uuid of this directory. */
  readonly directoryId: string;
}

/** Another process owns the directory. */
export class DirectoryLocked extends Error {
  override readonly name = 'DirectoryLocked';
  readonly pid: number;

  constructor(dir: string, pid: number) {
    super(`${dir} is in use by process ${pid}`);
    this.pid = pid;
  }
}

/** Create the directory if need be and take its lock, over a dead holder if one left it. @throws DirectoryLocked */
export function lockDirectory(fs: FileSystem, dir: string, pid: number, startTimeOf: (pid: number) => string | null): void {
  void [fs, dir, pid, startTimeOf];
}

export function unlockDirectory(fs: FileSystem, dir: string): void {
  void [fs, dir];
}

/** When a process started, from /proc, so that a reused pid is not taken for the holder; null when it does not run. */
export function processStartTime(fs: FileSystem, pid: number): string | null {
  void [fs, pid];
  return null;
}

export function readMetaProperties(fs: FileSystem, dir: string): MetaProperties | null {
  void [fs, dir];
  return null;
}

export function writeMetaProperties(fs: FileSystem, dir: string, meta: MetaProperties): void {
  void [fs, dir, meta];
}

/** Was the last stop clean? The marker is removed, so that a crash from now on counts as one. */
export function takeCleanMarker(fs: FileSystem, dir: string): boolean {
  void [fs, dir];
  return false;
}

/** Last write of a clean stop. */
export function writeCleanMarker(fs: FileSystem, dir: string, brokerEpoch: number): void {
  void [fs, dir, brokerEpoch];
}

/** Names of the partition directories, `<topic>-<partition>`. */
export function listPartitions(fs: FileSystem, dir: string): string[] {
  void [fs, dir];
  return [];
}

/** Remove directories that wait for deletion (`…-delete`). @returns how many */
export function removeDeleted(fs: FileSystem, dir: string): number {
  void [fs, dir];
  return 0;
}
