// Records a second that consumers took while it was measured, whenever those were due: behind a slow consumer, records of the
// measured time come after it. Owner: pure. Not hot.

import type { RunResult } from '../contracts/run-result.ts';

/** @param seconds of the measured phase; null: no whole interval lies in it */
export function consumedPerSecond({ intervals }: RunResult, seconds: number): number | null {
  const within = intervals.filter(({ startSeconds, endSeconds }) => startSeconds >= 0 && endSeconds <= seconds);
  if (within.length === 0) return null;
  const from = Math.min(...within.map(({ startSeconds }) => startSeconds));
  const to = Math.max(...within.map(({ endSeconds }) => endSeconds));
  return within.reduce((sum, { counters }) => sum + counters.received, 0) / (to - from);
}
