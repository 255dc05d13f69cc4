// The folder of an experiment: what it is, and one line for each run that is done, so that it can be gone on with. Owner: the
// main thread. Not hot.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { RunResult } from '../contracts/run-result.ts';
import type { Trial } from '../contracts/trial.ts';
import type { Cell } from '../sweep/cell.ts';
import type { ExperimentRecord } from '../sweep/experiment-record.ts';
import { BenchFailed } from './bench-failed.ts';
import { openResultFolder, put, writeRun } from './result-folder.ts';

const RECORD = 'experiment.json';
const TRIALS = 'trials.ndjson';

export class ExperimentFolder {
  readonly dir: string;
  readonly record: ExperimentRecord;
  readonly trials: Trial[];

  private constructor(dir: string, record: ExperimentRecord, trials: Trial[]) {
    this.dir = dir;
    this.record = record;
    this.trials = trials;
  }

  /** Made, or gone on with when it holds the same experiment. */
  static open(results: string, name: string, record: ExperimentRecord): ExperimentFolder {
    openResultFolder(results);
    const dir = join(results, name);
    mkdirSync(dir, { recursive: true });
    if (!existsSync(join(dir, RECORD))) {
      put(join(dir, RECORD), `${JSON.stringify(record, null, 1)}\n`);
      return new ExperimentFolder(dir, record, []);
    }
    const folder = ExperimentFolder.read(dir);
    // What comes next must not go on where a half line ends.
    const path = join(dir, TRIALS);
    if (existsSync(path) && !readFileSync(path, 'utf8').endsWith('\n')) appendFileSync(path, '\n');
    return folder;
  }

  static read(dir: string): ExperimentFolder {
    try {
      const record = JSON.parse(readFileSync(join(dir, RECORD), 'utf8')) as ExperimentRecord;
      const path = join(dir, TRIALS);
      return new ExperimentFolder(dir, record, existsSync(path) ? trialsIn(readFileSync(path, 'utf8')) : []);
    } catch (error) {
      throw new BenchFailed(`${dir} is no experiment: ${(error as Error).message}`);
    }
  }

  /** @returns the folder of the run, below this one */
  keep(cell: Cell, repeat: number, result: RunResult): string {
    const at = this.record.cells.findIndex(({ id }) => id === cell.id);
    const { dir } = writeRun(join(this.dir, 'runs', `${at}-${repeat}`), result, null);
    return relative(this.dir, dir);
  }

  add(trial: Trial): void {
    this.trials.push(trial);
    appendFileSync(join(this.dir, TRIALS), `${JSON.stringify(trial)}\n`);
  }
}

/** The last line may be half of one: the process was ended while it wrote. */
function trialsIn(text: string): Trial[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Trial];
    } catch {
      return [];
    }
  });
}
