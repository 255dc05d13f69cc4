// What an experiment leaves: its report, and the tables on the terminal. Owner: the main thread. Not hot.

import { join } from 'node:path';
import type { LatencyKind } from '../contracts/interval-record.ts';
import type { Trial } from '../contracts/trial.ts';
import type { RunResult } from '../contracts/run-result.ts';
import { measuredLatencies, type NamedLatencies } from '../report/percentile-charts.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';
import { experimentPage } from '../sweep/experiment-page.ts';
import { cautions, comparisonTable, textTable } from '../sweep/figure-table.ts';
import { analyseSweep, mainEffectTable, pairTable, sweepTable } from '../sweep/sweep-analysis.ts';
import { EXIT_INVALID } from './exit-codes.ts';
import type { ExperimentFolder } from './experiment-folder.ts';
import { reportAssets, resultIn } from './report-file.ts';
import { put } from './result-folder.ts';
import { say } from './say.ts';

/** More curves cannot be told apart. */
const CURVES_MAX = 6;
const kinds: readonly LatencyKind[] = ['publishResponse', 'publishUncorrected', 'endToEnd', 'endToEndUncorrected'];

/** The report, the tables or one line of JSON, and the exit status. */
export function endExperiment(folder: ExperimentFolder, json: boolean, interrupted: boolean): void {
  const report = writeExperiment(folder);
  const done = folder.trials.length;
  const all = folder.record.cells.length * folder.record.repeats;
  if (json) process.stdout.write(`${JSON.stringify({ type: 'experiment', dir: folder.dir, report, done, all })}\n`);
  else process.stdout.write(`${experimentText(folder)}\n\n  results     ${folder.dir}\n  report      ${report}\n`);
  if (done < all) say(`${done} of ${all} runs are done${folder.record.kind === 'sweep' ? ': the same command goes on' : ''}`);
  if (interrupted || folder.trials.some(({ standing }) => standing === 'INVALID'))
    process.exitCode = Math.max(Number(process.exitCode ?? 0), EXIT_INVALID);
}

/** @returns the report's path */
function writeExperiment(folder: ExperimentFolder): string {
  const { record, trials } = folder;
  const path = join(folder.dir, 'report.html');
  put(path, experimentPage({ record, trials, latencies: curvesOfExperiment(folder) }, reportAssets()));
  return path;
}

export function curvesOfExperiment(folder: ExperimentFolder): NamedLatencies[] {
  return curvesOf(folder)
    .slice(0, CURVES_MAX)
    .map((id) => latenciesOf(folder, id));
}

function experimentText({ record, trials }: ExperimentFolder): string {
  const ids = record.cells.map(({ id }) => id);
  const notes = cautions(ids, trials, record.kind === 'sweep').map((text) => `  note: ${text}`);
  if (record.kind !== 'sweep') return [record.title, ...notes, textTable(comparisonTable(ids, trials))].join('\n');
  const analysis = analyseSweep(record, trials);
  const tables = [sweepTable(analysis), mainEffectTable(analysis), pairTable(analysis)].filter((table) => table !== null);
  return [record.title, ...notes, ...tables.map(textTable)].join('\n\n');
}

/** All that are compared; of a sweep those that nothing beats. */
function curvesOf({ record, trials }: ExperimentFolder): string[] {
  const ids = record.cells.map(({ id }) => id);
  if (record.kind !== 'sweep') return ids;
  const { dominated } = analyseSweep(record, trials);
  return ids.filter((id) => dominated.get(id) === null);
}

/** All sound runs of a cell in one histogram, else all there are. */
function latenciesOf({ dir, trials }: ExperimentFolder, cell: string): NamedLatencies {
  const own = trials.filter((trial) => trial.cell === cell && trial.folder !== null);
  const good = own.filter(({ standing }) => standing !== 'INVALID');
  const results = (good.length > 0 ? good : own).map((trial: Trial): RunResult => resultIn(join(dir, trial.folder!, 'result.json')));
  const merged = kinds.flatMap((kind) => {
    const texts = results.flatMap((result) => measuredLatencies(result)[kind] ?? []);
    return texts.length === 0 ? [] : [[kind, LatencyHistogram.merge(texts).encode()]];
  });
  return { name: cell, latencies: Object.fromEntries(merged) as NamedLatencies['latencies'] };
}
