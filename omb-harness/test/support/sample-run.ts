// A workload, a plan and tools for runs of a second or two in the test's own process. Owner: the test's thread.

import type { DriverSettings } from '../../src/contracts/driver-settings.ts';
import type { Driver } from '../../src/contracts/driver.ts';
import type { RunResult } from '../../src/contracts/run-result.ts';
import type { Workload } from '../../src/contracts/workload.ts';
import { readWorkload } from '../../src/formats/read-workload.ts';
import { payloadPlan } from '../../src/plan/payload-pool.ts';
import { makeRunPlan, type RunPlan, type WorkerChoice } from '../../src/plan/run-plan.ts';
import { readEnvironment } from '../../src/run/environment.ts';
import { monotonicClock } from '../../src/run/monotonic-clock.ts';
import { type RunTools, runWorkload } from '../../src/run/run-workload.ts';
import { defaultRateSearch } from '../../src/stats/rate-finding.ts';

const YAML = `
name: sample
topics: 2
partitionsPerTopic: 3
messageSize: 100
subscriptionsPerTopic: 2
consumerPerSubscription: 2
producersPerTopic: 2
producerRate: 2000
testDurationMinutes: 1
`;

export const sampleDriver: DriverSettings = {
  name: 'fake',
  driverClass: 'fake',
  replicationFactor: 1,
  topicConfig: {},
  producerConfig: {},
  consumerConfig: {},
  adminConfig: {},
  reset: false,
};

function sampleWorkload(changes: Partial<Workload> = {}): Workload {
  const read = readWorkload('sample.yaml', 'sample', YAML, false);
  if (!read.ok) throw new Error(read.errors.join('\n'));
  return { ...read.workload, ...changes };
}

export function samplePlan(
  changes: Partial<Workload> = {},
  seconds = 1,
  workers?: WorkerChoice,
  lanes: Driver['lanes'] = 'partition',
  existing: Readonly<Record<string, number>> = {},
): RunPlan {
  const workload = sampleWorkload(changes);
  const payload = payloadPlan(workload, null, 7);
  if (typeof payload === 'string') throw new Error(payload);
  const options = { seed: 7, bootstrap: 'nowhere:0', durationSeconds: seconds, warmupSeconds: 0, existing, ...(workers && { workers }) };
  const made = makeRunPlan(workload, sampleDriver, payload, lanes, options);
  if (!made.ok) throw new Error(made.errors.join('\n'));
  const { plan } = made;
  const intervalMs = 100;
  return {
    ...plan,
    warmupMaxSeconds: 0.3,
    producerLoads: plan.producerLoads.map((load) => ({ ...load, intervalMs })),
    consumerLoads: plan.consumerLoads.map((load) => ({ ...load, intervalMs })),
  };
}

export function runSample(driver: Driver, plan: RunPlan = samplePlan(), tools: Partial<RunTools> = {}): Promise<RunResult> {
  return runWorkload(driver, plan, {
    clock: monotonicClock,
    environment: readEnvironment('.', 'test'),
    signal: new AbortController().signal,
    command: ['test'],
    search: { ...defaultRateSearch, startRate: 500, maxRate: 2000, confirmations: 1 },
    searchStepSeconds: 0.3,
    memoryRegime: 'a test',
    diskCeiling: null,
    objective: null,
    // An upper bound: a slow machine gets its time.
    drainMs: 60_000,
    onProgress: () => undefined,
    ...tools,
  });
}
