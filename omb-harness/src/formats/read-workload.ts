// Reads an OMB workload file: upstream's fields and those of the forks people's files come from. Owner: pure. Not hot.

import type { KeyDistribution, RateList, SizeWeight, Workload } from '../contracts/workload.ts';
import { meanSizeOf, SIZE_UNITS } from './message-sizes.ts';
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
const NO_RATES = null as RateList | null;

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
  const { messageSizeDistribution: sizes } = fields;
  const workload: Workload = {
    ...{ stem, ...fields, name: fields.name === '' ? stem : fields.name, sampleRateMillis: interval },
    messageSize: sizes === null ? fields.messageSize : meanSizeOf(sizes),
  };
  const errors = [...contradictions(workload), ...topicFaults(workload), ...rateFaults(workload)].map((fault) => `${file}: ${fault}`);
  if (errors.length > 0) return { ok: false, errors };
  const effective = disputed.filter(({ field }) => !read.given.has(field));
  const notices = effective.map(
    ({ field, elsewhere }) => `${file}: ${field} is not given: ${String(workload[field as keyof Workload])} here, ${elsewhere}`,
  );
  return {
    ok: true,
    workload,
    notices: [...read.notices, ...notices, ...overruled(workload, read.given).map((text) => `${file}: ${text}`)],
  };
}

function contradictions(workload: Workload): string[] {
  const faults: string[] = [];
  if (workload.messageSize === 0 && workload.messageSizeDistribution === null && !isColdRead(workload))
    faults.push('messageSize must be at least 1');
  if (workload.producersPerTopic === 0 && workload.producersPerTopicList === null && !isColdRead(workload))
    faults.push('producersPerTopic must be at least 1');
  if (workload.subscriptionsPerTopic > 0 && workload.consumerPerSubscription === 0)
    faults.push('consumerPerSubscription must be at least 1 where there are subscriptions');
  if (workload.consumerBacklogSizeGB > 0 && workload.subscriptionsPerTopic === 0)
    faults.push('consumerBacklogSizeGB needs a subscription: nobody would owe it');
  if (workload.consumerBacklogSizeGB > 0 && workload.backlogProducerRate === 0) faults.push('backlogProducerRate 0 builds no backlog');
  if (workload.consumerRate === 0) faults.push('consumerRate 0 consumes nothing: leave the subscriptions out');
  if (workload.useRandomizedPayloads && workload.randomizedPayloadPoolSize === 0)
    faults.push('useRandomizedPayloads needs a randomizedPayloadPoolSize of at least 1');
  return faults;
}

/** Topics are made, or they are there: never both. */
function topicFaults(workload: Workload): string[] {
  const { topics, existingTopicList: both, existingProduceTopicList: produce, existingConsumeTopicList: consume } = workload;
  const faults: string[] = [];
  const written = [...(both ?? []), ...(produce ?? [])];
  const read = [...(both ?? []), ...(consume ?? [])];
  const listed = [...written, ...read];
  if (listed.length > 0 && topics > 0) faults.push('topics must be 0 where existing topics are listed: they are used as they are');
  if (listed.length === 0 && topics === 0) faults.push('topics must be at least 1');
  if (new Set(written).size < written.length || new Set(read).size < read.length)
    faults.push('an existing topic is listed twice for one way');
  if (both === null && (produce === null) !== (consume === null) && !isColdRead(workload))
    faults.push('existingProduceTopicList and existingConsumeTopicList go together; existingTopicList is for both ways');
  if (topics > 0 && workload.partitionsPerTopic === 0 && workload.partitionsPerTopicList === null)
    faults.push('partitionsPerTopic must be at least 1');
  const produced = topics + written.length;
  for (const [name, list, due] of [
    ['partitionsPerTopicList', workload.partitionsPerTopicList, topics],
    ['producersPerTopicList', workload.producersPerTopicList, produced],
  ] as const)
    if (list !== null && list.length !== due)
      faults.push(`${name} has ${list.length} entries for ${due} topics: it must have one for each`);
  return faults;
}

/** What was there before is read, and nothing is written. */
export function isColdRead({ consumerOnly, consumerBacklogSizeGB, topics }: Workload): boolean {
  return consumerOnly && consumerBacklogSizeGB === 0 && topics === 0;
}

function rateFaults(workload: Workload): string[] {
  const { consumerBacklogSizeGB, producerRate, producerRateList, consumerOnly } = workload;
  const faults: string[] = [];
  if (consumerBacklogSizeGB > 0 && producerRateList !== null)
    faults.push(
      'consumerBacklogSizeGB and producerRateList exclude each other: give producerRate, and backlogProducerRate or drainProducerRate',
    );
  else if (consumerBacklogSizeGB > 0 && producerRate === 0)
    faults.push('consumerBacklogSizeGB needs a producerRate: a backlog cannot be built while the highest rate is looked for');
  const { topics, existingTopicList: both, existingProduceTopicList: produce, existingConsumeTopicList: consume } = workload;
  if (consumerBacklogSizeGB > 0 && topics === 0 && both === null && !(produce ?? []).some((name) => (consume ?? []).includes(name)))
    faults.push('consumerBacklogSizeGB needs topics that are written and read: name them in existingTopicList');
  if (consumerOnly && consumerBacklogSizeGB === 0 && topics > 0)
    faults.push(
      'consumerOnly needs consumerBacklogSizeGB where topics are made: there is nothing in them to read; or name topics that have records in existingConsumeTopicList',
    );
  if (isColdRead(workload) && workload.subscriptionsPerTopic === 0) faults.push('consumerOnly needs a subscription: nobody would read');
  return faults;
}

/** Fields that another one takes the place of. */
function overruled(workload: Workload, given: ReadonlySet<string>): string[] {
  const notices: string[] = [];
  const overrules = (which: string, others: readonly string[]): void => {
    for (const other of others) if (given.has(other)) notices.push(`${which} is given: ${other} is passed over`);
  };
  if (workload.messageSizeDistribution !== null) overrules('messageSizeDistribution', ['messageSize', 'payloadFile']);
  if (workload.partitionsPerTopicList !== null) overrules('partitionsPerTopicList', ['partitionsPerTopic']);
  if (workload.producersPerTopicList !== null) overrules('producersPerTopicList', ['producersPerTopic']);
  if (workload.producerRateList !== null && workload.producerRate > 0) overrules('producerRateList', ['producerRate']);
  if (isColdRead(workload))
    overrules('consumerOnly without a backlog', ['producerRate', 'producerRateList', 'warmupDurationMinutes', 'existingProduceTopicList']);
  else if (workload.consumerOnly) overrules('consumerOnly', ['testDurationMinutes', 'drainProducerRate']);
  if (workload.topics === 0) overrules('existingTopicList', ['partitionsPerTopic']);
  if (workload.warmupProducerRateSeparationMinutes > 0 && workload.warmupProducerRate <= 0)
    notices.push('warmupProducerRateSeparationMinutes parts nothing: warmupProducerRate is not given');
  return notices;
}

/** `0-256: 4`, `1KB-4KB: 1`: a range of bytes to its weight. */
function readSizes(value: unknown): { value: readonly SizeWeight[] } | { fault: string } {
  const fault = { fault: `must map ranges of bytes to weights, as '0-256: 4' or '1KB-4KB: 1', not ${JSON.stringify(value)}` };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault;
  const sizes: SizeWeight[] = [];
  for (const [range, weight] of Object.entries(value)) {
    const match = /^(\d+) *([km]?b)? *(?:- *(\d+) *([km]?b)?)?$/i.exec(range.trim());
    if (match === null || typeof weight !== 'number' || !(weight >= 0) || weight === Infinity) return fault;
    const [, from, fromUnit, to, toUnit] = match;
    const minBytes = Number(from) * SIZE_UNITS[(fromUnit ?? 'b').toLowerCase()]!;
    const maxBytes = to === undefined ? minBytes : Number(to) * SIZE_UNITS[(toUnit ?? 'b').toLowerCase()]!;
    if (maxBytes < minBytes) return fault;
    sizes.push({ minBytes, maxBytes, weight });
  }
  return sizes.some(({ weight }) => weight > 0) ? { value: sizes } : fault;
}

/** AutoMQ: [minute, rate] since the beginning, or [hour, minute, rate] by the clock; all of one kind. */
function readRates(value: unknown): { value: RateList } | { fault: string } {
  const fault = { fault: `must be a list of [minute, rate] or of [hour, minute, rate], not ${JSON.stringify(value)}` };
  if (!Array.isArray(value) || value.length === 0) return fault;
  const points: RateList['points'][number][] = [];
  const width = Array.isArray(value[0]) ? value[0].length : 0;
  if (width !== 2 && width !== 3) return fault;
  for (const entry of value as unknown[]) {
    if (!Array.isArray(entry) || entry.length !== width) return fault;
    const numbers = entry as unknown[];
    if (!numbers.every((number) => Number.isSafeInteger(number) && (number as number) >= 0)) return fault;
    const [hour, minutes, ratePerSecond] = (width === 3 ? numbers : [0, ...numbers]) as [number, number, number];
    if (width === 3 && (hour > 23 || minutes > 59)) return { fault: `has ${hour}:${minutes}, which is no time of a day` };
    const minute = hour * 60 + minutes;
    if (points.length > 0 && minute <= points.at(-1)!.minute) return { fault: 'must rise in time from entry to entry' };
    points.push({ minute, ratePerSecond });
  }
  if (points.every(({ ratePerSecond }) => ratePerSecond === 0)) return { fault: 'is 0 throughout' };
  return { value: { since: width === 3 ? 'midnight' : 'beginning', points } };
}
