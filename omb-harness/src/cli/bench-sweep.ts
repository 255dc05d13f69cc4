// `ringlog bench sweep`: every combination of settings in a file, gone on with where it was left. Owner: the main thread. Not hot.

import { Command } from 'commander';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readSweep, combinationsOf, type SweepFile } from '../sweep/read-sweep.ts';
import type { Cell } from '../sweep/cell.ts';
import { cellOf } from '../sweep/dials.ts';
import { BenchFailed } from './bench-failed.ts';
import { located, loadDriver, loadWorkload, stemOf, textOf } from './bench-files.ts';
import { endExperiment } from './experiment-end.ts';
import { ExperimentFolder } from './experiment-folder.ts';
import { aboveZero, fromZero, wholeFromOne } from './option-values.ts';
import { runCells } from './run-cells.ts';
import { say } from './say.ts';
import { StopOnSignal } from './stop-on-signal.ts';
import { brokerOf, checkSubject, onOneNode } from './trial.ts';

interface SweepOptions {
  readonly bootstrap?: string;
  readonly results: string;
  readonly lenient?: boolean;
  readonly durationSeconds?: number;
  readonly warmupMaxSeconds?: number;
  readonly repeats?: number;
  readonly asFound?: boolean;
  readonly json?: boolean;
  readonly report?: boolean;
}

export function sweepCommand(args: readonly string[]): Command {
  return new Command('sweep')
    .description('run every combination of settings in a sweep file, and say what each setting bought; goes on where it was left')
    .argument('<file>', 'a sweep file, or the name of one that ships')
    .option(
      '-b, --bootstrap <host:port>',
      "the system to load; the driver file's bootstrap.servers if not given, else a broker is started for each run",
    )
    .option('--results <dir>', 'the folder of all results', 'bench-results')
    .option('--lenient', 'pass over unknown fields in files')
    .option('--duration-seconds <n>', "in place of the file's", aboveZero)
    .option('--warmup-max-seconds <n>', 'then the warm-up ends, steady or not (default: 30 more than it was asked for)', fromZero)
    .option('--repeats <n>', "in place of the file's", wholeFromOne)
    .option('--as-found', 'do not touch and free memory before a run')
    .option('--report', 'run nothing: make the report of what is done')
    .option('--json', 'NDJSON on standard output: one line a run and one for the whole')
    .addHelpText('after', '\nExample:\n  ringlog bench sweep omb-harness/sweeps/acks-linger.yaml')
    .action((file: string, options: SweepOptions) => sweep(file, options, args));
}

async function sweep(name: string, options: SweepOptions, command: readonly string[]): Promise<void> {
  const path = located(name, 'sweeps');
  const read = readSweep(path, stemOf(path), textOf(path), options.lenient === true);
  if (!read.ok) throw new BenchFailed(read.errors.join('\n'));
  for (const notice of read.notices) say(notice);
  const repeats = options.repeats ?? read.sweep.repeats;
  const durationSeconds = options.durationSeconds ?? (read.sweep.durationSeconds || null);
  const cells = cellsOf(read.sweep, path, options);
  const { warmupMaxSeconds } = options;
  const given = { durationSeconds, warmupSeconds: read.sweep.warmupSeconds || null, warmupMaxSeconds, objective: read.sweep.objective };
  for (const cell of cells) for (const warning of checkSubject(cell, { ...given, seed: 0 })) say(warning);
  const folder = ExperimentFolder.open(options.results, `${stemOf(path)}-sweep-${fingerprint({ cells, repeats, given })}`, {
    ...{ recordVersion: 1, kind: 'sweep', title: `Sweep: ${read.sweep.name}`, startedAt: new Date().toISOString(), repeats },
    ...{ seed: read.sweep.seed, dials: read.sweep.dials, cells: cells.map(({ id, levels }) => ({ id, levels })) },
  });
  const before = folder.trials.length;
  if (before > 0) say(`${before} of ${cells.length * repeats} runs are done, in ${folder.dir}; remove the folder to begin anew`);
  const signals = new StopOnSignal();
  try {
    const running = { ...given, asFound: options.asFound === true, command, signal: signals.signal, json: options.json === true };
    if (options.report !== true) await runCells(cells, folder, running);
  } finally {
    signals.close();
  }
  endExperiment(folder, options.json === true, signals.signal.aborted);
}

function cellsOf(file: SweepFile, path: string, options: SweepOptions): Cell[] {
  const lenient = options.lenient === true;
  // A workload may lie beside the sweep that names it.
  const beside = (name: string): string => (/\.ya?ml$/.test(name) && !name.startsWith('/') ? join(path, '..', name) : name);
  const workload = loadWorkload(beside(file.workload), lenient);
  const driver = loadDriver(beside(file.driver), lenient);
  for (const notice of [...workload.notices, ...driver.notices]) say(notice);
  const broker = brokerOf(driver.value, options.bootstrap ?? null);
  const base = { workload: workload.value, driver: onOneNode(driver.value, broker, say), broker };
  return combinationsOf(file).map((levels) => {
    const set = cellOf(base, file.settings);
    const made = set.ok ? cellOf(set.cell, levels) : set;
    if (!made.ok) throw new BenchFailed(`${path}: ${made.fault}`);
    return made.cell;
  });
}

/** The same settings, the same folder: nothing of another sweep is ever taken for this one's. */
function fingerprint(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 10);
}
