// File operations by descriptor as the shared reactor code sees them. Owner: the shard's thread. Hot: append().
// Results are bytes (0 for sync) or -errno.

/** What a COMMIT asks to be gathered. */
export interface CommitRecord {
  /** Stays as it is until the commit has ended. */
  readonly head: Uint8Array;
  /** What to read for each piece: a range of a file, or memory. */
  readonly pieces: readonly (Uint8Array | { readonly fd: number; readonly position: number; readonly length: number })[];
  readonly totalBytes: number;
}

export interface FileWork {
  /** Write all pieces one after the other at `position`, before it returns. Fewer bytes than given is -errno. */
  append(fd: number, pieces: Uint8Array[], totalBytes: number, position: number): number;
  /** `done` is called later, never before sync() returns. */
  sync(fd: number, done: (result: number) => void): void;
  /** Have the kernel write a range of dirty pages; -ENOSYS where nobody can ask for it. `done` is called later. */
  writeBack(fd: number, position: number, length: number, done: (result: number) => void): void;
  /** Check record batches; `cells` are as VerifyCell says, and filled in before `done` is called, later. */
  verify(fd: number, cells: Float64Array, done: (result: number) => void): void;
  /**
   * One record of a commit journal: `pieces` one after the other, written to `fd` at `position` in one call and made
   * durable, by fdatasync with COMMIT_SYNC of `flags`. `done` is called later, with COMMIT_IN_PLACE before commit() returns.
   */
  commit(fd: number, position: number, record: CommitRecord, flags: number, done: (result: number) => void): void;
  /** Fill `into` as far as the file goes; `done` is called later, never before read() returns. */
  read(fd: number, into: Uint8Array, position: number, done: (result: number) => void): void;
  /** As read(), before it returns. */
  readNow(fd: number, into: Uint8Array, position: number): number;
}
