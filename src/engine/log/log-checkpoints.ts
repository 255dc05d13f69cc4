// What a shard's logs contribute to the checkpoint files. Owner: the shard's thread; the supervisor merges all shards'
// entries and writes the files. Not hot (every 60 s).

import type { CheckpointEntry } from './checkpoint-file.ts';
import type { LogTable } from './log-table.ts';

/** recovery-point-offset-checkpoint: below it nothing needs scanning after a crash. */
export function recoveryPoints(table: LogTable): CheckpointEntry[] {
  void table;
  return [];
}

/** log-start-offset-checkpoint: only where records were deleted inside a segment. */
export function logStartOffsets(table: LogTable): CheckpointEntry[] {
  void table;
  return [];
}
