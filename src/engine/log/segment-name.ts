// Names of the files in a partition's directory: 20 decimal digits of an offset and a suffix. Pure.

import { assert } from '../base/assert.ts';

export const LOG_SUFFIX = '.log';
export const OFFSET_INDEX_SUFFIX = '.index';
export const TIME_INDEX_SUFFIX = '.timeindex';
export const TXN_INDEX_SUFFIX = '.txnindex';
export const SNAPSHOT_SUFFIX = '.snapshot';
/** Renamed for deletion, which follows after file.delete.delay.ms. */
export const DELETED_SUFFIX = '.deleted';
/** Output of the cleaner that is not decided upon. */
export const CLEANED_SUFFIX = '.cleaned';
/** Output of the cleaner that stands for the segments it was made from, whatever of them is still there. */
export const SWAP_SUFFIX = '.swap';

/** All that belongs to one segment; the snapshot describes the state at its base offset. */
export const SEGMENT_SUFFIXES = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, SNAPSHOT_SUFFIX] as const;

/** What the cleaner replaces, in the order of renaming: who finds the log finds its indexes. Snapshots stay. */
export const SWAPPED_SUFFIXES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, LOG_SUFFIX] as const;

export function segmentFileName(offset: number, suffix: string): string {
  assert(Number.isSafeInteger(offset) && offset >= 0, 'a file is named by an offset', offset);
  return offset.toString().padStart(20, '0') + suffix;
}

/** The offset in a file's name when it has exactly this suffix, else -1. */
export function offsetOfFileName(name: string, suffix: string): number {
  if (name.length !== 20 + suffix.length || !name.endsWith(suffix)) return -1;
  const digits = name.slice(0, 20);
  if (!/^\d{20}$/.test(digits)) return -1;
  const offset = Number(digits);
  return Number.isSafeInteger(offset) ? offset : -1;
}
