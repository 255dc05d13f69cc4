// The disk as the engine sees it outside the hot path: opening, recovering, rolling, checkpoints, deletion.
// Owner: whichever thread owns the files. Not hot: bytes of the data path go through the tick ring by descriptor.
//
// Calls are synchronous, as they run at start-up, at a segment roll (every GiB) or in the background; errors are
// thrown as Node's own (`code` ENOENT, ENOSPC, EIO …). Two implementations: node-file-system.ts, memory-file-system.ts.

/** A file opened for what must be durable when its write returns. */
export interface CommitFile {
  readonly fd: number;
  /** Writes pass by the page cache: position, length and memory must be multiples of 4096. */
  readonly direct: boolean;
  /** A write is durable when it returns; otherwise it takes an fdatasync. */
  readonly synchronous: boolean;
}

export interface FileSystem {
  /** flags as node:fs: 'r', 'r+', 'w+', 'wx+', 'a'. */
  open(path: string, flags: string): number;
  /** Read and write, created when absent; `direct` asks to pass by the page cache, where the file system can. */
  openForCommits(path: string, direct: boolean): CommitFile;
  close(fd: number): void;
  /** Bytes read (0 at end). */
  read(fd: number, into: Uint8Array, intoOffset: number, length: number, position: number): number;
  /** Writes all of it. */
  write(fd: number, from: Uint8Array, fromOffset: number, length: number, position: number): void;
  truncate(fd: number, length: number): void;
  size(fd: number): number;
  fdatasync(fd: number): void;
  /** Makes created, renamed and removed names in `path` durable. */
  syncDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** No error when absent. */
  remove(path: string): void;
  /** Recursively; no error when absent. */
  removeTree(path: string): void;
  /** As removeTree(), off this thread where there is another, some time later: what a large file takes to free. What cannot be removed stays. */
  discard(path: string): void;
  makeDirectory(path: string): void;
  /** Names in a directory, unsorted. */
  list(path: string): string[];
  exists(path: string): boolean;
  isDirectory(path: string): boolean;
  readText(path: string): string;
  /** Write to `path.tmp`, fsync, rename over, fsync the directory. */
  replaceText(path: string, text: string): void;
  modifiedMs(path: string): number;
  setModifiedMs(path: string, modifiedMs: number): void;
  /**
   * Hand an open file of `endBytes` to the managed storage mode, to be appended to up to about `reserveBytes`: 0, or -errno
   * where there is no such mode, and the file stays what it is.
   */
  manage(fd: number, endBytes: number, reserveBytes: number): number;
}
