// The root of a log directory: who owns it, which cluster it belongs to, whether the last stop was clean, which
// partitions are in it. Owner: the supervisor (main thread), before shards open their logs. Not hot.

import type { FileSystem } from '../io/file-system.ts';
import { readBootId } from './boot-id.ts';
import { BadCheckpoint, parsePartitionName } from './checkpoint-file.ts';

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

const LOCK = '.lock';
const META = 'meta.properties';
const CLEAN_MARKER = '.kafka_cleanshutdown';
const DELETED_DIRECTORY = /\.[0-9a-f]{32}-delete$/;
/** Two starts may find the same stale lock; one of them finds a fresh one at its next try. */
const LOCK_ATTEMPTS = 3;

/**
 * Create the directory if need be and take its lock, over a dead holder if one left it. The lock file names the holder's
 * pid and when that process started, so that a stranger with a reused pid is not taken for it. @throws DirectoryLocked
 */
export function lockDirectory(fs: FileSystem, dir: string, pid: number, startTimeOf: (pid: number) => string | null): void {
  fs.makeDirectory(dir);
  for (let attempt = 1; ; attempt++) {
    if (createLock(fs, dir, pid, startTimeOf(pid) ?? '')) return;
    const text = readLock(fs, dir);
    const [holder, started] = text.trim().split(' ');
    const holderPid = Number(holder);
    const holderStart = holderPid > 0 ? startTimeOf(holderPid) : null;
    if ((holderStart !== null && holderStart === (started ?? '')) || attempt === LOCK_ATTEMPTS) throw new DirectoryLocked(dir, holderPid);
    takeStaleLock(fs, dir, pid, text);
  }
}

function createLock(fs: FileSystem, dir: string, pid: number, startTime: string): boolean {
  let fd: number;
  try {
    fd = fs.open(`${dir}/${LOCK}`, 'wx+');
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
  try {
    const bytes = new TextEncoder().encode(`${pid} ${startTime}\n`);
    fs.write(fd, bytes, 0, bytes.length, 0);
  } finally {
    fs.close(fd);
  }
  return true;
}

function readLock(fs: FileSystem, dir: string): string {
  const path = `${dir}/${LOCK}`;
  return fs.exists(path) ? fs.readText(path) : '';
}

/** Moved aside first: had another start replaced it meanwhile, its lock is put back. */
function takeStaleLock(fs: FileSystem, dir: string, pid: number, stale: string): void {
  const path = `${dir}/${LOCK}`;
  const aside = `${path}.${pid}`;
  if (!fs.exists(path)) return;
  fs.rename(path, aside);
  if (fs.readText(aside) === stale) fs.remove(aside);
  else fs.rename(aside, path);
}

export function unlockDirectory(fs: FileSystem, dir: string): void {
  fs.remove(`${dir}/${LOCK}`);
}

/** When a process started, from /proc, so that a reused pid is not taken for the holder; null when it does not run. */
export function processStartTime(fs: FileSystem, pid: number): string | null {
  if (!fs.exists('/proc/self/stat')) return isRunning(pid) ? 'running' : null;
  const path = `/proc/${pid}/stat`;
  if (!fs.exists(path)) return null;
  let stat: string;
  try {
    stat = fs.readText(path);
  } catch {
    return null;
  }
  // The second field is the command in parentheses and may itself hold blanks; the start is the 22nd, in clock ticks
  // since boot, so the boot's identity goes with it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return `${fields[19] ?? ''}@${readBootId(fs)}`;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** Null when there is no file. @throws BadCheckpoint when it lacks what it must say */
export function readMetaProperties(fs: FileSystem, dir: string): MetaProperties | null {
  const path = `${dir}/${META}`;
  if (!fs.exists(path)) return null;
  const properties = new Map<string, string>();
  for (const line of fs.readText(path).split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0 && !line.startsWith('#')) properties.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  const clusterId = properties.get('cluster.id');
  const nodeId = Number(properties.get('node.id') ?? 'none');
  if (properties.get('version') !== '1' || clusterId === undefined || !Number.isInteger(nodeId)) {
    throw new BadCheckpoint(`${path} is not of version 1, or lacks cluster.id or node.id`);
  }
  return { clusterId, nodeId, directoryId: properties.get('directory.id') ?? '' };
}

export function writeMetaProperties(fs: FileSystem, dir: string, meta: MetaProperties): void {
  const lines = ['version=1', `cluster.id=${meta.clusterId}`, `node.id=${meta.nodeId}`, `directory.id=${meta.directoryId}`];
  fs.replaceText(`${dir}/${META}`, `${lines.join('\n')}\n`);
}

/** Was the last stop clean? The marker is removed, so that a crash from now on counts as one. */
export function takeCleanMarker(fs: FileSystem, dir: string): boolean {
  const path = `${dir}/${CLEAN_MARKER}`;
  if (!fs.exists(path)) return false;
  fs.remove(path);
  fs.syncDirectory(dir);
  return true;
}

/** Last write of a clean stop. */
export function writeCleanMarker(fs: FileSystem, dir: string, brokerEpoch: number): void {
  fs.replaceText(`${dir}/${CLEAN_MARKER}`, `{"version":0,"brokerEpoch":${brokerEpoch}}`);
}

/** Names of the partition directories, `<topic>-<partition>`. */
export function listPartitions(fs: FileSystem, dir: string): string[] {
  return fs
    .list(dir)
    .filter((name) => parsePartitionName(name) !== null && fs.isDirectory(`${dir}/${name}`))
    .sort();
}

/** Remove directories that wait for deletion (`…-delete`). @returns how many */
export function removeDeleted(fs: FileSystem, dir: string): number {
  const names = fs.list(dir).filter((name) => DELETED_DIRECTORY.test(name));
  for (const name of names) fs.removeTree(`${dir}/${name}`);
  return names.length;
}
