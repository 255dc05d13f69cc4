// Error numbers of the disk, from completions (-errno) and from what FileSystem throws. Pure.

export const Errno = {
  EIO: 5,
  EAGAIN: 11,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EDQUOT: 122,
} as const;

const BY_CODE: Readonly<Record<string, number>> = {
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EACCES: 13,
  ENODEV: 19,
  EMFILE: 24,
  ENFILE: 23,
  ENOSPC: 28,
  EROFS: 30,
  EDQUOT: 122,
};

/** The number of a thrown error; EIO when it has none that we know, as then nothing can be trusted. */
export function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === 'string' ? BY_CODE[code] : undefined) ?? Errno.EIO;
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

/** A failure of the disk or the system, not of this program. */
export function isDiskError(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code in BY_CODE;
}
