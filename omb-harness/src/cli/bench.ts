// `ringlog bench`: workloads over drivers, one run each, results to files and a table. Owner: the main thread. Not hot.

import { Command } from 'commander';
import { randomInt } from 'node:crypto';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { Workload } from '../contracts/workload.ts';
import { terminalTable } from '../report/terminal-table.ts';
import type { LatencyObjective } from '../stats/latency-objective.ts';
import type { Cell } from '../sweep/cell.ts';
import { cellOf, crossProduct } from '../sweep/dials.ts';
import { BenchFailed, isExpected } from './bench-failed.ts';
import { loadDriver, loadWorkload } from './bench-files.ts';
import { endExperiment } from './experiment-end.ts';
import { ExperimentFolder } from './experiment-folder.ts';
import { LiveLine } from './live-line.ts';
import { aboveZero, commaList, cpuList, dialLevels, fromZero, objective, wholeFromOne } from './option-values.ts';
import { reportOf } from './report-file.ts';
import { openResultFolder, put, writeRun } from './result-folder.ts';
import { runCells } from './run-cells.ts';
import { say } from './say.ts';
import { EXIT_FAILED, EXIT_INVALID } from './exit-codes.ts';
import { refuseOmbFlags, workloadsOfFlag } from './omb-flags.ts';
import { StopOnSignal } from './stop-on-signal.ts';
import { adviseCommand } from './bench-advise.ts';
import { chartCommand } from './bench-chart.ts';
import { compareCommand } from './bench-compare.ts';
import { diskCommand } from './bench-disk.ts';
import { generatorCommand } from './bench-generator.ts';
import { listCommand } from './bench-list.ts';
import { sweepCommand } from './bench-sweep.ts';
import { brokerOf, checkSubject, onOneNode, runTrial, type Subject } from './trial.ts';

interface BenchOptions {
  readonly drivers: readonly string[];
  readonly workloads: readonly string[];
  readonly bootstrap?: string;
  readonly output?: string;
  readonly results: string;
  readonly lenient?: boolean;
  readonly durationSeconds?: number;
  readonly warmupSeconds?: number;
  readonly warmupMaxSeconds?: number;
  readonly objective?: LatencyObjective;
  readonly repeats: number;
  readonly vary?: Readonly<Record<string, readonly string[]>>;
  readonly asFound?: boolean;
  readonly seed?: number;
  readonly json?: boolean;
  readonly producerWorkers: number;
  readonly consumerWorkers: number;
  readonly pin?: readonly number[];
}

interface Pair {
  readonly workload: Workload;
  readonly driver: DriverSettings;
}

export async function runBench(args: readonly string[]): Promise<void> {
  const program = benchCommand();
  program
    .enablePositionalOptions()
    .addCommand(reportCommand())
    .addCommand(sweepCommand(args))
    .addCommand(compareCommand(args))
    .addCommand(diskCommand())
    .addCommand(generatorCommand())
    .addCommand(adviseCommand())
    .addCommand(listCommand())
    .addCommand(chartCommand());
  refuseOmbFlags(program);
  program.action((workloads: string[], options: BenchOptions) =>
    bench([...workloads, ...workloadsOfFlag(options.workloads)], options, args),
  );
  await program.parseAsync([...args], { from: 'user' });
}

function reportCommand(): Command {
  return new Command('report')
    .description('make the report anew from the results of one run, or of several over each other')
    .argument('<results...>', 'result.json files, or the folders of runs')
    .option('-o, --output <file>', 'the HTML file (default: beside the result; of several runs, report.html here)')
    .action((paths: string[], { output }: { readonly output?: string }) => {
      const { page, file } = reportOf(paths);
      put(output ?? file, page);
      process.stdout.write(`${output ?? file}\n`);
    });
}

function benchCommand(): Command {
  return new Command('ringlog bench')
    .description('run OpenMessaging workloads against Ringlog or any Kafka, and measure from the time each message was due')
    .argument('[workloads...]', 'workload files, or names of those that ship (default: quick)')
    .option(
      '-w, --workloads <files>',
      'more of them, separated by commas',
      (text: string, before: string[]) => [...before, ...commaList(text)],
      [],
    )
    .option('-d, --drivers <files>', 'driver files, separated by commas, or names of those that ship', commaList, ['ringlog'])
    .option('-b, --bootstrap <host:port>', "the system to load; the driver file's bootstrap.servers if not given, else a broker is started")
    .option('-o, --output <file>', "the OMB result file; each run's own folder if not given")
    .option('--results <dir>', 'the folder of all results', 'bench-results')
    .option('--lenient', 'pass over unknown fields in files, as OMB does')
    .option('--duration-seconds <n>', "in place of the workload's testDurationMinutes", aboveZero)
    .option('--warmup-seconds <n>', "in place of the workload's warmupDurationMinutes; it goes on until figures are steady", fromZero)
    .option('--warmup-max-seconds <n>', 'then the warm-up ends, steady or not (default: 30 more than it was asked for)', fromZero)
    .option(
      '--objective <latency=ms>',
      'with producerRate 0: what the highest rate must hold, as p99=5 or end-to-end-p99.9=20 (from intended time)',
      objective,
    )
    .option('--repeats <n>', 'runs of each driver, interleaved A B B A; from 5 on differences are claimed', wholeFromOne, 1)
    .option('--vary <dial=a,b,...>', 'compare settings, as acks=1,all; several times for every combination', dialLevels)
    .option('--as-found', 'do not touch and free memory before a run')
    .option('--seed <n>', 'payloads, keys and names; random if not given', fromZero)
    .option('--producer-workers <n>', 'processes that send, sharing one schedule', wholeFromOne, 1)
    .option('--consumer-workers <n>', 'processes that consume, each with whole groups', wholeFromOne, 1)
    .option('--pin <cpus>', 'CPUs that the native workers are pinned to in turn, as 2,3', cpuList)
    .option('--json', 'NDJSON on standard output: one line an interval and one a result')
    .showHelpAfterError('(see ringlog bench --help)')
    .addHelpText(
      'after',
      `
Exit status: 0 measured, 1 bad arguments or files, 2 a run is INVALID or the command was cut short, 3 the harness failed.

Examples:
  ringlog bench
  ringlog bench omb-harness/workloads/quick.yaml --duration-seconds 20
  ringlog bench quick --repeats 5 --vary acks=1,all
  ringlog bench max-rate-small --objective p99=5
  ringlog bench report bench-results/quick-ringlog-*/
  ringlog bench -d driver-kafka/kafka-latency.yaml workloads/1-topic-1-partition-1kb.yaml --bootstrap 127.0.0.1:9092`,
    );
}

async function bench(names: readonly string[], options: BenchOptions, command: readonly string[]): Promise<void> {
  const lenient = options.lenient === true;
  const workloads = (names.length === 0 ? ['quick'] : names).map((name) => loadWorkload(name, lenient));
  const drivers = options.drivers.map((name) => loadDriver(name, lenient));
  for (const notice of [...workloads, ...drivers].flatMap(({ notices }) => notices)) say(notice);
  openResultFolder(options.results);
  const signals = new StopOnSignal();
  // As OMB: workloads by name, each over all drivers in the order given.
  const sorted = [...workloads].sort((a, b) => (a.value.stem < b.value.stem ? -1 : 1)).map(({ value }) => value);
  const several = options.repeats > 1 || options.vary !== undefined;
  try {
    for (const workload of sorted) {
      const pairs = drivers.map((driver) => ({ workload, driver: driver.value }));
      if (several) await experiment(pairs, options, command, signals.signal);
      else for (const pair of pairs) if (!signals.signal.aborted) await attempt(pair, options, command, signals.signal);
    }
  } finally {
    signals.close();
  }
}

/** One pair that cannot be run does not take the others with it. */
async function attempt(pair: Pair, options: BenchOptions, command: readonly string[], signal: AbortSignal): Promise<void> {
  const live = new LiveLine(options.json === true);
  try {
    const subject = subjectOf(pair, options);
    const given = { ...givenTimes(options), seed: options.seed ?? randomInt(2 ** 31) };
    for (const warning of checkSubject(subject, given)) say(warning);
    const onProgress = (progress: Parameters<LiveLine['show']>[0]): void => live.show(progress);
    const result = await runTrial(subject, { ...given, dir: options.results, command, signal, onProgress }).finally(() => live.clear());
    if (options.json !== true) process.stdout.write(`${terminalTable(result)}\n`);
    const written = writeRun(options.results, result, options.output ?? null);
    const { verdict, runId } = result;
    if (options.json === true) process.stdout.write(`${JSON.stringify({ type: 'result', runId, verdict, ...written })}\n`);
    else process.stdout.write(`\n  results     ${written.dir}\n  OMB result  ${written.ombFile}\n  report      ${written.reportFile}\n`);
    if (verdict.standing === 'INVALID') process.exitCode = Math.max(Number(process.exitCode ?? 0), EXIT_INVALID);
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.exitCode = EXIT_FAILED;
    say(`${pair.workload.stem} on ${pair.driver.name}: ${error.message}`);
  }
}

/** Several runs of several drivers or settings, next to each other in time. */
async function experiment(pairs: readonly Pair[], options: BenchOptions, command: readonly string[], signal: AbortSignal): Promise<void> {
  if (options.output !== undefined) throw new BenchFailed('-o names one file, and these are several runs: leave it out');
  const dials = options.vary ?? {};
  const cells = pairs.flatMap(({ workload, driver }): Cell[] =>
    crossProduct(dials).map((levels) => {
      const made = cellOf(
        subjectOf({ workload, driver }, options),
        levels,
        pairs.length > 1 || Object.keys(levels).length === 0 ? driver.name : '',
      );
      if (!made.ok) throw new BenchFailed(made.fault);
      return made.cell;
    }),
  );
  const given = givenTimes(options);
  for (const cell of cells) for (const warning of checkSubject(cell, { ...given, seed: 0 })) say(warning);
  const { stem, name } = pairs[0]!.workload;
  const folder = ExperimentFolder.open(options.results, `${stem}-repeats-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`, {
    ...{ recordVersion: 1, kind: 'repeats', title: `${name}: ${options.repeats} runs of each`, startedAt: new Date().toISOString() },
    ...{ repeats: options.repeats, seed: options.seed ?? 0, dials, cells: cells.map(({ id, levels }) => ({ id, levels })) },
  });
  await runCells(cells, folder, { ...given, command, signal, json: options.json === true });
  endExperiment(folder, options.json === true, signal.aborted);
}

function subjectOf({ workload, driver }: Pair, { bootstrap }: BenchOptions): Subject {
  const broker = brokerOf(driver, bootstrap ?? null);
  return { workload, driver: onOneNode(driver, broker, say), broker };
}

function givenTimes(options: BenchOptions) {
  const { durationSeconds, warmupSeconds, warmupMaxSeconds, objective, asFound, producerWorkers, consumerWorkers, pin } = options;
  const times = { durationSeconds: durationSeconds ?? null, warmupSeconds: warmupSeconds ?? null, warmupMaxSeconds };
  const workers = { producers: producerWorkers, consumers: consumerWorkers, cpus: pin ?? [] };
  return { ...times, objective: objective ?? null, asFound: asFound === true, workers };
}
