// File work on a disk in memory, on the event loop: what waits for a disk ends in the next turn. Owner: the test's thread.
// Not hot.

import type { FileSystem } from '../engine/io/file-system.ts';
import type { CommitRecord, FileWork } from '../net/reactor/file-work.ts';
import { MemoryFiles } from '../net/reactor/memory-files.ts';

type Done = (result: number) => void;

export class LoopFiles implements FileWork {
  readonly #files: MemoryFiles;
  #due: NodeJS.Immediate | null = null;
  #dead = false;

  constructor(disk: FileSystem) {
    this.#files = new MemoryFiles(disk);
  }

  append(fd: number, pieces: Uint8Array[], totalBytes: number, position: number): number {
    return this.#files.append(fd, pieces, totalBytes, position);
  }

  sync(fd: number, done: Done): void {
    this.#files.sync(fd, done);
    this.#runSoon();
  }

  writeBack(fd: number, position: number, length: number, done: Done): void {
    this.#files.writeBack(fd, position, length, done);
    this.#runSoon();
  }

  verify(fd: number, cells: Float64Array, done: Done): void {
    this.#files.verify(fd, cells, done);
    this.#runSoon();
  }

  commit(fd: number, position: number, record: CommitRecord, flags: number, done: Done): void {
    this.#files.commit(fd, position, record, flags, done);
    this.#runSoon();
  }

  read(fd: number, into: Uint8Array, position: number, done: Done): void {
    this.#files.read(fd, into, position, done);
    this.#runSoon();
  }

  readNow(fd: number, into: Uint8Array, position: number): number {
    return this.#files.readNow(fd, into, position);
  }

  async drained(): Promise<void> {
    if (!this.#dead) this.#files.drain();
  }

  /** The process is gone: what waited for the disk never ends. */
  die(): void {
    this.#dead = true;
    if (this.#due !== null) clearImmediate(this.#due);
  }

  #runSoon(): void {
    if (this.#dead) return;
    this.#due ??= setImmediate(() => {
      this.#due = null;
      this.#files.runDue();
      if (this.#files.hasWork) this.#runSoon();
    });
  }
}
