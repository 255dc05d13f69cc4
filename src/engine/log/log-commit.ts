// LogCommit: what group commit and the journal know of one log. Owner: the shard's thread. State only.

import type { Segment } from './segment.ts';

export class LogCommit {
  /** Someone wants everything below this to survive a power cut. */
  wantedOffset = 0;
  /** A commit is left to the segments until they are synced up to this. */
  syncOffset = 0;
  /** Among the logs that flush() looks at. */
  listed = false;
  /** Its directory's among GroupCommit's; -1 where segments are synced instead. */
  journal = -1;

  // In the record being gathered or on its way: one at a time, so that what is durable is always a prefix.
  running = false;
  segment: Segment | null = null;
  /** Of the segment: what the record ends at. */
  endBytes = 0;
  coversOffset = 0;
  /** Log.generation when it was gathered. */
  generation = 0;

  // What keeps the journal's space.
  /** Has entries that its segments' syncs have not overtaken. */
  dirty = false;
  /** The journal waits until its segments are synced up to drainOffset. */
  draining = false;
  drainOffset = 0;
  /** Topic id and partition as an entry holds them; null until the first entry. */
  identity: Uint8Array | null = null;
}

/** The log ends at `offset` now: nobody waits for more. */
export function cutCommit(commit: LogCommit, offset: number): void {
  commit.wantedOffset = Math.min(commit.wantedOffset, offset);
  commit.syncOffset = Math.min(commit.syncOffset, offset);
  commit.drainOffset = Math.min(commit.drainOffset, offset);
}
