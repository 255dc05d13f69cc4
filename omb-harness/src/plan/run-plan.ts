// RunPlan: what a workload and a driver file come to: topics, clients, rates and times of one run. Owner: pure. Not hot.

import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { TopicSpec } from '../contracts/driver.ts';
import type { LoadPlan, PayloadPlan } from '../contracts/load-plan.ts';
import type { Workload } from '../contracts/workload.ts';

export interface RunOptions {
  readonly seed: number;
  readonly bootstrap: string;
  /** In place of the workload's minutes. */
  readonly durationSeconds: number | null;
  readonly warmupSeconds: number | null;
  /** Half a minute more than the warm-up, if nothing is said. */
  readonly warmupMaxSeconds?: number | undefined;
  readonly workers?: WorkerChoice;
}

/** Load workers, as many as there are producers or groups at most, and the CPUs they are pinned to in turn. */
export interface WorkerChoice {
  readonly producers: number;
  readonly consumers: number;
  readonly cpus: readonly number[];
}

export interface RunPlan {
  readonly workload: Workload;
  readonly driver: DriverSettings;
  readonly runId: number;
  readonly topics: readonly TopicSpec[];
  readonly measuredSeconds: number;
  readonly warmupSeconds: number;
  /** The warm-up goes on until it is steady, but no longer than this. */
  readonly warmupMaxSeconds: number;
  /** One a worker, at least one. */
  readonly producerLoads: readonly LoadPlan[];
  /** One a worker. None: nobody consumes. */
  readonly consumerLoads: readonly LoadPlan[];
  readonly warnings: readonly string[];
}

export type MakeRunPlan = { readonly ok: true; readonly plan: RunPlan } | { readonly ok: false; readonly errors: readonly string[] };

const INTERVAL_MS = 1000;
const QUEUE_RECORDS_MAX = 100_000;
/** Beyond what the workload asks for, to become steady. */
const STEADY_EXTRA_SECONDS = 30;
/** Loopback moves about this much; no network card here is faster. */
const LINK_BYTES_PER_SECOND = 5e9;

export function makeRunPlan(
  workload: Workload,
  driver: DriverSettings,
  payload: PayloadPlan,
  lanes: LoadPlan['lanes'],
  options: RunOptions,
): MakeRunPlan {
  const errors = notRunnable(workload, options);
  if (errors.length > 0) return { ok: false, errors };
  const runId = options.seed >>> 0;
  const suffix = workload.randomTopicNames ? `-${runId.toString(36).padStart(7, '0')}` : '';
  const topics = Array.from({ length: workload.topics }, (_, i) => ({
    name: `test-topic-${String(i).padStart(7, '0')}${suffix}`,
    partitions: workload.partitionsPerTopic,
    replicationFactor: driver.replicationFactor,
    configs: driver.topicConfig,
  }));
  const base = baseLoad(workload, driver, payload, lanes, options, topics);
  const warmupSeconds = options.warmupSeconds ?? workload.warmupDurationMinutes * 60;
  const subscribed = workload.subscriptionsPerTopic > 0;
  return {
    ok: true,
    plan: {
      workload,
      driver,
      runId,
      topics,
      measuredSeconds: options.durationSeconds ?? workload.testDurationMinutes * 60,
      warmupSeconds,
      warmupMaxSeconds: Math.max(warmupSeconds, options.warmupMaxSeconds ?? warmupSeconds + STEADY_EXTRA_SECONDS),
      ...workersOf(base, producersOf(workload, topics), subscribed ? consumersOf(workload, topics, suffix) : [], options.workers),
      warnings: warningsOf(workload),
    },
  };
}

/** What the formats know and a run does not do: said before anything starts. */
function notRunnable(workload: Workload, options: RunOptions): string[] {
  const unset = (value: unknown): boolean => value === null || value === false || value === -1 || value === 0;
  const later: readonly (keyof Workload)[] = [
    'partitionsPerTopicList',
    'producersPerTopicList',
    'messageSizeDistribution',
    'producerRateList',
    'warmupProducerRateSeparationMinutes',
    'existingTopicList',
    'existingProduceTopicList',
    'existingConsumeTopicList',
    'consumerOnly',
  ];
  const errors = later
    .filter((name) => !unset(workload[name]))
    .map((name) => `${workload.stem}: ${name} is read, but this harness cannot run it`);
  if (workload.testDurationMinutes <= 0 && options.durationSeconds === null)
    errors.push(`${workload.stem}: testDurationMinutes ${workload.testDurationMinutes} is a run without end; give --duration-seconds`);
  return errors;
}

function baseLoad(
  workload: Workload,
  driver: DriverSettings,
  payload: PayloadPlan,
  lanes: LoadPlan['lanes'],
  options: RunOptions,
  topics: readonly TopicSpec[],
): LoadPlan {
  return {
    planVersion: 1,
    runId: options.seed >>> 0,
    workerId: 0,
    producerWorkers: 1,
    producerWorkerIndex: 0,
    bootstrap: options.bootstrap,
    seed: options.seed >>> 0,
    lanes,
    partitionsPerTopic: Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions])),
    producers: [],
    consumers: [],
    keyDistribution: workload.keyDistributor,
    payload,
    producerSettings: driver.producerConfig,
    consumerSettings: driver.consumerConfig,
    queueRecordsMax: QUEUE_RECORDS_MAX,
    intervalMs: INTERVAL_MS,
    pinToCpu: null,
  };
}

const ONE_OF_EACH: WorkerChoice = { producers: 1, consumers: 1, cpus: [] };

function workersOf(
  base: LoadPlan,
  producers: LoadPlan['producers'],
  consumers: LoadPlan['consumers'],
  choice: WorkerChoice = ONE_OF_EACH,
): Pick<RunPlan, 'producerLoads' | 'consumerLoads'> {
  // A group stays in one worker, which so knows when all its partitions have their consumer.
  const groups = [...new Set(consumers.map(({ group }) => group))];
  const producerWorkers = Math.max(1, Math.min(choice.producers, producers.length));
  const consumerWorkers = Math.min(choice.consumers, groups.length);
  const load = (workerId: number): LoadPlan => ({ ...base, workerId, pinToCpu: choice.cpus[workerId % choice.cpus.length] ?? null });
  return {
    producerLoads: Array.from({ length: producerWorkers }, (_, index) => ({
      ...load(index),
      ...{ producerWorkers, producerWorkerIndex: index, producers: producers.filter((_producer, i) => i % producerWorkers === index) },
    })),
    consumerLoads: Array.from({ length: consumerWorkers }, (_, index) => ({
      ...load(producerWorkers + index),
      consumers: consumers.filter(({ group }) => groups.indexOf(group) % consumerWorkers === index),
    })),
  };
}

function producersOf(workload: Workload, topics: readonly TopicSpec[]): LoadPlan['producers'] {
  // Topic by topic in turn, so that the round of the load goes over all topics.
  return Array.from({ length: workload.producersPerTopic }, () => topics)
    .flat()
    .map(({ name, partitions }, producerId) => ({ producerId, topic: name, firstLane: producerId * partitions }));
}

function consumersOf(workload: Workload, topics: readonly TopicSpec[], suffix: string): LoadPlan['consumers'] {
  const consumers: LoadPlan['consumers'][number][] = [];
  for (const { name } of topics)
    for (let subscription = 0; subscription < workload.subscriptionsPerTopic; subscription++)
      for (let index = 0; index < workload.consumerPerSubscription; index++)
        consumers.push({
          consumerId: consumers.length,
          topics: [name],
          group: `sub-${String(subscription).padStart(3, '0')}-${name}${suffix}`,
          indexInGroup: index,
          groupSize: workload.consumerPerSubscription,
          rateLimitPerSecond: workload.consumerRate > 0 ? workload.consumerRate / workload.consumerPerSubscription : null,
        });
  return consumers;
}

function warningsOf(workload: Workload): string[] {
  const { stem, topics, producerRate, messageSize, subscriptionsPerTopic, partitionsPerTopic, consumerPerSubscription } = workload;
  const warnings: string[] = [];
  const bytes = producerRate * messageSize * (1 + subscriptionsPerTopic);
  if (bytes > LINK_BYTES_PER_SECOND)
    warnings.push(
      `${stem}: ${producerRate}/s of ${messageSize} B, written once and read ${subscriptionsPerTopic} times, is ${(bytes / 1e9).toFixed(1)} GB/s: more than a link carries; the schedule's debt will grow`,
    );
  if (workload.consumerRate > 0 && workload.consumerRate * topics < producerRate)
    warnings.push(
      `${stem}: consumers take ${workload.consumerRate}/s of each topic and subscription, less than comes: what they have not read in time is not checked`,
    );
  const fillSeconds = backlogFillSeconds(workload);
  if (fillSeconds > LONG_FILL_SECONDS)
    warnings.push(`${stem}: a backlog of ${workload.consumerBacklogSizeGB} GiB takes ${(fillSeconds / 60).toFixed(0)} minutes to build`);
  if (consumerPerSubscription > partitionsPerTopic)
    warnings.push(`${stem}: ${consumerPerSubscription} consumers share ${partitionsPerTopic} partitions: some get none`);
  if (messageSize < STAMP_BYTES)
    warnings.push(`${stem}: messages of ${messageSize} B carry their stamp in a header: about 38 B more each on the wire`);
  return warnings;
}

/** At least: what is owed to each subscription is written once. */
function backlogFillSeconds({ consumerBacklogSizeGB, backlogProducerRate, producerRate, messageSize, subscriptionsPerTopic }: Workload) {
  if (consumerBacklogSizeGB === 0) return 0;
  const rate = backlogProducerRate > 0 ? backlogProducerRate : producerRate;
  return (consumerBacklogSizeGB * 2 ** 30) / (rate * messageSize * subscriptionsPerTopic);
}

/** Bytes of values that a whole run writes, but for what a warm-up takes longer to become steady. 0: the rate is yet to be found. */
export function payloadBytesOf(
  workload: Workload,
  { durationSeconds, warmupSeconds }: Pick<RunOptions, 'durationSeconds' | 'warmupSeconds'>,
): number {
  const { producerRate, warmupProducerRate, messageSize, testDurationMinutes, warmupDurationMinutes } = workload;
  const warmup = (warmupSeconds ?? warmupDurationMinutes * 60) * (warmupProducerRate > 0 ? warmupProducerRate : producerRate);
  const measured = (durationSeconds ?? testDurationMinutes * 60) * producerRate;
  const backlog = (workload.consumerBacklogSizeGB * 2 ** 30) / Math.max(1, workload.subscriptionsPerTopic);
  return (warmup + measured) * messageSize + backlog;
}

const STAMP_BYTES = 32;
const LONG_FILL_SECONDS = 300;
