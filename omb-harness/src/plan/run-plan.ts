// RunPlan: what a workload and a driver file come to: topics, clients, rates and times of one run. Owner: pure. Not hot.

import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { TopicSpec } from '../contracts/driver.ts';
import type { LoadPlan, PayloadPlan } from '../contracts/load-plan.ts';
import type { Workload } from '../contracts/workload.ts';
import { isColdRead } from '../formats/read-workload.ts';
import { courseOf, meanRate } from '../stats/rate-course.ts';

export interface RunOptions {
  readonly seed: number;
  readonly bootstrap: string;
  /** In place of the workload's minutes. */
  readonly durationSeconds: number | null;
  readonly warmupSeconds: number | null;
  /** Half a minute more than the warm-up, if nothing is said. */
  readonly warmupMaxSeconds?: number | undefined;
  readonly workers?: WorkerChoice;
  /** Partitions of the topics that the workload finds; not given: none was asked for them yet. */
  readonly existing?: Readonly<Record<string, number>>;
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
  /** Topics are used as they are: neither made nor deleted. */
  readonly topicsExist: boolean;
  /** What was there before is read, and nothing is written: until its end, or for the measured time. */
  readonly coldRead: boolean;
  /** How often each record is to be read. */
  readonly subscriptions: number;
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

const STAMP_BYTES = 32;
const LONG_FILL_SECONDS = 300;
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
  const { produced, consumed } = topicsOf(workload, driver, suffix, options.existing ?? {});
  const readNames = new Set(consumed.map(({ name }) => name));
  const writtenNames = new Set(produced.map(({ name }) => name));
  const topics = [...produced, ...consumed.filter(({ name }) => !writtenNames.has(name))];
  const base = baseLoad(workload, driver, payload, lanes, options, topics);
  const warmupSeconds = options.warmupSeconds ?? workload.warmupDurationMinutes * 60;
  const consumers = consumersOf(workload, consumed, suffix);
  return {
    ok: true,
    plan: {
      workload,
      driver,
      runId,
      topics,
      topicsExist: workload.topics === 0,
      coldRead: isColdRead(workload),
      subscriptions: produced.some(({ name }) => readNames.has(name)) ? workload.subscriptionsPerTopic : 0,
      measuredSeconds: durationOf(workload, options),
      warmupSeconds,
      warmupMaxSeconds: Math.max(warmupSeconds, options.warmupMaxSeconds ?? warmupSeconds + STEADY_EXTRA_SECONDS),
      ...workersOf(base, producersOf(workload, produced, readNames), consumers, options.workers),
      warnings: warningsOf(workload, payload, produced, consumed),
    },
  };
}

interface TopicsOfRun {
  readonly produced: readonly TopicSpec[];
  readonly consumed: readonly TopicSpec[];
}

function topicsOf(workload: Workload, driver: DriverSettings, suffix: string, existing: Readonly<Record<string, number>>): TopicsOfRun {
  const spec = (name: string, partitions: number): TopicSpec => {
    return { name, partitions, replicationFactor: driver.replicationFactor, configs: driver.topicConfig };
  };
  const found = (names: readonly string[]): TopicSpec[] => names.map((name) => spec(name, existing[name] ?? 1));
  const { topics, existingTopicList, existingProduceTopicList, existingConsumeTopicList } = workload;
  const made = Array.from({ length: topics }, (_, i) =>
    spec(`test-topic-${String(i).padStart(7, '0')}${suffix}`, workload.partitionsPerTopicList?.[i] ?? workload.partitionsPerTopic),
  );
  const both = [...made, ...found(existingTopicList ?? [])];
  return {
    produced: isColdRead(workload) ? [] : [...both, ...found(existingProduceTopicList ?? [])],
    consumed: [...both, ...found(existingConsumeTopicList ?? [])],
  };
}

/** Names of topics that must be there. */
export function existingTopics({ existingTopicList, existingProduceTopicList, existingConsumeTopicList }: Workload): readonly string[] {
  return [...new Set([...(existingTopicList ?? []), ...(existingProduceTopicList ?? []), ...(existingConsumeTopicList ?? [])])];
}

/** At the rate to come, before it is measured. */
export function separationSeconds({ warmupProducerRate, warmupProducerRateSeparationMinutes }: Workload): number {
  return warmupProducerRate > 0 ? Math.max(0, warmupProducerRateSeparationMinutes) * 60 : 0;
}

function durationOf({ testDurationMinutes }: Workload, { durationSeconds }: Pick<RunOptions, 'durationSeconds'>): number {
  return durationSeconds ?? testDurationMinutes * 60;
}

/** What cannot be run: said before anything starts. */
function notRunnable(workload: Workload, options: RunOptions): string[] {
  const errors: string[] = [];
  if (workload.testDurationMinutes <= 0 && options.durationSeconds === null && !workload.consumerOnly)
    errors.push(`${workload.stem}: testDurationMinutes ${workload.testDurationMinutes} is a run without end; give --duration-seconds`);
  else if (!workload.consumerOnly && workload.producerRateList !== null && measuredRecords(workload, durationOf(workload, options)) < 1)
    errors.push(`${workload.stem}: nothing is due by producerRateList in the measured time`);
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
    startsPaused: isColdRead(workload),
    sharedTopics: workload.topics === 0,
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

function producersOf(workload: Workload, topics: readonly TopicSpec[], read: ReadonlySet<string>): LoadPlan['producers'] {
  // Topic by topic in turn, so that the round of the load goes over all topics.
  const count = (topic: number): number => workload.producersPerTopicList?.[topic] ?? workload.producersPerTopic;
  const rounds = Math.max(0, ...topics.map((_, topic) => count(topic)));
  const producers: LoadPlan['producers'][number][] = [];
  let firstLane = 0;
  for (let round = 0; round < rounds; round++)
    for (const [i, { name, partitions }] of topics.entries()) {
      if (round >= count(i)) continue;
      producers.push({ producerId: producers.length, topic: name, firstLane, isRead: read.has(name) });
      firstLane += partitions;
    }
  return producers;
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

function warningsOf(workload: Workload, payload: PayloadPlan, produced: readonly TopicSpec[], consumed: readonly TopicSpec[]): string[] {
  const { stem, messageSize, subscriptionsPerTopic, consumerPerSubscription } = workload;
  const producerRate = peakRate(workload);
  const warnings: string[] = [];
  const bytes = producerRate * messageSize * (1 + subscriptionsPerTopic);
  if (bytes > LINK_BYTES_PER_SECOND)
    warnings.push(
      `${stem}: ${producerRate}/s of ${messageSize} B, written once and read ${subscriptionsPerTopic} times, is ${(bytes / 1e9).toFixed(1)} GB/s: more than a link carries; the schedule's debt will grow`,
    );
  if (workload.consumerRate > 0 && workload.consumerRate * consumed.length < producerRate)
    warnings.push(
      `${stem}: consumers take ${workload.consumerRate}/s of each topic and subscription, less than comes: what they have not read in time is not checked`,
    );
  const fillSeconds = backlogFillSeconds(workload);
  if (fillSeconds > LONG_FILL_SECONDS)
    warnings.push(`${stem}: a backlog of ${workload.consumerBacklogSizeGB} GiB takes ${(fillSeconds / 60).toFixed(0)} minutes to build`);
  const fewest = Math.min(...consumed.map(({ partitions }) => partitions));
  if (workload.topics > 0 && consumerPerSubscription > fewest)
    warnings.push(`${stem}: ${consumerPerSubscription} consumers share ${fewest} partitions: some get none`);
  if (payload.stampIn === 'header' && !isColdRead(workload))
    warnings.push(`${stem}: messages of less than ${STAMP_BYTES} B carry their stamp in a header: about 38 B more each on the wire`);
  if (workload.topics === 0 && !isColdRead(workload))
    warnings.push(
      `${stem}: topics that were there before: what is in them is read first (and counted as foreign) unless auto.offset.reset is latest`,
    );
  const names = new Set(consumed.map(({ name }) => name));
  const unread = produced.filter(({ name }) => !names.has(name));
  if (isColdRead(workload))
    warnings.push(
      `${stem}: nothing is written: what is read was there before, and is counted, but carries no time and no sequence to check`,
    );
  else if (unread.length > 0)
    warnings.push(`${stem}: nobody reads what is written to ${unread.map(({ name }) => name).join(', ')}: it is not checked`);
  return warnings;
}

/** At least: what is owed to each subscription is written once. */
function backlogFillSeconds({ consumerBacklogSizeGB, backlogProducerRate, producerRate, messageSize, subscriptionsPerTopic }: Workload) {
  if (consumerBacklogSizeGB === 0) return 0;
  const rate = backlogProducerRate > 0 ? backlogProducerRate : producerRate;
  return (consumerBacklogSizeGB * 2 ** 30) / (rate * messageSize * subscriptionsPerTopic);
}

function peakRate({ producerRate, producerRateList }: Workload): number {
  return producerRateList === null ? producerRate : Math.max(...producerRateList.points.map(({ ratePerSecond }) => ratePerSecond));
}

/** Records of the measured time; at most, where they go by the clock. */
function measuredRecords(workload: Workload, seconds: number): number {
  const { producerRateList } = workload;
  if (workload.consumerOnly) return 0;
  if (producerRateList?.since !== 'beginning') return peakRate(workload) * seconds;
  return meanRate(courseOf(producerRateList, 0, seconds), seconds) * seconds;
}

/** Bytes of values that a whole run writes, but for what a warm-up takes longer to become steady. 0: the rate is yet to be found. */
export function payloadBytesOf(
  workload: Workload,
  { durationSeconds, warmupSeconds }: Pick<RunOptions, 'durationSeconds' | 'warmupSeconds'>,
): number {
  if (isColdRead(workload)) return 0;
  const { warmupProducerRate, messageSize, testDurationMinutes, warmupDurationMinutes } = workload;
  const rate = peakRate(workload);
  const parting = separationSeconds(workload) * rate;
  const warmup = (warmupSeconds ?? warmupDurationMinutes * 60) * (warmupProducerRate > 0 ? warmupProducerRate : rate) + parting;
  const measured = measuredRecords(workload, durationSeconds ?? testDurationMinutes * 60);
  const backlog = (workload.consumerBacklogSizeGB * 2 ** 30) / Math.max(1, workload.subscriptionsPerTopic);
  return (warmup + measured) * messageSize + backlog;
}
