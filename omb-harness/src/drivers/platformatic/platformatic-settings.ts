// Java's settings in the words of @platformatic/kafka: what it knows, and the rest, which is named. Owner: pure. Not hot.

import { DriverError } from '../../contracts/driver.ts';

type Given = Readonly<Record<string, string>>;

export interface LibrarySettings {
  readonly effective: Readonly<Record<string, string>>;
  readonly ignored: readonly string[];
}

const producerDefaults: Given = {
  acks: 'all',
  'linger.ms': '5',
  'batch.size': '16384',
  'max.in.flight.requests.per.connection': '5',
  'buffer.memory': '33554432',
  'compression.type': 'none',
  'enable.idempotence': 'false',
  'request.timeout.ms': '30000',
  retries: '3',
};

const consumerDefaults: Given = {
  'auto.offset.reset': 'earliest',
  'enable.auto.commit': 'false',
  'auto.commit.interval.ms': '5000',
  'fetch.min.bytes': '1',
  'fetch.max.wait.ms': '500',
  'fetch.max.bytes': '52428800',
  'max.partition.fetch.bytes': '1048576',
  'isolation.level': 'read_uncommitted',
  'session.timeout.ms': '60000',
  'heartbeat.interval.ms': '3000',
};

const harmless: readonly string[] = ['bootstrap.servers', 'client.id'];
const acksByName: Readonly<Record<string, number>> = { all: -1, '-1': -1, '1': 1, '0': 0 };
const isolationByName: Readonly<Record<string, number>> = { read_uncommitted: 0, read_committed: 1 };

/** @throws DriverError */
export function libraryProducerSettings(given: Given): LibrarySettings {
  const settings = take(given, producerDefaults);
  chosen('acks', settings.effective.acks!, acksByName);
  if (settings.effective['enable.idempotence'] === 'true' && acksByName[settings.effective.acks!] !== -1)
    throw new DriverError('enable.idempotence=true needs acks=all');
  return settings;
}

/** @throws DriverError */
export function libraryConsumerSettings(given: Given): LibrarySettings {
  const settings = take(given, consumerDefaults);
  chosen('isolation.level', settings.effective['isolation.level']!, isolationByName);
  chosen('auto.offset.reset', settings.effective['auto.offset.reset']!, { earliest: 0, latest: 1 });
  return settings;
}

export function producerOptions(effective: Given): object {
  return {
    acks: acksByName[effective.acks!],
    idempotent: effective['enable.idempotence'] === 'true',
    compression: effective['compression.type'],
    timeout: Number(effective['request.timeout.ms']),
    retries: Number(effective.retries),
    maxInflights: Number(effective['max.in.flight.requests.per.connection']),
  };
}

export function consumerOptions(effective: Given): object {
  const interval = Number(effective['auto.commit.interval.ms']);
  return {
    mode: 'committed',
    fallbackMode: effective['auto.offset.reset'],
    autocommit: effective['enable.auto.commit'] === 'true' ? interval : false,
    minBytes: Number(effective['fetch.min.bytes']),
    maxWaitTime: Number(effective['fetch.max.wait.ms']),
    maxBytes: Number(effective['fetch.max.bytes']),
    maxBytesPerPartition: Number(effective['max.partition.fetch.bytes']),
    isolationLevel: isolationByName[effective['isolation.level']!],
    sessionTimeout: Number(effective['session.timeout.ms']),
    heartbeatInterval: Number(effective['heartbeat.interval.ms']),
  };
}

function take(given: Given, defaults: Given): LibrarySettings {
  const effective = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, given[name] ?? value]));
  for (const [name, value] of Object.entries(effective))
    if (/\.(ms|bytes|size|memory|connection)$|^retries$/.test(name) && !/^\d+$/.test(value))
      throw new DriverError(`${name}=${value}: must be a whole number`);
  return { effective, ignored: Object.keys(given).filter((name) => !Object.hasOwn(defaults, name) && !harmless.includes(name)) };
}

function chosen(name: string, value: string, known: Readonly<Record<string, number>>): void {
  if (!Object.hasOwn(known, value)) throw new DriverError(`${name}=${value}: must be ${Object.keys(known).join(', ')}`);
}
