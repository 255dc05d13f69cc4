// A disk in memory, for tests and the simulator. Owner: one thread. Not hot.
//
// Errors carry Node's codes. It can fail on purpose: `fault` is asked before each operation that may fail on a disk.
// crash() forgets what was not synced, the way a power cut does at its worst: file bytes go back to what the last
// fdatasync of the file saw, and names to what the last syncDirectory saw.

import type { CommitFile, FileSystem } from './file-system.ts';

const EOPNOTSUPP = 95;

export type DiskOperation = 'open' | 'read' | 'write' | 'truncate' | 'fdatasync' | 'rename';

class DiskFile {
  bytes = new Uint8Array(0);
  size = 0;
  /** What a power cut leaves: the first syncedSize bytes. */
  private synced = new Uint8Array(0);
  private syncedSize = 0;
  /** What the next sync has to copy, and a power cut to put back. */
  private dirtyFrom = Infinity;
  private dirtyTo = 0;
  modifiedMs: number;

  constructor(modifiedMs: number) {
    this.modifiedMs = modifiedMs;
  }

  resize(size: number): void {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, 64));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.touch(Math.min(size, this.size), Math.max(size, this.size));
    this.size = size;
  }

  put(bytes: Uint8Array, position: number): void {
    if (position + bytes.length > this.size) this.resize(position + bytes.length);
    this.bytes.set(bytes, position);
    this.touch(position, position + bytes.length);
  }

  sync(): void {
    if (this.synced.length < this.size) {
      const grown = new Uint8Array(this.bytes.length);
      grown.set(this.synced.subarray(0, this.syncedSize));
      this.synced = grown;
    }
    if (this.dirtyFrom < this.size) {
      this.synced.set(this.bytes.subarray(this.dirtyFrom, Math.min(this.dirtyTo, this.size)), this.dirtyFrom);
    }
    this.syncedSize = this.size;
    this.dirtyFrom = Infinity;
    this.dirtyTo = 0;
  }

  /** What a power cut leaves. */
  get durable(): Uint8Array {
    return this.synced.subarray(0, this.syncedSize);
  }

  cutPower(): void {
    const { syncedSize } = this;
    if (this.dirtyFrom < syncedSize) {
      this.bytes.set(this.synced.subarray(this.dirtyFrom, Math.min(this.dirtyTo, syncedSize)), this.dirtyFrom);
    }
    if (this.size > syncedSize) this.bytes.fill(0, syncedSize, this.size);
    this.size = syncedSize;
    this.dirtyFrom = Infinity;
    this.dirtyTo = 0;
  }

  private touch(from: number, to: number): void {
    this.dirtyFrom = Math.min(this.dirtyFrom, from);
    this.dirtyTo = Math.max(this.dirtyTo, to);
  }

  /** It holds these bytes, synced. */
  replace(bytes: Uint8Array): void {
    this.bytes = bytes.slice();
    this.size = bytes.length;
    this.touch(0, this.size);
    this.sync();
  }

  get content(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }
}

type Node = DiskFile | 'directory';

interface OpenFile {
  readonly file: DiskFile;
  path: string;
  /** What is written is on the disk. */
  synchronous: boolean;
}

class DiskError extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(code: string, path: string, syscall = '') {
    super(`${code}: ${path}`);
    this.code = code;
    this.syscall = syscall;
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function normal(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** What is there under the path: it, and all below where it is a directory. */
function wholeOf(nodes: ReadonlyMap<string, Node>, path: string): string[] {
  const node = nodes.get(path);
  if (node !== 'directory') return node === undefined ? [] : [path];
  return [...nodes.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
}

export class MemoryFileSystem implements FileSystem {
  /** A code to throw for the operation about to happen, or null. */
  fault: ((operation: DiskOperation, path: string) => string | null) | null = null;
  /** What modification times are taken from. */
  nowMs = 0;
  private nodes = new Map<string, Node>([['/', 'directory']]);
  private syncedNodes = new Map<string, Node>([['/', 'directory']]);
  private readonly openFiles = new Map<number, OpenFile>();
  private nextFd = 3;

  open(path: string, flags: string): number {
    path = normal(path);
    this.check('open', path);
    let node = this.nodes.get(path);
    if (node === 'directory') throw new DiskError('EISDIR', path);
    if (node !== undefined && flags.includes('x')) throw new DiskError('EEXIST', path);
    if (node === undefined) {
      if (flags.startsWith('r')) throw new DiskError('ENOENT', path);
      if (this.nodes.get(parentOf(path)) !== 'directory') throw new DiskError('ENOENT', path);
      node = new DiskFile(this.nowMs);
      this.nodes.set(path, node);
    } else if (flags.startsWith('w')) {
      node.resize(0);
    }
    const fd = this.nextFd++;
    this.openFiles.set(fd, { file: node, path, synchronous: false });
    return fd;
  }

  openForCommits(path: string, direct: boolean): CommitFile {
    const fd = this.open(path, this.exists(path) ? 'r+' : 'w+');
    this.entry(fd).synchronous = direct;
    return { fd, direct, synchronous: direct };
  }

  close(fd: number): void {
    this.entry(fd);
    this.openFiles.delete(fd);
  }

  read(fd: number, into: Uint8Array, intoOffset: number, length: number, position: number): number {
    const { file, path } = this.entry(fd);
    this.check('read', path);
    const bytes = Math.max(0, Math.min(length, file.size - position));
    into.set(file.bytes.subarray(position, position + bytes), intoOffset);
    return bytes;
  }

  write(fd: number, from: Uint8Array, fromOffset: number, length: number, position: number): void {
    const { file, path, synchronous } = this.entry(fd);
    this.check('write', path);
    file.put(from.subarray(fromOffset, fromOffset + length), position);
    if (synchronous) file.sync();
    file.modifiedMs = this.nowMs;
  }

  truncate(fd: number, length: number): void {
    const { file, path } = this.entry(fd);
    this.check('truncate', path);
    file.resize(length);
  }

  size(fd: number): number {
    return this.entry(fd).file.size;
  }

  fdatasync(fd: number): void {
    const { file, path } = this.entry(fd);
    this.check('fdatasync', path);
    file.sync();
  }

  syncDirectory(path: string): void {
    path = normal(path);
    if (this.nodes.get(path) !== 'directory') throw new DiskError('ENOENT', path);
    const inside = (name: string): boolean => name !== path && parentOf(name) === path;
    for (const name of this.syncedNodes.keys()) {
      if (inside(name) && !this.nodes.has(name)) this.forget(this.syncedNodes, name);
    }
    for (const [name, node] of this.nodes) if (inside(name)) this.syncedNodes.set(name, node);
  }

  rename(from: string, to: string): void {
    from = normal(from);
    to = normal(to);
    this.check('rename', from);
    if (!this.nodes.has(from)) throw new DiskError('ENOENT', from);
    this.forget(this.nodes, to);
    for (const name of wholeOf(this.nodes, from)) {
      this.nodes.set(to + name.slice(from.length), this.nodes.get(name)!);
      this.nodes.delete(name);
    }
    for (const open of this.openFiles.values()) {
      if (open.path === from || open.path.startsWith(`${from}/`)) open.path = to + open.path.slice(from.length);
    }
  }

  remove(path: string): void {
    this.nodes.delete(normal(path));
  }

  removeTree(path: string): void {
    this.forget(this.nodes, normal(path));
  }

  discard(path: string): void {
    this.removeTree(path);
  }

  makeDirectory(path: string): void {
    path = normal(path);
    if (path === '/' || this.nodes.get(path) === 'directory') return;
    this.makeDirectory(parentOf(path));
    this.nodes.set(path, 'directory');
  }

  list(path: string): string[] {
    path = normal(path);
    if (this.nodes.get(path) !== 'directory') throw new DiskError('ENOENT', path);
    const names: string[] = [];
    for (const name of this.nodes.keys()) {
      if (name !== path && parentOf(name) === path) names.push(name.slice(name.lastIndexOf('/') + 1));
    }
    return names;
  }

  exists(path: string): boolean {
    return this.nodes.has(normal(path));
  }

  isDirectory(path: string): boolean {
    return this.nodes.get(normal(path)) === 'directory';
  }

  readText(path: string): string {
    return new TextDecoder().decode(this.file(path).content);
  }

  replaceText(path: string, text: string): void {
    const fd = this.open(`${path}.tmp`, 'w');
    const bytes = new TextEncoder().encode(text);
    this.write(fd, bytes, 0, bytes.length, 0);
    this.fdatasync(fd);
    this.close(fd);
    this.rename(`${path}.tmp`, path);
    this.syncDirectory(parentOf(normal(path)));
  }

  modifiedMs(path: string): number {
    return this.file(path).modifiedMs;
  }

  manage(): number {
    return -EOPNOTSUPP;
  }

  /** A copy of a file's bytes. */
  bytesOf(path: string): Uint8Array {
    return this.file(path).content.slice();
  }

  /** Put a file there, synced. */
  putFile(path: string, bytes: Uint8Array): void {
    path = normal(path);
    this.makeDirectory(parentOf(path));
    let file = this.nodes.get(path);
    if (file === undefined || file === 'directory') this.nodes.set(path, (file = new DiskFile(this.nowMs)));
    file.replace(bytes);
    this.syncedNodes = new Map(this.nodes);
  }

  setModifiedMs(path: string, modifiedMs: number): void {
    this.file(path).modifiedMs = modifiedMs;
  }

  get openCount(): number {
    return this.openFiles.size;
  }

  /** Power cut: open descriptors die, unsynced bytes and names are gone. */
  crash(): void {
    this.openFiles.clear();
    this.nodes = new Map(this.syncedNodes);
    for (const node of this.nodes.values()) if (node !== 'directory') node.cutPower();
  }

  /** The disk as a power cut now would leave it; this one goes on. */
  afterPowerCut(): MemoryFileSystem {
    const left = new MemoryFileSystem();
    left.nowMs = this.nowMs;
    for (const [name, node] of this.syncedNodes) {
      if (node === 'directory') left.nodes.set(name, node);
      else left.putFile(name, node.durable);
    }
    left.syncedNodes = new Map(left.nodes);
    return left;
  }

  /** kill -9: descriptors die, the page cache lives. */
  kill(): void {
    this.openFiles.clear();
  }

  /** Another disk with the same content; nothing open. */
  clone(): MemoryFileSystem {
    const copy = new MemoryFileSystem();
    copy.nowMs = this.nowMs;
    for (const [name, node] of this.nodes) {
      if (node === 'directory') copy.nodes.set(name, node);
      else copy.putFile(name, node.content);
    }
    copy.syncedNodes = new Map(copy.nodes);
    return copy;
  }

  private file(path: string): DiskFile {
    const node = this.nodes.get(normal(path));
    if (node === undefined) throw new DiskError('ENOENT', path);
    if (node === 'directory') throw new DiskError('EISDIR', path);
    return node;
  }

  private entry(fd: number): OpenFile {
    const entry = this.openFiles.get(fd);
    if (entry === undefined) throw new DiskError('EBADF', String(fd));
    return entry;
  }

  private forget(nodes: Map<string, Node>, path: string): void {
    for (const name of wholeOf(nodes, path)) nodes.delete(name);
  }

  private check(operation: DiskOperation, path: string): void {
    const code = this.fault?.(operation, path) ?? null;
    if (code !== null) throw new DiskError(code, path, operation);
  }
}
