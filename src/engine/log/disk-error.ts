// Error numbers of the disk, from completions (-errno) and from what FileSystem throws. Pure.

export const Errno = {
  EIO: 5,
  EAGAIN: 11,
  ENOSPC: 28,
  EDQUOT: 122,
} as const;

const BY_CODE: Readonly<Record<string, number>> = { EIO: 5, EBADF: 9, EMFILE: 24, ENFILE: 23, ENOSPC: 28, EROFS: 30, EDQUOT: 122 };

/** The number of a thrown error; EIO when it has none that we know, as then nothing can be trusted. */
export function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === 'string' ? BY_CODE[code] : undefined) ?? Errno.EIO;
}

/** There is no room now, but what is written is sound: later appends may try again. */
export function isOutOfSpace(errno: number): boolean {
  return errno === Errno.ENOSPC || errno === Errno.EDQUOT;
}
