// What the operating system refuses, from completions (-errno) and from what FileSystem throws. Pure.
//
// Only what has an errno counts: an exception without one is this program's own mistake, which no log directory is taken
// offline for, and which nobody may take for a cache that could not be written. Such ones pass through.

import { constants } from 'node:os';

export const Errno = {
  EIO: constants.errno.EIO,
  EAGAIN: constants.errno.EAGAIN,
  ENFILE: constants.errno.ENFILE,
  EMFILE: constants.errno.EMFILE,
  ENOSPC: constants.errno.ENOSPC,
  EDQUOT: constants.errno.EDQUOT,
} as const;

const BY_CODE: Readonly<Record<string, number | undefined>> = constants.errno;

function errnoIn(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? BY_CODE[code] : undefined;
}

/** A failure of the disk or the system, not of this program. */
export function isDiskError(error: unknown): boolean {
  return errnoIn(error) !== undefined;
}

/** The number of a disk error. @throws any other error itself */
export function errnoOf(error: unknown): number {
  const errno = errnoIn(error);
  if (errno === undefined) throw error;
  return errno;
}

/** What failed can be done without, or again later, when it was the disk. @throws any other error itself */
export function forgiveDisk(error: unknown): void {
  errnoOf(error);
}

/** There is no room now, but what is written is sound: later appends may try again. */
export function isOutOfSpace(errno: number): boolean {
  return errno === Errno.ENOSPC || errno === Errno.EDQUOT;
}

/** As isOutOfSpace, and too many open files: the disk is not to blame. */
export function isPassing(errno: number): boolean {
  return isOutOfSpace(errno) || errno === Errno.EMFILE || errno === Errno.ENFILE;
}

/** A sync that failed has lost what it was to store, whatever the reason it gives. */
export function passes(error: unknown): boolean {
  const { syscall } = error as { syscall?: unknown };
  return isPassing(errnoOf(error)) && syscall !== 'fsync' && syscall !== 'fdatasync';
}
