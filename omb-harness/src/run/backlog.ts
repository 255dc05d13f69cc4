// A backlog as OMB builds it: consumers stand still until so much is owed, then they go on, and how long they take to catch up
// is measured. Owner: the thread that runs the workload. Not hot.
//
// OMB mixes this into its one measured stretch. Here building, draining and what comes after are phases of their own, so that
// the age of a backlog is not in the latencies of the steady state.

import type { Clock } from '../contracts/clock.ts';
import type { LoadHandle } from '../contracts/load-handle.ts';
import type { Phase, PhaseLabel } from '../contracts/phase.ts';
import type { BacklogRun } from '../contracts/run-result.ts';
import type { Workload } from '../contracts/workload.ts';

const GIB = 2 ** 30;
const POLL_NS = 50e6;
/** OMB calls a backlog of fewer records than this drained. */
const DRAINED_RECORDS = 1000;

export interface BacklogTools {
  readonly clock: Clock;
  readonly consumers: readonly LoadHandle[];
  /** Acknowledged and not yet received, over all subscriptions. */
  readonly owed: () => number;
  readonly announce: (label: PhaseLabel, ratePerSecond: number) => Phase;
  readonly signal: AbortSignal;
  /** Without progress for this long there will be none. */
  readonly patienceMs: number;
}

/** @throws when the backlog does not grow; null: the run was stopped before it was whole */
export async function buildAndDrain(workload: Workload, tools: BacklogTools): Promise<BacklogRun | null> {
  const { clock, consumers, owed, announce, signal, patienceMs } = tools;
  const { consumerBacklogSizeGB, backlogProducerRate, drainProducerRate, producerRate, messageSize } = workload;
  const askedRecords = Math.ceil((consumerBacklogSizeGB * GIB) / messageSize);
  const enough = Math.max(DRAINED_RECORDS, (1 - workload.backlogDrainRatio) * askedRecords);
  await Promise.all(consumers.map((load) => load.pause()));
  const fill = announce('backlog-fill', backlogProducerRate > 0 ? backlogProducerRate : producerRate);
  const grown = await until(tools, () => owed() >= askedRecords, owed);
  if (signal.aborted) return null;
  if (!grown) throw new Error(`the backlog stayed at ${owed()} of ${askedRecords} records for ${patienceMs / 1000} s`);
  const builtRecords = owed();
  const drainRate = workload.consumerOnly ? 0 : drainProducerRate;
  const drain = announce('backlog-drain', drainRate >= 0 ? drainRate : producerRate);
  await Promise.all(consumers.map((load) => load.resume()));
  const resumedNs = clock.nowNs();
  const drained = await until(
    tools,
    () => owed() <= enough,
    () => -owed(),
  );
  if (signal.aborted) return null;
  return {
    askedRecords,
    builtRecords,
    leftRecords: owed(),
    drained,
    fillSeconds: (drain.startNs - fill.startNs) / 1e9,
    drainSeconds: (clock.nowNs() - resumedNs) / 1e9,
  };
}

/** @param progress must rise to a new height now and then. @returns whether it is done; false: it stands still, or was stopped */
async function until({ clock, signal, patienceMs }: BacklogTools, done: () => boolean, progress: () => number): Promise<boolean> {
  let best = progress();
  let limitNs = clock.nowNs() + patienceMs * 1e6;
  while (!done()) {
    if (signal.aborted || clock.nowNs() >= limitNs) return false;
    await clock.sleepUntil(clock.nowNs() + POLL_NS, signal);
    const now = progress();
    if (now <= best) continue;
    best = now;
    limitNs = clock.nowNs() + patienceMs * 1e6;
  }
  return true;
}
