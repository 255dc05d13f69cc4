// The Java client settings that these clients act on, their defaults, and the rest, which they name: of the TypeScript one, and
// of the native workers, which do more. Owner: pure. Not hot.

import { DriverError } from '../../contracts/driver.ts';

export interface WireSettings {
  readonly effective: Readonly<Record<string, string>>;
  readonly ignored: readonly string[];
}

/** Kafka 4's own defaults, except for what the harness fixes. */
const producerDefaults: Readonly<Record<string, string>> = {
  acks: 'all',
  'linger.ms': '5',
  'batch.size': '16384',
  'max.in.flight.requests.per.connection': '5',
  'buffer.memory': '33554432',
  'request.timeout.ms': '30000',
  'compression.type': 'none',
};
const consumerDefaults: Readonly<Record<string, string>> = {
  'auto.offset.reset': 'earliest',
  'fetch.min.bytes': '1',
  'fetch.max.wait.ms': '500',
  'fetch.max.bytes': '52428800',
  'max.partition.fetch.bytes': '1048576',
};
const nativeProducerDefaults: Readonly<Record<string, string>> = {
  ...producerDefaults,
  'enable.idempotence': 'true',
  'max.request.size': '1048576',
  'delivery.timeout.ms': '120000',
  retries: '2147483647',
  'retry.backoff.ms': '100',
  'compression.gzip.level': '6',
  'partitioner.class': 'default',
};
const nativeConsumerDefaults: Readonly<Record<string, string>> = {
  ...consumerDefaults,
  'isolation.level': 'read_uncommitted',
  'group.protocol': 'classic',
  'partition.assignment.strategy': 'RangeAssignor',
  'session.timeout.ms': '45000',
  'heartbeat.interval.ms': '3000',
  'max.poll.interval.ms': '300000',
  'auto.commit.interval.ms': '5000',
};
/** Idempotence holds for no more than this many requests at a time. */
const IDEMPOTENT_IN_FLIGHT_MAX = 5;
const IN_FLIGHT = 'max.in.flight.requests.per.connection';
/** Java's names, without their package, and what they come to here. */
const partitioners: Readonly<Record<string, string>> = {
  default: 'default',
  DefaultPartitioner: 'default',
  UniformStickyPartitioner: 'default',
  RoundRobinPartitioner: 'RoundRobinPartitioner',
};
/** Not about load, or always so here. */
const harmless: readonly string[] = [
  'bootstrap.servers',
  'client.id',
  'key.serializer',
  'value.serializer',
  'key.deserializer',
  'value.deserializer',
];

export function producerSettings(given: Readonly<Record<string, string>>): WireSettings {
  const settings = take(given, producerDefaults);
  const codec = settings.effective['compression.type'];
  checkAcks(settings.effective.acks!);
  if (codec !== 'none') throw new DriverError(`compression.type=${codec}: this client does not compress; leave it out or use none`);
  if (given['enable.idempotence'] === 'true' || given['transactional.id'] !== undefined)
    throw new DriverError('this client is neither idempotent nor transactional: leave enable.idempotence and transactional.id out');
  for (const name of ['linger.ms', 'batch.size', 'buffer.memory', IN_FLIGHT]) whole(name, settings.effective[name]!);
  return settings;
}

/** @throws DriverError; the codec is the worker's to refuse: which it has depends on how it was built */
export function nativeProducerSettings(given: Readonly<Record<string, string>>): WireSettings {
  const { effective, ignored } = take(given, nativeProducerDefaults);
  checkAcks(effective.acks!);
  if (given['transactional.id'] !== undefined) throw new DriverError('the load is not transactional: leave transactional.id out');
  for (const [name, value] of Object.entries(effective))
    if (/\.(ms|size|memory|level|connection)$|^retries$/.test(name)) whole(name, value);
  const partitioner = partitioners[effective['partitioner.class']!.split('.').at(-1)!];
  if (partitioner === undefined)
    throw new DriverError(`partitioner.class=${effective['partitioner.class']}: known are ${Object.keys(partitioners).join(', ')}`);
  const why = whyNotIdempotent(effective);
  // As Java's: what is not asked for gives way, what is asked for is refused.
  if (why !== null && given['enable.idempotence'] === 'true') throw new DriverError(`enable.idempotence=true needs ${why}`);
  const idempotent = effective['enable.idempotence'] === 'true' && why === null;
  return { effective: { ...effective, 'partitioner.class': partitioner, 'enable.idempotence': String(idempotent) }, ignored };
}

function whyNotIdempotent({ acks, retries, [IN_FLIGHT]: inFlight }: Readonly<Record<string, string>>): string | null {
  if (acks !== 'all' && acks !== '-1') return 'acks=all';
  if (Number(inFlight) > IDEMPOTENT_IN_FLIGHT_MAX) return `${IN_FLIGHT} of ${IDEMPOTENT_IN_FLIGHT_MAX} or less`;
  return retries === '0' ? 'retries' : null;
}

function checkAcks(acks: string): void {
  if (!['0', '1', '-1', 'all'].includes(acks)) throw new DriverError(`acks=${acks}: must be 0, 1, all or -1`);
}

export function nativeConsumerSettings(given: Readonly<Record<string, string>>): WireSettings {
  const settings = checkedConsumer(take(given, nativeConsumerDefaults));
  const { 'group.protocol': protocol, 'partition.assignment.strategy': assignor } = settings.effective;
  if (protocol !== 'classic' && protocol !== 'none')
    throw new DriverError(`group.protocol=${protocol}: must be classic, or none (partitions are assigned by hand, nothing is committed)`);
  if (!assignor!.includes('RangeAssignor')) throw new DriverError(`partition.assignment.strategy=${assignor}: must be RangeAssignor`);
  return settings;
}

export function consumerSettings(given: Readonly<Record<string, string>>): WireSettings {
  return checkedConsumer(take(given, consumerDefaults));
}

function checkedConsumer(settings: WireSettings): WireSettings {
  for (const [name, value] of Object.entries(settings.effective))
    if (name.startsWith('fetch') || name.startsWith('max') || name.endsWith('.ms')) whole(name, value);
  const reset = settings.effective['auto.offset.reset']!;
  if (reset !== 'earliest' && reset !== 'latest') throw new DriverError(`auto.offset.reset=${reset}: must be earliest or latest`);
  return settings;
}

function take(given: Readonly<Record<string, string>>, defaults: Readonly<Record<string, string>>): WireSettings {
  const effective = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, given[name] ?? value]));
  return { effective, ignored: Object.keys(given).filter((name) => !Object.hasOwn(defaults, name) && !harmless.includes(name)) };
}

function whole(name: string, value: string): void {
  if (!/^\d+$/.test(value)) throw new DriverError(`${name}=${value}: must be a whole number`);
}
