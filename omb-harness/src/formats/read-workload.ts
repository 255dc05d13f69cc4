// Reads an OMB workload file: upstream's fields and those of the forks people's files come from. Owner: pure. Not hot.

import type { KeyDistribution, RateStep, SizeWeight, Workload } from '../contracts/workload.ts';
import { type Field, type FieldTable, flag, fromZero, listOf, oneOf, ratio, readFields, text, wholeNumber } from './read-fields.ts';

export type ReadWorkload =
  | { readonly ok: true; readonly workload: Workload; readonly notices: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[] };

const keyDistributions: readonly KeyDistribution[] = ['NO_KEY', 'KEY_ROUND_ROBIN', 'RANDOM_NANO'];
const topicNames = () => listOf('topic names', (value) => (typeof value === 'string' ? value : null));
const counts = () => listOf('whole numbers', (value) => (Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null));
/** -1: not set. */
const optionalRate = (): Field<number> => wholeNumber(-1, -1);

const NO_DISTRIBUTION = null as readonly SizeWeight[] | null;
const NO_RATES = null as readonly RateStep[] | null;

type FileFields = Omit<Workload, 'stem' | 'sampleRateMillis'> & {
  sampleRateMillis: number;
  logIntervalMillis: number;
};

const table: FieldTable<FileFields> = {
  name: text(''),
  topics: wholeNumber(0),
  partitionsPerTopic: wholeNumber(0),
  partitionsPerTopicList: counts(),
  keyDistributor: oneOf(keyDistributions, 'NO_KEY'),
  messageSize: wholeNumber(0),
  messageSizeDistribution: { fallback: NO_DISTRIBUTION, read: readSizes },
  useRandomizedPayloads: flag(false),
  randomBytesRatio: ratio(0),
  randomizedPayloadPoolSize: wholeNumber(0),
  payloadFile: text(null),
  subscriptionsPerTopic: wholeNumber(0),
  producersPerTopic: wholeNumber(0),
  producersPerTopicList: counts(),
  consumerPerSubscription: wholeNumber(0),
  producerRate: wholeNumber(0),
  producerRateList: { fallback: NO_RATES, read: readRates },
  consumerRate: optionalRate(),
  consumerBacklogSizeGB: fromZero(0),
  backlogDrainRatio: ratio(1),
  backlogProducerRate: optionalRate(),
  drainProducerRate: optionalRate(),
  testDurationMinutes: wholeNumber(0, -1),
  warmupDurationMinutes: wholeNumber(1),
  warmupProducerRate: optionalRate(),
  warmupProducerRateSeparationMinutes: optionalRate(),
  sampleRateMillis: wholeNumber(10_000, 1),
  logIntervalMillis: wholeNumber(10_000, 1),
  existingTopicList: topicNames(),
  existingProduceTopicList: topicNames(),
  existingConsumeTopicList: topicNames(),
  consumerOnly: flag(false),
  randomTopicNames: flag(true),
};

/** Fields that forks default differently: the same file is not the same test there, so what holds here is printed. */
const disputed: readonly { readonly field: keyof FileFields; readonly elsewhere: string }[] = [
  { field: 'warmupDurationMinutes', elsewhere: '30 in the Redpanda and Vanlightly forks' },
  { field: 'sampleRateMillis', elsewhere: 'a fixed 10 s upstream' },
  { field: 'randomTopicNames', elsewhere: 'only the AutoMQ fork has it' },
];

/** @param file its path, for messages; @param stem its name without folder and ending */
export function readWorkload(file: string, stem: string, yaml: string, lenient: boolean): ReadWorkload {
  const read = readFields<FileFields>(file, yaml, table, lenient);
  if (!read.ok) return read;
  const { logIntervalMillis, sampleRateMillis, ...fields } = read.fields;
  const interval = read.given.has('logIntervalMillis') && !read.given.has('sampleRateMillis') ? logIntervalMillis : sampleRateMillis;
  const workload: Workload = { stem, ...fields, name: fields.name === '' ? stem : fields.name, sampleRateMillis: interval };
  const errors = contradictions(workload).map((fault) => `${file}: ${fault}`);
  if (errors.length > 0) return { ok: false, errors };
  const effective = disputed.filter(({ field }) => !read.given.has(field));
  const notices = effective.map(
    ({ field, elsewhere }) => `${file}: ${field} is not given: ${String(workload[field as keyof Workload])} here, ${elsewhere}`,
  );
  return { ok: true, workload, notices: [...read.notices, ...notices] };
}

function contradictions(workload: Workload): string[] {
  const faults: string[] = [];
  const existing = workload.existingTopicList ?? workload.existingProduceTopicList;
  if (workload.topics === 0 && existing === null) faults.push('topics must be at least 1');
  if (workload.topics > 0 && workload.partitionsPerTopic === 0 && workload.partitionsPerTopicList === null)
    faults.push('partitionsPerTopic must be at least 1');
  if (workload.messageSize === 0 && workload.messageSizeDistribution === null) faults.push('messageSize must be at least 1');
  if (workload.producersPerTopic === 0 && workload.producersPerTopicList === null && !workload.consumerOnly)
    faults.push('producersPerTopic must be at least 1');
  if (workload.subscriptionsPerTopic > 0 && workload.consumerPerSubscription === 0)
    faults.push('consumerPerSubscription must be at least 1 where there are subscriptions');
  if (workload.consumerBacklogSizeGB > 0 && workload.producerRate === 0)
    faults.push('consumerBacklogSizeGB needs a producerRate: a backlog cannot be built while the highest rate is looked for');
  if (workload.consumerBacklogSizeGB > 0 && workload.subscriptionsPerTopic === 0)
    faults.push('consumerBacklogSizeGB needs a subscription: nobody would owe it');
  if (workload.consumerBacklogSizeGB > 0 && workload.backlogProducerRate === 0) faults.push('backlogProducerRate 0 builds no backlog');
  if (workload.consumerRate === 0) faults.push('consumerRate 0 consumes nothing: leave the subscriptions out');
  if (workload.useRandomizedPayloads && workload.randomizedPayloadPoolSize === 0)
    faults.push('useRandomizedPayloads needs a randomizedPayloadPoolSize of at least 1');
  return faults;
}

/** `0-256: 4`, `1024-2048: 1`: a range of bytes to its weight. */
function readSizes(value: unknown): { value: readonly SizeWeight[] } | { fault: string } {
  const fault = { fault: `must map ranges of bytes to weights, as '0-256: 4', not ${JSON.stringify(value)}` };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault;
  const sizes: SizeWeight[] = [];
  for (const [range, weight] of Object.entries(value)) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match === null || typeof weight !== 'number' || !(weight >= 0)) return fault;
    const minBytes = Number(match[1]);
    const maxBytes = Number(match[2] ?? match[1]);
    if (maxBytes < minBytes) return fault;
    sizes.push({ minBytes, maxBytes, weight });
  }
  return sizes.some(({ weight }) => weight > 0) ? { value: sizes } : fault;
}

/** AutoMQ: [minute, rate] or [hour, minute, rate], from then on. */
function readRates(value: unknown): { value: readonly RateStep[] } | { fault: string } {
  const fault = { fault: `must be a list of [minute, rate] or [hour, minute, rate], not ${JSON.stringify(value)}` };
  if (!Array.isArray(value)) return fault;
  const steps: RateStep[] = [];
  for (const entry of value as unknown[]) {
    if (!Array.isArray(entry) || (entry.length !== 2 && entry.length !== 3)) return fault;
    const numbers = entry as unknown[];
    if (!numbers.every((number) => Number.isSafeInteger(number) && (number as number) >= 0)) return fault;
    const [hour, minute, ratePerSecond] = (numbers.length === 3 ? numbers : [0, ...numbers]) as [number, number, number];
    const fromMinute = hour * 60 + minute;
    if (steps.length > 0 && fromMinute <= steps.at(-1)!.fromMinute) return { fault: 'must rise in time from entry to entry' };
    steps.push({ fromMinute, ratePerSecond });
  }
  return steps.length > 0 ? { value: steps } : fault;
}
