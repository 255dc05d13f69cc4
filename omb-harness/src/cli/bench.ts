// `ringlog bench`: workloads over drivers, one run each, results to files and a table. Owner: the main thread. Not hot.

import { Command, InvalidArgumentError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomInt } from 'node:crypto';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { RunResult } from '../contracts/run-result.ts';
import type { Workload } from '../contracts/workload.ts';
import { openDriver } from '../drivers/driver-registry.ts';
import { OwnBroker } from '../drivers/own-broker.ts';
import { makeRunPlan } from '../plan/run-plan.ts';
import { payloadPlan } from '../plan/payload-pool.ts';
import { terminalTable } from '../report/terminal-table.ts';
import { readEnvironment } from '../run/environment.ts';
import { monotonicClock } from '../run/monotonic-clock.ts';
import { runWorkload } from '../run/run-workload.ts';
import { defaultRateSearch } from '../stats/rate-finding.ts';
import { BenchFailed } from './bench-failed.ts';
import { harnessFolder, loadDriver, loadPayload, loadWorkload } from './bench-files.ts';
import { LiveLine } from './live-line.ts';
import { reportOf } from './report-file.ts';
import { openResultFolder, put, writeRun } from './result-folder.ts';

/** 0: all valid. Saturated runs are measurements too. */
const EXIT_INVALID = 2;
const EXIT_FAILED = 3;
const DRAIN_MS = 30_000;
const SEARCH_STEP_SECONDS = 5;

interface BenchOptions {
  readonly drivers: readonly string[];
  readonly bootstrap?: string;
  readonly output?: string;
  readonly results: string;
  readonly lenient?: boolean;
  readonly durationSeconds?: number;
  readonly warmupSeconds?: number;
  readonly objectiveP99Ms?: number;
  readonly seed?: number;
  readonly json?: boolean;
  readonly workers?: string;
  readonly workersFile?: string;
}

interface Pair {
  readonly workload: Workload;
  readonly driver: DriverSettings;
}

export async function runBench(args: readonly string[]): Promise<void> {
  const program = benchCommand();
  program.enablePositionalOptions().addCommand(reportCommand());
  program.action((workloads: string[], options: BenchOptions) => bench(workloads, options, args));
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
    .option('-d, --drivers <files>', 'driver files, separated by commas, or names of those that ship', commaList, ['ringlog'])
    .option('-b, --bootstrap <host:port>', "the system to load; the driver file's bootstrap.servers if not given, else a broker is started")
    .option('-o, --output <file>', "the OMB result file; each run's own folder if not given")
    .option('--results <dir>', 'the folder of all results', 'bench-results')
    .option('--lenient', 'pass over unknown fields in files, as OMB does')
    .option('--duration-seconds <n>', "in place of the workload's testDurationMinutes", aboveZero)
    .option('--warmup-seconds <n>', "in place of the workload's warmupDurationMinutes; it goes on until figures are steady", fromZero)
    .option('--objective-p99-ms <n>', 'with producerRate 0: the p99 from intended time that a rate must hold', aboveZero)
    .option('--seed <n>', 'payloads, keys and names; random if not given', fromZero)
    .option('--json', 'NDJSON on standard output: one line an interval and one a result')
    .addOption(new Option('-w, --workers <urls>').hideHelp())
    .addOption(new Option('--workers-file <file>').hideHelp())
    .showHelpAfterError('(see ringlog bench --help)')
    .addHelpText(
      'after',
      `
Exit status: 0 measured, 2 a run is INVALID, 3 the harness failed.

Examples:
  ringlog bench
  ringlog bench omb-harness/workloads/quick.yaml --duration-seconds 20
  ringlog bench report bench-results/quick-ringlog-*/
  ringlog bench -d driver-kafka/kafka-latency.yaml workloads/1-topic-1-partition-1kb.yaml --bootstrap 127.0.0.1:9092`,
    );
}

async function bench(names: readonly string[], options: BenchOptions, command: readonly string[]): Promise<void> {
  if (options.workers !== undefined || options.workersFile !== undefined)
    throw new BenchFailed('workers on other machines are not there: the load runs on this one. Leave -w out');
  const lenient = options.lenient === true;
  const workloads = (names.length === 0 ? ['quick'] : names).map((name) => loadWorkload(name, lenient));
  const drivers = options.drivers.map((name) => loadDriver(name, lenient));
  for (const notice of [...workloads, ...drivers].flatMap(({ notices }) => notices)) say(notice);
  openResultFolder(options.results);
  const signals = new StopOnSignal();
  // As OMB: workloads by name, each over all drivers in the order given.
  const sorted = [...workloads].sort((a, b) => (a.value.stem < b.value.stem ? -1 : 1));
  const pairs = sorted.flatMap((workload) => drivers.map((driver) => ({ workload: workload.value, driver: driver.value })));
  try {
    for (const pair of pairs) {
      if (signals.signal.aborted) break;
      await attempt(pair, options, command, signals.signal);
    }
  } finally {
    signals.close();
  }
}

/** One pair that cannot be run does not take the others with it. */
async function attempt(pair: Pair, options: BenchOptions, command: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    const result = await runPair(pair, options, command, signal);
    if (options.json !== true) process.stdout.write(`${terminalTable(result)}\n`);
    const written = writeRun(options.results, result, options.output ?? null);
    const { verdict, runId } = result;
    if (options.json === true) process.stdout.write(`${JSON.stringify({ type: 'result', runId, verdict, ...written })}\n`);
    else process.stdout.write(`\n  results     ${written.dir}\n  OMB result  ${written.ombFile}\n  report      ${written.reportFile}\n`);
    if (verdict.standing === 'INVALID') process.exitCode = Math.max(Number(process.exitCode ?? 0), EXIT_INVALID);
  } catch (error) {
    if (!(error instanceof Error) || !['CommandFailed', 'DriverError'].includes(error.name)) throw error;
    process.exitCode = EXIT_FAILED;
    say(`${pair.workload.stem} on ${pair.driver.name}: ${error.message}`);
  }
}

async function runPair(
  { workload, driver }: Pair,
  options: BenchOptions,
  command: readonly string[],
  signal: AbortSignal,
): Promise<RunResult> {
  const seed = options.seed ?? randomInt(2 ** 31);
  const payload = payloadPlan(workload, loadPayload(workload), seed);
  if (typeof payload === 'string') throw new BenchFailed(`${workload.stem}: ${payload}`);
  const named = options.bootstrap ?? driver.adminConfig['bootstrap.servers'] ?? null;
  const made = (bootstrap: string) => {
    const times = { durationSeconds: options.durationSeconds ?? null, warmupSeconds: options.warmupSeconds ?? null };
    return makeRunPlan(workload, driver, payload, 'partition', { seed, bootstrap, ...times });
  };
  // What cannot be run is said before a broker is started for it.
  const planned = made(named ?? '127.0.0.1:0');
  if (!planned.ok) throw new BenchFailed(planned.errors.join('\n'));
  for (const warning of planned.plan.warnings) say(warning);
  const broker = named === null ? await OwnBroker.start(options.results) : null;
  const bootstrap = named ?? broker!.bootstrap;
  const live = new LiveLine(options.json === true);
  try {
    const system = await openDriver({
      settings: driver,
      bootstrap,
      clock: monotonicClock,
      usage: () => broker?.usage(monotonicClock) ?? null,
    });
    const again = made(bootstrap);
    if (!again.ok) throw new BenchFailed(again.errors.join('\n'));
    const p99 = options.objectiveP99Ms ?? null;
    const objective = p99 === null ? defaultRateSearch.objective : `p99 from intended time is at most ${p99} ms`;
    try {
      return await runWorkload(system, again.plan, {
        clock: monotonicClock,
        environment: readEnvironment(broker?.dataDir ?? options.results, harnessVersion()),
        signal,
        command: ['ringlog', 'bench', ...command],
        search: { ...defaultRateSearch, objective },
        searchStepSeconds: SEARCH_STEP_SECONDS,
        objectiveP99Ms: p99,
        drainMs: DRAIN_MS,
        onProgress: (progress) => live.show(progress),
      });
    } finally {
      await system.close();
    }
  } finally {
    live.clear();
    await broker?.stop();
  }
}

/** The first signal ends the run with a partial result; a second one ends the process. */
class StopOnSignal {
  private readonly controller = new AbortController();
  private readonly onSignal = (): void => {
    if (this.signal.aborted) process.exit(EXIT_FAILED);
    say('stopping: what was measured so far is written (again: end at once)');
    this.controller.abort();
  };

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  close(): void {
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
  }
}

function say(line: string): void {
  process.stderr.write(`ringlog bench: ${line}\n`);
}

function harnessVersion(): string {
  return (JSON.parse(readFileSync(join(harnessFolder('.'), 'package.json'), 'utf8')) as { version: string }).version;
}

function commaList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function aboveZero(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('it must be a number above 0.');
  return value;
}

function fromZero(text: string): number {
  const value = Number(text);
  if (!(value >= 0) || !Number.isFinite(value)) throw new InvalidArgumentError('it must be a number from 0 on.');
  return value;
}
