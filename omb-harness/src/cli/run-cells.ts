// Runs an experiment from the command line: each run into the experiment's folder, a line of progress, a figure row each.
// Owner: the main thread. Not hot.

import { randomInt } from 'node:crypto';
import type { Trial } from '../contracts/trial.ts';
import type { Cell } from '../sweep/cell.ts';
import { runExperiment } from '../sweep/experiment.ts';
import { figuresOf } from '../sweep/figures.ts';
import { type ExperimentFolder } from './experiment-folder.ts';
import { ExperimentLine } from './experiment-line.ts';
import { isExpected } from './bench-failed.ts';
import { runTrial, type TrialOptions } from './trial.ts';

export type CellOptions = Pick<
  TrialOptions,
  'durationSeconds' | 'warmupSeconds' | 'warmupMaxSeconds' | 'workers' | 'objective' | 'asFound' | 'command' | 'signal'
> & {
  readonly json: boolean;
};

/** @returns all runs of the experiment, earlier sittings' too */
export async function runCells(cells: readonly Cell[], folder: ExperimentFolder, options: CellOptions): Promise<readonly Trial[]> {
  const line = new ExperimentLine(options.json);
  const one = async (cell: Cell, repeat: number): Promise<Trial> => {
    const startedMs = performance.now();
    const about = { cell: cell.id, repeat };
    const took = (): number => (performance.now() - startedMs) / 1000;
    const warmup = options.warmupSeconds ?? cell.workload.warmupDurationMinutes * 60;
    const warmupSeconds = Math.max(warmup, cell.warmupSecondsMin ?? 0);
    try {
      const onProgress = (progress: Parameters<TrialOptions['onProgress']>[0]): void => line.show(progress);
      const given = { ...options, warmupSeconds, seed: randomInt(2 ** 31), dir: folder.dir, onProgress };
      const result = await runTrial(cell, given);
      const { verdict, system, memoryRegime } = result;
      const reasons = verdict.reasons.map(({ code }) => code);
      const facts = { standing: verdict.standing, reasons, durability: system?.durability ?? '', memoryRegime };
      const written = options.signal.aborted ? null : folder.keep(cell, repeat, result);
      return { ...about, ...facts, figures: figuresOf(result), tookSeconds: took(), folder: written };
    } catch (error) {
      if (!isExpected(error)) throw error;
      line.say(`${cell.id}: ${error.message}`);
      const none = {
        standing: 'INVALID' as const,
        reasons: [error.message.split('\n')[0]!],
        figures: {},
        durability: '',
        memoryRegime: '',
      };
      return { ...about, ...none, tookSeconds: took(), folder: null };
    }
  };
  try {
    return await runExperiment(cells, folder.record.repeats, folder.trials, {
      signal: options.signal,
      onStart: (progress) => line.start(progress),
      run: async (cell, repeat) => {
        const trial = await one(cell, repeat);
        if (!options.signal.aborted) {
          folder.add(trial);
          line.end(trial);
        }
        return trial;
      },
    });
  } finally {
    line.clear();
  }
}
