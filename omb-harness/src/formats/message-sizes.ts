// A distribution of record sizes as OMB means it: each range stands for its middle. Owner: pure. Not hot.

import type { SizeWeight } from '../contracts/workload.ts';

export const SIZE_UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 * 1024 };

export function middleOf({ minBytes, maxBytes }: SizeWeight): number {
  return Math.floor((minBytes + maxBytes) / 2);
}

/** At least 1: rates and backlogs are divided by it. */
export function meanSizeOf(sizes: readonly SizeWeight[]): number {
  const weights = sizes.reduce((sum, { weight }) => sum + weight, 0);
  return Math.max(1, Math.floor(sizes.reduce((sum, size) => sum + size.weight * middleOf(size), 0) / weights));
}
