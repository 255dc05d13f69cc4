// File work on a FileSystem, with faults on demand. Owner: the thread of the test or simulator. Not hot.
//
// Appends and readNow() happen at once. Syncs and reads wait in line and end when the reactor's next tick begins, or
// when they are released.

import type { FileSystem } from '../../engine/io/file-system.ts';
import { COMMIT_IN_PLACE, COMMIT_SYNC, VerifyCell } from '../../engine/io/tick-layout.ts';
import { errnoOf } from '../../engine/io/disk-error.ts';
import type { CommitRecord, FileWork } from './file-work.ts';
import { gatherCommit } from './gather-commit.ts';
import { verifyBuffer, verifyRead } from './verify-range.ts';

export class MemoryFiles implements FileWork {
  /** Syncs wait for releaseSyncs() while this is set. */
  holdSyncs = false;
  private readonly fileSystem: FileSystem;
  private readonly due: (() => void)[] = [];
  private readonly heldSyncs: (() => void)[] = [];
  private readonly appendFaults: { bytes: number; errno: number }[] = [];
  private readonly syncFaults: number[] = [];
  private readonly readFaults: number[] = [];
  private readonly commitFaults: number[] = [];
  private readonly writeBackFaults: number[] = [];

  constructor(fileSystem: FileSystem) {
    this.fileSystem = fileSystem;
  }

  get hasWork(): boolean {
    return this.due.length > 0;
  }

  get heldSyncCount(): number {
    return this.heldSyncs.length;
  }

  /** The next append that no earlier fault took writes `bytes` bytes and then fails with `errno` (positive). */
  failNextAppend(errno: number, bytes = 0): void {
    this.appendFaults.push({ bytes, errno });
  }

  failNextSync(errno: number): void {
    this.syncFaults.push(errno);
  }

  failNextWriteBack(errno: number): void {
    this.writeBackFaults.push(errno);
  }

  failNextCommit(errno: number): void {
    this.commitFaults.push(errno);
  }

  /** READ or a chunk of a SEND_FILE. */
  failNextRead(errno: number): void {
    this.readFaults.push(errno);
  }

  /** Let the oldest `count` held syncs run. */
  releaseSyncs(count = Infinity): void {
    this.due.push(...this.heldSyncs.splice(0, count));
  }

  /** What was in line when it was called. */
  runDue(): void {
    for (const work of this.due.splice(0)) work();
  }

  /** All that was held, then all that was in line, so that close() leaves nothing. */
  drain(): void {
    this.releaseSyncs();
    while (this.due.length > 0) this.runDue();
  }

  append(fd: number, pieces: Uint8Array[], totalBytes: number, position: number): number {
    const fault = this.appendFaults.shift();
    let left = fault === undefined ? totalBytes : Math.min(fault.bytes, totalBytes);
    let at = position;
    try {
      for (const piece of pieces) {
        const length = Math.min(piece.length, left);
        if (length > 0) this.fileSystem.write(fd, piece, 0, length, at);
        at += length;
        left -= length;
      }
    } catch (error) {
      return -errnoOf(error);
    }
    return fault === undefined ? totalBytes : -fault.errno;
  }

  sync(fd: number, done: (result: number) => void): void {
    const run = (): void => {
      const errno = this.syncFaults.shift();
      done(errno === undefined ? this.syncNow(fd) : -errno);
    };
    if (this.holdSyncs) {
      this.heldSyncs.push(run);
      return;
    }
    this.due.push(run);
  }

  verify(fd: number, cells: Float64Array, done: (result: number) => void): void {
    const bytes = verifyBuffer(cells);
    this.read(fd, bytes, cells[VerifyCell.POSITION]!, (got) => done(verifyRead(bytes, got, cells)));
  }

  /** There is no cache to write back from. */
  writeBack(fd: number, _position: number, _length: number, done: (result: number) => void): void {
    this.due.push(() => {
      const errno = this.writeBackFaults.shift();
      done(errno === undefined ? this.writeBackNow(fd) : -errno);
    });
  }

  commit(fd: number, position: number, record: CommitRecord, flags: number, done: (result: number) => void): void {
    const run = (): void => {
      const errno = this.commitFaults.shift();
      done(errno === undefined ? this.commitNow(fd, position, record, (flags & COMMIT_SYNC) !== 0) : -errno);
    };
    if ((flags & COMMIT_IN_PLACE) === 0) this.due.push(run);
    else run();
  }

  read(fd: number, into: Uint8Array, position: number, done: (result: number) => void): void {
    this.due.push(() => {
      const errno = this.readFaults.shift();
      done(errno === undefined ? this.readNow(fd, into, position) : -errno);
    });
  }

  readNow(fd: number, into: Uint8Array, position: number): number {
    try {
      return this.readFully(fd, into, position);
    } catch (error) {
      return -errnoOf(error);
    }
  }

  private readFully(fd: number, into: Uint8Array, position: number): number {
    let have = 0;
    while (have < into.length) {
      const step = this.fileSystem.read(fd, into, have, into.length - have, position + have);
      if (step === 0) break;
      have += step;
    }
    return have;
  }

  private commitNow(fd: number, position: number, record: CommitRecord, sync: boolean): number {
    try {
      const bytes = gatherCommit(record, (from, into, at) => this.readFully(from, into, at));
      this.fileSystem.write(fd, bytes, 0, bytes.length, position);
      if (sync) this.fileSystem.fdatasync(fd);
      return 0;
    } catch (error) {
      return -errnoOf(error);
    }
  }

  private writeBackNow(fd: number): number {
    try {
      this.fileSystem.size(fd);
      return 0;
    } catch (error) {
      return -errnoOf(error);
    }
  }

  private syncNow(fd: number): number {
    try {
      this.fileSystem.fdatasync(fd);
      return 0;
    } catch (error) {
      return -errnoOf(error);
    }
  }
}
