// The Java client settings that this client acts on, their defaults, and the rest, which it names. Owner: pure. Not hot.

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
  const { acks, 'compression.type': codec } = settings.effective;
  if (!['0', '1', '-1', 'all'].includes(acks!)) throw new DriverError(`acks=${acks}: must be 0, 1, all or -1`);
  if (codec !== 'none') throw new DriverError(`compression.type=${codec}: this client does not compress; leave it out or use none`);
  if (given['enable.idempotence'] === 'true' || given['transactional.id'] !== undefined)
    throw new DriverError('this client is neither idempotent nor transactional: leave enable.idempotence and transactional.id out');
  const { 'linger.ms': linger, 'batch.size': batch, 'buffer.memory': memory } = settings.effective;
  for (const [name, value] of [
    ['linger.ms', linger],
    ['batch.size', batch],
    ['buffer.memory', memory],
    ['max.in.flight.requests.per.connection', settings.effective['max.in.flight.requests.per.connection']],
  ] as const)
    whole(name, value!);
  return settings;
}

export function consumerSettings(given: Readonly<Record<string, string>>): WireSettings {
  const settings = take(given, consumerDefaults);
  for (const [name, value] of Object.entries(settings.effective))
    if (name.startsWith('fetch') || name.startsWith('max')) whole(name, value);
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
