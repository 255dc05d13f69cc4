// MortalFileSystem: a disk as one life of a broker sees it. When that life ends by a crash, its descriptors are closed as they
// are and nothing it still does reaches the disk. Owner: the test's thread. Not hot.

import type { CommitFile, FileSystem } from '../engine/io/file-system.ts';

/** What file work by descriptor has to keep off, too. */
export class MortalFileSystem implements FileSystem {
  readonly #disk: FileSystem;
  readonly #open = new Set<number>();
  #dead = false;

  constructor(disk: FileSystem) {
    this.#disk = disk;
  }

  /** The process is gone: what it had written is in the page cache, what it had open is closed. */
  die(): void {
    this.#dead = true;
    for (const fd of this.#open) this.#disk.close(fd);
    this.#open.clear();
  }

  open(path: string, flags: string): number {
    const fd = this.#alive.open(path, flags);
    this.#open.add(fd);
    return fd;
  }

  openForCommits(path: string, direct: boolean): CommitFile {
    const file = this.#alive.openForCommits(path, direct);
    this.#open.add(file.fd);
    return file;
  }

  close(fd: number): void {
    this.#alive.close(fd);
    this.#open.delete(fd);
  }

  read(fd: number, into: Uint8Array, intoOffset: number, length: number, position: number): number {
    return this.#alive.read(fd, into, intoOffset, length, position);
  }

  write(fd: number, from: Uint8Array, fromOffset: number, length: number, position: number): void {
    this.#alive.write(fd, from, fromOffset, length, position);
  }

  truncate(fd: number, length: number): void {
    this.#alive.truncate(fd, length);
  }

  size(fd: number): number {
    return this.#alive.size(fd);
  }

  fdatasync(fd: number): void {
    this.#alive.fdatasync(fd);
  }

  syncDirectory(path: string): void {
    this.#alive.syncDirectory(path);
  }

  rename(from: string, to: string): void {
    this.#alive.rename(from, to);
  }

  remove(path: string): void {
    this.#alive.remove(path);
  }

  removeTree(path: string): void {
    this.#alive.removeTree(path);
  }

  discard(path: string): void {
    this.#alive.discard(path);
  }

  makeDirectory(path: string): void {
    this.#alive.makeDirectory(path);
  }

  list(path: string): string[] {
    return this.#alive.list(path);
  }

  exists(path: string): boolean {
    return this.#alive.exists(path);
  }

  isDirectory(path: string): boolean {
    return this.#alive.isDirectory(path);
  }

  readText(path: string): string {
    return this.#alive.readText(path);
  }

  replaceText(path: string, text: string): void {
    this.#alive.replaceText(path, text);
  }

  modifiedMs(path: string): number {
    return this.#alive.modifiedMs(path);
  }

  setModifiedMs(path: string, modifiedMs: number): void {
    this.#alive.setModifiedMs(path, modifiedMs);
  }

  manage(fd: number, endBytes: number, reserveBytes: number): number {
    return this.#alive.manage(fd, endBytes, reserveBytes);
  }

  get #alive(): FileSystem {
    if (this.#dead) throw Object.assign(new Error('EIO: the broker has crashed'), { code: 'EIO' });
    return this.#disk;
  }
}
