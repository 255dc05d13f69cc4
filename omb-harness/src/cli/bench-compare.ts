// `ringlog bench compare`: Ringlog in both storage modes, Apache Kafka or any broker, on one workload, in one table. Owner: the
// main thread. Not hot.

import { Command, Option } from 'commander';
import type { BrokerChoice } from '../contracts/broker-choice.ts';
import type { LatencyObjective } from '../stats/latency-objective.ts';
import type { Cell } from '../sweep/cell.ts';
import { cellOf } from '../sweep/dials.ts';
import { BenchFailed } from './bench-failed.ts';
import { loadDriver, loadWorkload } from './bench-files.ts';
import { endExperiment } from './experiment-end.ts';
import { ExperimentFolder } from './experiment-folder.ts';
import { aboveZero, commaList, fromZero, objective, wholeFromOne } from './option-values.ts';
import { runCells } from './run-cells.ts';
import { say } from './say.ts';
import { StopOnSignal } from './stop-on-signal.ts';
import { checkSubject, onOneNode } from './trial.ts';

interface CompareOptions {
  readonly driver: string;
  readonly peer: readonly string[];
  readonly bootstrap: readonly string[];
  readonly storage: readonly string[];
  readonly repeats: number;
  readonly results: string;
  readonly durationSeconds?: number;
  readonly warmupSeconds?: number;
  readonly warmupMaxSeconds?: number;
  readonly objective?: LatencyObjective;
  readonly asFound?: boolean;
  readonly lenient?: boolean;
  readonly json?: boolean;
}

/** A JVM compiles for about this long before its figures are its own. */
const JVM_WARMUP_SECONDS = 20;
const many = (text: string, before: readonly string[]): string[] => [...before, ...commaList(text)];

export function compareCommand(args: readonly string[]): Command {
  return new Command('compare')
    .description('run one workload on Ringlog in both storage modes and on other systems, interleaved, into one table')
    .argument('[workload]', 'a workload file, or the name of one that ships', 'quick')
    .option('-d, --driver <file>', 'the driver file of all of them, or the name of one that ships', 'ringlog')
    .addOption(
      new Option('--peer <system>', 'started here, from its Maven artifacts: kafka, or kafka-fsync with flush.messages=1')
        .argParser(many)
        .default([]),
    )
    .addOption(new Option('-b, --bootstrap <host:port>', 'a broker that runs; several times for several').argParser(many).default([]))
    .option('--storage <modes>', "Ringlog's, or none", commaList, ['page-cache', 'managed'])
    .option('--repeats <n>', 'runs of each', wholeFromOne, 5)
    .option('--results <dir>', 'the folder of all results', 'bench-results')
    .option('--duration-seconds <n>', "in place of the workload's testDurationMinutes", aboveZero)
    .option('--warmup-seconds <n>', `in place of the workload's; a JVM gets ${JVM_WARMUP_SECONDS} at least`, fromZero)
    .option('--warmup-max-seconds <n>', 'then the warm-up ends, steady or not (default: 30 more than it was asked for)', fromZero)
    .option('--objective <latency=ms>', 'with producerRate 0: what the highest rate must hold', objective)
    .option('--as-found', 'do not touch and free memory before a run')
    .option('--lenient', 'pass over unknown fields in files')
    .option('--json', 'NDJSON on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  ringlog bench compare quick --peer kafka\n  ringlog bench compare max-rate-small --objective p99=10 --peer kafka-fsync\n  ringlog bench compare --storage page-cache --bootstrap 127.0.0.1:9092',
    )
    .action((workload: string, options: CompareOptions) => compare(workload, options, args));
}

async function compare(name: string, options: CompareOptions, command: readonly string[]): Promise<void> {
  const workload = loadWorkload(name, options.lenient === true);
  const driver = loadDriver(options.driver, options.lenient === true);
  for (const notice of [...workload.notices, ...driver.notices]) say(notice);
  const started = options.bootstrap.length === 0 ? onOneNode(driver.value, { kind: 'ringlog', settings: {} }, say) : driver.value;
  const base = { workload: workload.value, driver: started };
  const cells = [
    ...options.storage.filter((mode) => mode !== 'none').map((mode) => ringlogCell(base, mode)),
    ...options.peer.map((peer) => peerCell(base, peer)),
    ...options.bootstrap.map((bootstrap): Cell => ({ ...base, ...plain(bootstrap), broker: { kind: 'at', bootstrap } })),
  ];
  if (cells.length < 2) throw new BenchFailed('one system is no comparison: add --peer kafka, --bootstrap host:port or a storage mode');
  if (new Set(cells.map(({ id }) => id)).size < cells.length) throw new BenchFailed('a system is named twice');
  const { warmupMaxSeconds } = options;
  const times = { durationSeconds: options.durationSeconds ?? null, warmupSeconds: options.warmupSeconds ?? null, warmupMaxSeconds };
  for (const cell of cells) for (const warning of checkSubject(cell, { ...times, seed: 0 })) say(warning);
  const { stem, name: title } = workload.value;
  const folder = ExperimentFolder.open(options.results, `${stem}-compare-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`, {
    ...{ recordVersion: 1, kind: 'compare', title: `Compared: ${title}`, startedAt: new Date().toISOString(), repeats: options.repeats },
    ...{ seed: 0, dials: {}, cells: cells.map(({ id, levels }) => ({ id, levels })) },
  });
  const signals = new StopOnSignal();
  const json = options.json === true;
  const given = { ...times, objective: options.objective ?? null, asFound: options.asFound === true, command, json };
  try {
    await runCells(cells, folder, { ...given, signal: signals.signal });
  } finally {
    signals.close();
  }
  endExperiment(folder, json, signals.signal.aborted);
}

const plain = (id: string) => ({ id, levels: {}, warmupSecondsMin: null });

function ringlogCell(base: Pick<Cell, 'workload' | 'driver'>, mode: string): Cell {
  if (mode !== 'page-cache' && mode !== 'managed') throw new BenchFailed(`--storage ${mode}: it is page-cache, managed or none`);
  const broker: BrokerChoice = { kind: 'ringlog', settings: {} };
  const made = cellOf({ ...base, broker }, { storage: mode });
  if (!made.ok) throw new BenchFailed(made.fault);
  return { ...made.cell, ...plain(`ringlog, ${mode}`) };
}

function peerCell(base: Pick<Cell, 'workload' | 'driver'>, peer: string): Cell {
  if (peer !== 'kafka' && peer !== 'kafka-fsync')
    throw new BenchFailed(`--peer ${peer}: it is kafka or kafka-fsync; others are named by --bootstrap`);
  const settings: Record<string, string> = peer === 'kafka' ? {} : { 'log.flush.interval.messages': '1' };
  return { ...base, id: peer, levels: {}, warmupSecondsMin: JVM_WARMUP_SECONDS, broker: { kind: 'kafka', settings } };
}
