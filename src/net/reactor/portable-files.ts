// File work by node:fs: appends on the shard's thread, the rest in libuv's thread pool. Owner: the shard's thread.
// Hot: append(). readNow() may wait for the disk: Node cannot ask the kernel whether pages are in memory.

import { constants } from 'node:os';
import { fdatasync, read, readSync, writevSync } from 'node:fs';
import { errnoOf } from './errno-of.ts';
import type { FileWork } from './file-work.ts';

export class PortableFiles implements FileWork {
  private inFlight = 0;
  private whenIdle: (() => void)[] = [];

  append(fd: number, pieces: Uint8Array[], totalBytes: number, position: number): number {
    let left = pieces;
    let written = 0;
    try {
      while (written < totalBytes) {
        const step = writevSync(fd, left, position + written);
        if (step <= 0) return -constants.errno.EIO;
        written += step;
        if (written < totalBytes) left = after(left, step);
      }
    } catch (error) {
      return errnoOf(error);
    }
    return written;
  }

  sync(fd: number, done: (result: number) => void): void {
    this.inFlight++;
    fdatasync(fd, (error) => {
      done(error === null ? 0 : errnoOf(error));
      this.ended();
    });
  }

  read(fd: number, into: Uint8Array, position: number, done: (result: number) => void): void {
    this.inFlight++;
    this.readOn(fd, into, position, 0, (result) => {
      done(result);
      this.ended();
    });
  }

  readNow(fd: number, into: Uint8Array, position: number): number {
    let have = 0;
    try {
      while (have < into.length) {
        const step = readSync(fd, into, have, into.length - have, position + have);
        if (step === 0) break;
        have += step;
      }
    } catch (error) {
      return errnoOf(error);
    }
    return have;
  }

  /** Resolves when no work is under way. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private readOn(fd: number, into: Uint8Array, position: number, have: number, done: (result: number) => void): void {
    read(fd, into, have, into.length - have, position + have, (error, step) => {
      if (error !== null) done(errnoOf(error));
      else if (step === 0 || have + step === into.length) done(have + step);
      else this.readOn(fd, into, position, have + step, done);
    });
  }

  private ended(): void {
    this.inFlight--;
    if (this.inFlight > 0) return;
    for (const resolve of this.whenIdle.splice(0)) resolve();
  }
}

/** What is left of `pieces` after `bytes` of them. */
function after(pieces: Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let first = 0;
  while (skip >= pieces[first]!.length) skip -= pieces[first++]!.length;
  const rest = pieces.slice(first);
  rest[0] = rest[0]!.subarray(skip);
  return rest;
}
