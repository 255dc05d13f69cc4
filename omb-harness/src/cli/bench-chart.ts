// `ringlog bench chart`: one chart of a result as an SVG file. Owner: the main thread. Not hot.

import { Command } from 'commander';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '../contracts/run-result.ts';
import type { Trial } from '../contracts/trial.ts';
import { nearestName } from '../formats/nearest-name.ts';
import { chartSvg } from '../report/chart-svg.ts';
import { type NamedLatencies, percentileCharts, measuredLatencies } from '../report/percentile-charts.ts';
import type { ReportChart } from '../report/report-chart.ts';
import { timeCharts } from '../report/time-charts.ts';
import { BenchFailed } from './bench-failed.ts';
import { curvesOfExperiment } from './experiment-end.ts';
import { ExperimentFolder } from './experiment-folder.ts';
import { resultIn } from './report-file.ts';
import { put } from './result-folder.ts';

const POINTS_MAX = 300;

interface Drawn {
  readonly charts: readonly ReportChart[];
  readonly caption: string;
  /** Machine and durability: a figure without them is of no use. */
  readonly terms: readonly string[];
}

export function chartCommand(): Command {
  return new Command('chart')
    .description("one chart of a run, or of what was compared, as an SVG file: 'ringlog bench chart bench-results/quick-…'")
    .argument('<folder>', 'the folder of a run or of an experiment')
    .option(
      '--chart <name>',
      'which: percentiles-publish, percentiles-end-to-end; of a run publish-heat, throughput, cpu, memory, disk …',
      'percentiles-publish',
    )
    .option('-o, --output <file>', 'the SVG file', 'chart.svg')
    .action((folder: string, { chart, output }: { readonly chart: string; readonly output: string }) => {
      const { charts, caption, terms } = drawn(folder);
      const plainId = (id: string): string => id.replace(/^run0-/, '');
      const found = charts.find(({ id }) => plainId(id) === chart);
      if (found === undefined) {
        const names = charts.map(({ id }) => plainId(id));
        const near = nearestName(chart, names);
        throw new BenchFailed(
          `${folder} has no chart '${chart}'${near === null ? `; it has ${names.join(', ')}` : `; did you mean ${near}?`}`,
        );
      }
      put(output, chartSvg(found, caption, terms));
      process.stdout.write(`${output}\n`);
    });
}

function drawn(folder: string): Drawn {
  if (existsSync(join(folder, 'experiment.json'))) {
    const experiment = ExperimentFolder.read(folder);
    const latencies: readonly NamedLatencies[] = curvesOfExperiment(experiment);
    return {
      charts: percentileCharts(latencies),
      caption: `${experiment.record.title}; ${experiment.trials.length} runs`,
      terms: termsOfExperiment(folder, experiment.trials),
    };
  }
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  const result = resultIn(isFolder ? join(folder, 'result.json') : folder);
  const { workload, driver, verdict, system } = result;
  const charts = [
    ...percentileCharts([{ name: workload.name, latencies: measuredLatencies(result) }]),
    ...timeCharts(result, 'run0', POINTS_MAX),
  ];
  return {
    charts,
    caption: `${verdict.standing}: ${workload.name}; ${driver.name}, ${system?.product ?? 'system not reached'}`,
    terms: termsOf([system?.durability ?? ''], result),
  };
}

/** One machine ran them all. */
function termsOfExperiment(folder: string, trials: readonly Trial[]): string[] {
  const kept = trials.find((trial) => trial.folder !== null && existsSync(join(folder, trial.folder, 'result.json')));
  const durabilities = [...new Set(trials.map(({ durability }) => durability))];
  return kept === undefined ? [durabilities.join('; ')] : termsOf(durabilities, resultIn(join(folder, kept.folder!, 'result.json')));
}

function termsOf(durabilities: readonly string[], { environment, verdict }: RunResult): string[] {
  const { cpuCount, cpuModel, disk, fileSystem } = environment;
  // The name of the file system, without how it was mounted.
  const place = [disk, fileSystem?.split(' ')[0]].filter((known) => known != null).join(', ');
  const shared = verdict.warnings.some(({ code }) => code === 'shared-host');
  const machine = `${cpuCount} x ${cpuModel}${place === '' ? '' : `; ${place}`}${shared ? '; load on the same machine' : ''}`;
  return [durabilities.join('; '), machine];
}
