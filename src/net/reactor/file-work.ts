// File operations by descriptor as the shared reactor code sees them. Owner: the shard's thread. Hot: append().
// Results are bytes (0 for sync) or -errno.

export interface FileWork {
  /** Write all pieces one after the other at `position`, before it returns. Fewer bytes than given is -errno. */
  append(fd: number, pieces: Uint8Array[], totalBytes: number, position: number): number;
  /** `done` is called later, never before sync() returns. */
  sync(fd: number, done: (result: number) => void): void;
  /** Fill `into` as far as the file goes; `done` is called later, never before read() returns. */
  read(fd: number, into: Uint8Array, position: number, done: (result: number) => void): void;
  /** As read(), before it returns. */
  readNow(fd: number, into: Uint8Array, position: number): number;
}
