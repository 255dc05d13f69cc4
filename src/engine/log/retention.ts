// Cutting a log: old segments by time and size, records deleted on request, a tail that a leader never had.
// Owner: the shard's thread. Not hot.

import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';

/** Delete what retention allows, whole segments from the oldest, only below the high watermark. @returns segments deleted */
export function retainLog(table: LogTable, log: Log, nowMs: number, highWatermark: number): number {
  void [table, log, nowMs, highWatermark];
  return 0;
}

/** DeleteRecords: nothing below `offset` is readable any more. @returns the new start offset */
export function deleteRecordsBefore(table: LogTable, log: Log, offset: number): number {
  void [table, log, offset];
  return 0;
}

/** Drop all batches that reach `offset` or beyond it. @returns the new end offset */
export function truncateTo(table: LogTable, log: Log, offset: number): number {
  void [table, log, offset];
  return 0;
}
