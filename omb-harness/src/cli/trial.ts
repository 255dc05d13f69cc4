// One run as the command line makes it: memory prepared, a broker started if none was named, the plan made, the workload run.
// Owner: the main thread. Not hot.

import { readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerChoice } from '../contracts/broker-choice.ts';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { LoadPlan } from '../contracts/load-plan.ts';
import type { RunResult } from '../contracts/run-result.ts';
import type { Workload } from '../contracts/workload.ts';
import { EMBEDDED_CLASS, openDriver } from '../drivers/driver-registry.ts';
import { nativeWorker } from '../drivers/native-worker.ts';
import { startBroker } from '../drivers/start-broker.ts';
import { existingTopics, makeRunPlan, type MakeRunPlan, payloadBytesOf, type WorkerChoice } from '../plan/run-plan.ts';
import { payloadPlan } from '../plan/payload-pool.ts';
import { readEnvironment } from '../run/environment.ts';
import { AS_FOUND, conditionMemory } from '../run/memory-conditioning.ts';
import { monotonicClock } from '../run/monotonic-clock.ts';
import { type Progress, runWorkload } from '../run/run-workload.ts';
import { type LatencyObjective, objectiveInWords } from '../stats/latency-objective.ts';
import { defaultRateSearch } from '../stats/rate-finding.ts';
import { BenchFailed } from './bench-failed.ts';
import { harnessFolder, loadPayload } from './bench-files.ts';
import { diskCeiling } from './known-disk.ts';
import { say } from './say.ts';

const DRAIN_MS = 30_000;
const SEARCH_STEP_SECONDS = 5;
/** Log a byte of records takes, roughly: a batch's header and each record's own. */
const LOG_SHARE = 1.1;

export interface Subject {
  readonly workload: Workload;
  readonly driver: DriverSettings;
  readonly broker: BrokerChoice;
}

export interface TrialOptions {
  readonly seed: number;
  readonly durationSeconds: number | null;
  readonly warmupSeconds: number | null;
  readonly warmupMaxSeconds?: number | undefined;
  readonly workers?: WorkerChoice;
  readonly objective: LatencyObjective | null;
  readonly asFound: boolean;
  /** A broker's data folder is made in it. */
  readonly dir: string;
  readonly command: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

type PlanOptions = Pick<TrialOptions, 'seed' | 'durationSeconds' | 'warmupSeconds' | 'warmupMaxSeconds' | 'workers'>;

/** Where one broker is started there are no replicas: said, not done in silence. */
export function onOneNode(driver: DriverSettings, broker: BrokerChoice, say: (text: string) => void): DriverSettings {
  if (broker.kind === 'at' || driver.replicationFactor === 1) return driver;
  say(`${driver.name}: replicationFactor ${driver.replicationFactor} is 1 here, and min.insync.replicas with it: one broker is started`);
  return { ...driver, replicationFactor: 1, topicConfig: { ...driver.topicConfig, 'min.insync.replicas': '1' } };
}

/** A broker that was named on the command line, else by the driver file, else one of our own. */
export function brokerOf(driver: DriverSettings, bootstrap: string | null): BrokerChoice {
  const named = bootstrap ?? driver.adminConfig['bootstrap.servers'] ?? null;
  if (driver.driverClass === EMBEDDED_CLASS) {
    if (bootstrap !== null) throw new BenchFailed(`${driver.name} opens a log in this process: leave --bootstrap out`);
    return { kind: 'embedded', settings: {} };
  }
  return named === null ? { kind: 'ringlog', settings: {} } : { kind: 'at', bootstrap: named };
}

/** What cannot be run is said before anything is started. @returns warnings. @throws BenchFailed */
export function checkSubject(subject: Subject, options: PlanOptions): readonly string[] {
  if (subject.broker.kind !== 'at' && existingTopics(subject.workload).length > 0)
    throw new BenchFailed(
      `${subject.workload.stem}: a broker that is started here has no topics yet: name the one that has them (--bootstrap)`,
    );
  const planned = planOf(subject, '127.0.0.1:0', options, 'partition');
  if (!planned.ok) throw new BenchFailed(planned.errors.join('\n'));
  return planned.plan.warnings;
}

export async function runTrial(subject: Subject, options: TrialOptions): Promise<RunResult> {
  // Compiled, if it must be, before memory is prepared.
  const worker = nativeWorker(say);
  checkRoom(subject, options);
  const memoryRegime = await prepareMemory(subject, options);
  const broker = await startBroker(subject.broker, options.dir);
  try {
    const environment = readEnvironment(broker.dataDir ?? options.dir, harnessVersion());
    const usage = () => broker.usage(monotonicClock);
    const opened = {
      settings: subject.driver,
      bootstrap: broker.bootstrap,
      clock: monotonicClock,
      usage,
      worker,
      log: broker.log ?? null,
      product: broker.product,
    };
    const system = await openDriver(opened);
    try {
      const existing = await system.partitionsOf(existingTopics(subject.workload));
      const planned = planOf(subject, broker.bootstrap, options, system.lanes, existing);
      if (!planned.ok) throw new BenchFailed(planned.errors.join('\n'));
      return await runWorkload(system, planned.plan, {
        clock: monotonicClock,
        environment,
        diskCeiling: broker.dataDir === null ? null : diskCeiling(options.dir, environment.disk),
        memoryRegime,
        signal: options.signal,
        command: ['ringlog', 'bench', ...options.command],
        search: { ...defaultRateSearch, objective: objectiveInWords(options.objective) },
        searchStepSeconds: SEARCH_STEP_SECONDS,
        objective: options.objective,
        drainMs: DRAIN_MS,
        onProgress: options.onProgress,
      });
    } finally {
      await system.close();
    }
  } finally {
    await broker.stop();
  }
}

function planOf(
  { workload, driver }: Subject,
  bootstrap: string,
  options: PlanOptions,
  lanes: LoadPlan['lanes'],
  existing: Readonly<Record<string, number>> = {},
): MakeRunPlan {
  const { seed, durationSeconds, warmupSeconds, warmupMaxSeconds, workers } = options;
  const { bytes, notice } = loadPayload(workload);
  const payload = payloadPlan(workload, bytes, seed);
  if (typeof payload === 'string') return { ok: false, errors: [`${workload.stem}: ${payload}`] };
  const made = makeRunPlan(workload, driver, payload, lanes, {
    seed,
    bootstrap,
    durationSeconds,
    warmupSeconds,
    warmupMaxSeconds,
    existing,
    ...(workers && { workers }),
  });
  if (!made.ok || notice === null) return made;
  return { ok: true, plan: { ...made.plan, warnings: [notice, ...made.plan.warnings] } };
}

async function prepareMemory({ workload, broker }: Subject, options: TrialOptions): Promise<string> {
  if (broker.kind === 'at' && !/^(127\.|localhost|\[?::1)/.test(broker.bootstrap)) return 'unknown: the system is on another host';
  if (options.asFound || options.signal.aborted) return AS_FOUND;
  const bytes = payloadBytesOf(workload, options) * LOG_SHARE;
  options.onProgress({ what: 'preparing memory', record: null });
  return conditionMemory(bytes === 0 ? null : bytes);
}

/** Where the broker's data will lie is known, whether it can is told before. Retention is not counted on: segments are long. */
function checkRoom({ workload, broker }: Subject, options: TrialOptions): void {
  if (broker.kind === 'at') return;
  const { bavail, bsize } = statfsSync(options.dir);
  const needs = payloadBytesOf(workload, options) * LOG_SHARE;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  if (needs > bavail * bsize)
    throw new BenchFailed(
      `${workload.stem} writes ${gigabytes(needs)}, and ${options.dir} has room for ${gigabytes(bavail * bsize)}: shorten it (--duration-seconds), or name a folder on another disk (--results)`,
    );
}

function harnessVersion(): string {
  return (JSON.parse(readFileSync(join(harnessFolder('.'), 'package.json'), 'utf8')) as { version: string }).version;
}
