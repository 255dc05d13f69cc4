// Runs of several cells, interleaved so that a drift of the machine falls on all alike; those that are done already are passed
// over. Owner: the thread that runs it. Not hot.

import type { Trial } from '../contracts/trial.ts';
import { interleaved } from '../stats/interleaving.ts';
import { median } from '../stats/bootstrap.ts';
import type { Cell } from './cell.ts';

export interface ExperimentProgress {
  /** Of all runs, those of earlier sittings too. */
  readonly done: number;
  readonly all: number;
  readonly cell: Cell;
  readonly repeat: number;
  /** By what the runs so far took; null before the first. */
  readonly secondsLeft: number | null;
}

export interface ExperimentTools {
  readonly signal: AbortSignal;
  /** Makes one run and keeps it. A run that cannot be made is INVALID, not an exception. */
  run(cell: Cell, repeat: number): Promise<Trial>;
  onStart(progress: ExperimentProgress): void;
}

/** @param before runs of an earlier sitting. @returns those and its own */
export async function runExperiment(
  cells: readonly Cell[],
  repeats: number,
  before: readonly Trial[],
  tools: ExperimentTools,
): Promise<Trial[]> {
  const trials = [...before];
  const order = interleaved(cells.length, repeats);
  const key = (cell: string, repeat: number): string => `${repeat} ${cell}`;
  const made = new Set(before.map(({ cell, repeat }) => key(cell, repeat)));
  const todo = order.map((index, at) => ({ cell: cells[index]!, repeat: Math.floor(at / cells.length) }));
  const left = todo.filter(({ cell, repeat }) => !made.has(key(cell.id, repeat)));
  for (const [at, { cell, repeat }] of left.entries()) {
    if (tools.signal.aborted) break;
    const each = trials.length === 0 ? null : median(trials.map(({ tookSeconds }) => tookSeconds));
    const secondsLeft = each === null ? null : each * (left.length - at);
    tools.onStart({ done: order.length - left.length + at, all: order.length, cell, repeat, secondsLeft });
    const trial = await tools.run(cell, repeat);
    // What was cut short is made again when the experiment goes on.
    if (!tools.signal.aborted) trials.push(trial);
  }
  return trials;
}
