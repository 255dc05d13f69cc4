// Dials: what a sweep turns, by name, and how a level of one changes what is run. Owner: pure. Not hot.

import { nearestName } from '../formats/nearest-name.ts';
import type { BrokerChoice } from '../contracts/broker-choice.ts';
import type { DriverSettings } from '../contracts/driver-settings.ts';
import type { Workload } from '../contracts/workload.ts';
import type { Cell } from './cell.ts';

type Base = Pick<Cell, 'workload' | 'driver' | 'broker'>;
type Turned = { readonly ok: true; readonly base: Base } | { readonly ok: false; readonly fault: string };
type Turn = (base: Base, level: string) => Turned;

const done = (base: Base): Turned => ({ ok: true, base });
const fault = (text: string): Turned => ({ ok: false, fault: text });

/** Names people use for a dial, to what it is. Anything else is `producer.`, `consumer.`, `topic.`, `broker.` or `workload.` and a name. */
const aliases: Readonly<Record<string, string>> = {
  acks: 'producer.acks',
  'linger.ms': 'producer.linger.ms',
  'batch.size': 'producer.batch.size',
  compression: 'producer.compression.type',
  'compression.type': 'producer.compression.type',
  'max.in.flight': 'producer.max.in.flight.requests.per.connection',
  partitions: 'workload.partitionsPerTopic',
  messageSize: 'workload.messageSize',
  recordSize: 'workload.messageSize',
  rate: 'workload.producerRate',
  producers: 'workload.producersPerTopic',
  consumers: 'workload.consumerPerSubscription',
  topics: 'workload.topics',
  storage: 'topic.ringlog.storage',
  fsync: 'broker.ringlog.fsync',
  commit: 'broker.ringlog.commit',
  listeners: 'broker.ringlog.listeners',
  shards: 'broker.ringlog.shards',
};

const dialNames: readonly string[] = Object.keys(aliases);

const inDriver =
  (block: 'producerConfig' | 'consumerConfig' | 'topicConfig', name: string): Turn =>
  ({ driver, ...rest }, level) =>
    done({ ...rest, driver: { ...driver, [block]: { ...driver[block], [name]: level } } satisfies DriverSettings });

const inBroker =
  (name: string): Turn =>
  ({ broker, ...rest }, level) => {
    if (broker.kind === 'at')
      return fault(`${name} is a setting of the broker, and ${broker.bootstrap} was not started here: leave --bootstrap out`);
    return done({ ...rest, broker: { ...broker, settings: { ...broker.settings, [name]: level } } satisfies BrokerChoice });
  };

/** Where a workload has the one, the other is not looked at. */
const overrulers: Readonly<Record<string, readonly (keyof Workload)[]>> = {
  messageSize: ['messageSizeDistribution'],
  partitionsPerTopic: ['partitionsPerTopicList', 'existingTopicList', 'existingProduceTopicList'],
  producersPerTopic: ['producersPerTopicList'],
  producerRate: ['producerRateList'],
  topics: ['partitionsPerTopicList', 'producersPerTopicList', 'existingTopicList', 'existingProduceTopicList'],
};

/** Whole numbers are what a dial can turn of a workload. */
const inWorkload =
  (name: string): Turn =>
  ({ workload, ...rest }, level) => {
    if (typeof workload[name as keyof Workload] !== 'number') return fault(`workload.${name} is no number of a workload`);
    if (!/^\d+$/.test(level)) return fault(`${name}=${level}: must be a whole number`);
    const overruler = overrulers[name]?.find((other) => workload[other] !== null);
    if (overruler !== undefined) return fault(`${name}=${level} turns nothing: the workload has ${overruler}`);
    return done({ ...rest, workload: { ...workload, [name]: Number(level) } });
  };

/** null: there is no such dial. */
function dialOf(name: string): Turn | null {
  const whole = aliases[name] ?? name;
  const dot = whole.indexOf('.');
  const setting = whole.slice(dot + 1);
  switch (whole.slice(0, Math.max(0, dot))) {
    case 'producer':
      return inDriver('producerConfig', setting);
    case 'consumer':
      return inDriver('consumerConfig', setting);
    case 'topic':
      return inDriver('topicConfig', setting);
    case 'broker':
      return inBroker(setting);
    case 'workload':
      return inWorkload(setting);
    default:
      return null;
  }
}

/** The words of what is wrong with a dial's name, else null. */
export function unknownDial(name: string): string | null {
  if (dialOf(name) !== null) return null;
  const near = nearestName(name, dialNames);
  const known = 'producer.X, consumer.X, topic.X, broker.X and workload.X set any X';
  return `unknown dial '${name}'${near === null ? `; known are ${dialNames.join(', ')}` : `; did you mean '${near}'?`} (${known})`;
}

export type MadeCell = { readonly ok: true; readonly cell: Cell } | { readonly ok: false; readonly fault: string };

export function cellOf(base: Base, levels: Readonly<Record<string, string>>, prefix = ''): MadeCell {
  let turned = base;
  for (const [name, level] of Object.entries(levels)) {
    const turn = dialOf(name);
    const next = turn === null ? fault(unknownDial(name)!) : turn(turned, level);
    if (!next.ok) return next;
    turned = next.base;
  }
  const settings = Object.entries(levels).map(([name, level]) => `${name}=${level}`);
  const id = [...(prefix === '' ? [] : [prefix]), ...settings].join(' ');
  return { ok: true, cell: { ...turned, id, levels, warmupSecondsMin: null } };
}

/** Every combination of the levels, the last dial turning fastest. */
export function crossProduct(dials: Readonly<Record<string, readonly string[]>>): Record<string, string>[] {
  return Object.entries(dials).reduce<Record<string, string>[]>(
    (made, [name, levels]) => made.flatMap((one) => levels.map((level) => ({ ...one, [name]: level }))),
    [{}],
  );
}
