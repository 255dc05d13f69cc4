// ListOffsets by timestamp. Owner: the shard's thread. Not hot: reads the files synchronously.

import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';

export interface TimestampOffset {
  readonly offset: number;
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

/** Opens a compressed batch's records; null when it cannot. */
export type Decompressor = (codec: number, bytes: Uint8Array) => Uint8Array | null;

/** The first record whose timestamp is >= the one given, below `limitOffset`. */
export function offsetForTimestamp(
  table: LogTable,
  log: Log,
  timestampMs: number,
  limitOffset: number,
  decompress: Decompressor | null,
): TimestampOffset | null {
  void [table, log, timestampMs, limitOffset, decompress];
  return null;
}

/** The record with the greatest timestamp of the log (ListOffsets -3). */
export function maxTimestampOffset(table: LogTable, log: Log, decompress: Decompressor | null): TimestampOffset | null {
  void [table, log, decompress];
  return null;
}
