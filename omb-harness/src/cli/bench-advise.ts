// `ringlog bench advise`: what the runs in a results folder say for a load that is wished for. Owner: the main thread. Not hot.

import { Command } from 'commander';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { adviceOf, type Advice, type Known, type KnownRun } from '../sweep/advice.ts';
import { advicePage } from '../sweep/advice-page.ts';
import { figuresOf } from '../sweep/figures.ts';
import { BenchFailed } from './bench-failed.ts';
import { ExperimentFolder } from './experiment-folder.ts';
import { knownDisk } from './known-disk.ts';
import { aboveZero, fromZero } from './option-values.ts';
import { reportAssets, resultIn } from './report-file.ts';
import { put } from './result-folder.ts';
import { say } from './say.ts';

interface AdviseOptions {
  readonly results: string;
  readonly throughputMb: number;
  readonly p99Ms: number;
  readonly retentionHours: number;
  readonly lagSeconds: number;
  readonly json?: boolean;
}

const DEPTH_MAX = 6;

export function adviseCommand(): Command {
  return new Command('advise')
    .description('partitions, linger and batch, storage, fsync, memory and disk for a load, computed from the runs in a results folder')
    .option('--results <dir>', 'the folder of all results', 'bench-results')
    .option('--throughput-mb <n>', 'MB a second of all producers together', aboveZero, 10)
    .option('--p99-ms <n>', 'the publish p99, from intended time, that must hold', aboveZero, 20)
    .option('--retention-hours <n>', 'how long records are kept', aboveZero, 24)
    .option('--lag-seconds <n>', 'how far behind a consumer may be and still be served from memory', fromZero, 60)
    .option('--json', 'the advice as JSON on standard output')
    .addHelpText(
      'after',
      '\nMeasure first:\n  ringlog bench disk\n  ringlog bench sweep acks-linger\n  ringlog bench sweep storage\n  ringlog bench max-rate-1-topic-1-partition-1kb --objective p99=20\nthen:\n  ringlog bench advise --throughput-mb 50 --p99-ms 10',
    )
    .action(advise);
}

function advise(options: AdviseOptions): void {
  const { results, throughputMb, ...wishes } = options;
  if (!existsSync(results)) throw new BenchFailed(`${results} is not there: measure something first (see ringlog bench advise --help)`);
  const known = knownIn(results);
  const advice = adviceOf(known, { ...wishes, bytesPerSecond: throughputMb * 1e6 });
  const report = join(results, 'advice.html');
  const asked = `${throughputMb} MB/s, publish p99 of ${wishes.p99Ms} ms, ${wishes.retentionHours} h kept, consumers up to ${wishes.lagSeconds} s behind`;
  put(report, advicePage({ asked, runs: known.runs.length, advice }, reportAssets()));
  if (options.json === true) process.stdout.write(`${JSON.stringify({ type: 'advice', asked, advice })}\n`);
  else
    process.stdout.write(
      `${asked}; from ${known.runs.length} runs\n\n${advice.map(lineOf(results)).join('\n')}\n\n  report      ${report}\n`,
    );
}

const lineOf =
  (results: string) =>
  ({ topic, text, sources }: Advice): string =>
    [`${topic}: ${text}`, ...sources.map((source) => `    ${join(results, source)}`)].join('\n');

function knownIn(results: string): Known {
  const runs: KnownRun[] = [];
  const experiments: Known['experiments'][number][] = [];
  const look = (folder: string, depth: number): void => {
    for (const entry of readdirSync(join(results, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth < DEPTH_MAX) look(path, depth + 1);
      if (entry.name === 'result.json') runs.push(...runIn(results, folder));
      if (entry.name === 'experiment.json') {
        const { record, trials } = ExperimentFolder.read(join(results, folder));
        experiments.push({ folder, record, trials });
      }
    }
  };
  look('.', 0);
  const limits = knownDisk(results);
  return { runs, experiments, disk: limits === null ? null : { folder: 'disk.html', limits } };
}

/** A result of another version is passed over, and said. */
function runIn(results: string, folder: string): KnownRun[] {
  try {
    const result = resultIn(join(results, folder, 'result.json'));
    return [{ folder, result, figures: figuresOf(result) }];
  } catch (error) {
    say((error as Error).message);
    return [];
  }
}
