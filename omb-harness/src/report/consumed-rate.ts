// What consumers took: records of the run, and those that were there before. Owner: pure. Not hot.

import type { Counters } from '../contracts/interval-record.ts';
import type { RunResult } from '../contracts/run-result.ts';

export function consumedRecords({ received, foreign }: Counters): number {
  return received + foreign;
}

export function consumedBytes({ receivedBytes, foreignBytes }: Counters): number {
  return receivedBytes + foreignBytes;
}

/**
 * While it was measured, whenever those were due: behind a slow consumer, records of the measured time come after it.
 * @param seconds of the measured phase; null: no whole interval lies in it
 */
export function consumedPerSecond({ intervals }: RunResult, seconds: number): number | null {
  const within = intervals.filter(({ startSeconds, endSeconds }) => startSeconds >= 0 && endSeconds <= seconds);
  if (within.length === 0) return null;
  const from = Math.min(...within.map(({ startSeconds }) => startSeconds));
  const to = Math.max(...within.map(({ endSeconds }) => endSeconds));
  return within.reduce((sum, { counters }) => sum + consumedRecords(counters), 0) / (to - from);
}
