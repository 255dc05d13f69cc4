// Plan a read: which bytes of which file answer a fetch. Owner: the shard's thread. @hot
// A plan is numbers only; it is executed by SEND_FILE (after lease()) or by copying from the arena.

import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';
import type { Segment } from './segment.ts';

export const ReadStatus = {
  OK: 0,
  /** Nothing to read there yet (offset at the limit), or the first batch does not fit and need not be whole. */
  EMPTY: 1,
  OUT_OF_RANGE: 2,
  /** The way to the position is not in memory: onReadable() will be called. */
  WAIT_IO: 3,
  FAILED: 4,
  /** The bytes at that offset are damaged. */
  CORRUPT: 5,
} as const;

export class ReadPlan {
  segment: Segment | null = null;
  fd = -1;
  position = 0;
  length = 0;
  /** >= 0 when the whole range is memory that arrived in this very tick. */
  arenaOffset = -1;
}

export function planRead(
  table: LogTable,
  log: Log,
  offset: number,
  maxBytes: number,
  limitOffset: number,
  wholeFirstBatch: boolean,
  plan: ReadPlan,
): number {
  void [table, log, offset, maxBytes, limitOffset, wholeFirstBatch, plan];
  return ReadStatus.EMPTY;
}

/** Keep the plan's descriptor open until onSent(ticket). */
export function lease(table: LogTable, plan: ReadPlan): number {
  void [table, plan];
  return -1;
}
