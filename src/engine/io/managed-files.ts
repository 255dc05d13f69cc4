// Files of the managed storage mode, as a reactor that has it offers them. Owner: the shard's thread. Not hot: appends,
// sends, reads and syncs of such files go through the tick ring by the same descriptor as any other's.
//
// Results are 0, bytes, or -errno. The calls that touch the disk wait for it in place.

export interface ManagedFiles {
  /**
   * Take over an open file of `endBytes`, to be appended to up to about `reserveBytes`. Refused where the file system has
   * no O_DIRECT or promises no space: the file is then like any other.
   */
  manageFile(fd: number, endBytes: number, reserveBytes: number): number;
  /** Give it back before it is closed. What was not synced is forgotten. */
  releaseManaged(fd: number): void;
  /** All that was appended below `endBytes` is in the file; `durable`: and on the disk. */
  syncManaged(fd: number, endBytes: number, durable: boolean): number;
  /** Cut it to `length` bytes, in memory and on the disk: space reserved behind them goes too. */
  truncateManaged(fd: number, length: number): number;
  /** Its disk refused what it had promised, and has not said otherwise since: appends get ENOSPC. */
  isManagedFull(fd: number): boolean;
  /** A file that is not managed was cut: what was read ahead of its readers is not to be believed. */
  forgetHistory(fd: number): void;
  readManaged(fd: number, into: Uint8Array, intoOffset: number, length: number, position: number): number;
}
