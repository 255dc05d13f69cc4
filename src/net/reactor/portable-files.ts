// File work by node:fs: appends on the shard's thread, the rest in libuv's thread pool. Owner: the shard's thread.
// Hot: append(). readNow() may wait for the disk: Node cannot ask the kernel whether pages are in memory.

import { constants } from 'node:os';
import { fdatasync, fdatasyncSync, read, readSync, write, writeSync, writevSync } from 'node:fs';
import { COMMIT_IN_PLACE, COMMIT_SYNC, VerifyCell } from '../../engine/io/tick-layout.ts';
import { errnoOf } from '../../engine/io/disk-error.ts';
import type { CommitRecord, FileWork } from './file-work.ts';
import { gatherCommit } from './gather-commit.ts';
import { verifyBuffer, verifyRead } from './verify-range.ts';

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
      return -errnoOf(error);
    }
    return written;
  }

  sync(fd: number, done: (result: number) => void): void {
    this.inFlight++;
    fdatasync(fd, (error) => {
      done(error === null ? 0 : -errnoOf(error));
      this.ended();
    });
  }

  verify(fd: number, cells: Float64Array, done: (result: number) => void): void {
    const bytes = verifyBuffer(cells);
    this.read(fd, bytes, cells[VerifyCell.POSITION]!, (got) => done(verifyRead(bytes, got, cells)));
  }

  /** Node has no sync_file_range. */
  writeBack(_fd: number, _position: number, _length: number, done: (result: number) => void): void {
    this.inFlight++;
    setImmediate(() => {
      done(-constants.errno.ENOSYS);
      this.ended();
    });
  }

  /** Gathered here: what is committed was just appended and is in memory. */
  commit(fd: number, position: number, record: CommitRecord, flags: number, done: (result: number) => void): void {
    const sync = (flags & COMMIT_SYNC) !== 0;
    if ((flags & COMMIT_IN_PLACE) !== 0) {
      done(commitNow(fd, position, record, sync));
      return;
    }
    this.inFlight++;
    const end = (result: number): void => {
      done(result);
      this.ended();
    };
    let bytes: Uint8Array;
    try {
      bytes = gatherCommit(record, readFully);
    } catch (error) {
      setImmediate(end, -errnoOf(error));
      return;
    }
    writeAll(fd, bytes, position, (result) => {
      if (result < 0 || !sync) end(result);
      else fdatasync(fd, (error) => end(error === null ? 0 : -errnoOf(error)));
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
    try {
      return readFully(fd, into, position);
    } catch (error) {
      return -errnoOf(error);
    }
  }

  /** Resolves when no work is under way. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private readOn(fd: number, into: Uint8Array, position: number, have: number, done: (result: number) => void): void {
    read(fd, into, have, into.length - have, position + have, (error, step) => {
      if (error !== null) done(-errnoOf(error));
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

/** @throws what the disk throws */
function readFully(fd: number, into: Uint8Array, position: number): number {
  let have = 0;
  while (have < into.length) {
    const step = readSync(fd, into, have, into.length - have, position + have);
    if (step === 0) break;
    have += step;
  }
  return have;
}

function commitNow(fd: number, position: number, record: CommitRecord, sync: boolean): number {
  try {
    const bytes = gatherCommit(record, readFully);
    for (let at = 0; at < bytes.length;) {
      const step = writeSync(fd, bytes, at, bytes.length - at, position + at);
      if (step === 0) return -constants.errno.EIO;
      at += step;
    }
    if (sync) fdatasyncSync(fd);
    return 0;
  } catch (error) {
    return -errnoOf(error);
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number, done: (result: number) => void): void {
  write(fd, bytes, 0, bytes.length, position, (error, step) => {
    if (error !== null) done(-errnoOf(error));
    else if (step === bytes.length) done(0);
    else if (step === 0) done(-constants.errno.EIO);
    else writeAll(fd, bytes.subarray(step), position + step, done);
  });
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
