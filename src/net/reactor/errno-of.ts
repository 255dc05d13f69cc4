// The kernel's number for an error that Node threw: negative, as completions carry it. Owner: pure.

import { constants } from 'node:os';

export function errnoOf(error: unknown): number {
  const { errno, code } = error as { errno?: unknown; code?: unknown };
  if (typeof errno === 'number' && errno < 0) return errno;
  const known = constants.errno as Record<string, number | undefined>;
  return -((typeof code === 'string' ? known[code] : undefined) ?? constants.errno.EIO);
}
