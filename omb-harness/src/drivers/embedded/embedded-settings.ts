// Java's settings in the words of the embedded API: what it knows, and the rest, which is named. Owner: pure. Not hot.

import type { ConsumerOptions } from '../../../../src/embed/consumer-options.ts';
import type { ProducerOptions } from '../../../../src/embed/producer.ts';
import { DriverError } from '../../contracts/driver.ts';

type Given = Readonly<Record<string, string>>;

export interface EmbeddedSettings {
  readonly effective: Given;
  readonly ignored: readonly string[];
}

const producerDefaults: Given = {
  acks: 'all',
  'linger.ms': '0',
  'batch.size': '65536',
  'enable.idempotence': 'true',
  'delivery.timeout.ms': '30000',
};
const consumerDefaults: Given = {
  'auto.offset.reset': 'earliest',
  'enable.auto.commit': 'false',
  'auto.commit.interval.ms': '5000',
  'max.poll.records': '500',
};
const harmless: readonly string[] = ['bootstrap.servers', 'client.id'];
const acksByName: Readonly<Record<string, 'all' | 1 | 0>> = { all: 'all', '-1': 'all', '1': 1, '0': 0 };

/** @throws DriverError */
export function embeddedProducerSettings(given: Given): EmbeddedSettings {
  const settings = take(given, producerDefaults);
  const { acks } = settings.effective;
  if (!Object.hasOwn(acksByName, acks!)) throw new DriverError(`acks=${acks}: must be 0, 1, all or -1`);
  return settings;
}

/** @throws DriverError */
export function embeddedConsumerSettings(given: Given): EmbeddedSettings {
  const settings = take(given, consumerDefaults);
  const reset = settings.effective['auto.offset.reset']!;
  if (reset !== 'earliest' && reset !== 'latest') throw new DriverError(`auto.offset.reset=${reset}: must be earliest or latest`);
  return settings;
}

export function producerOptions(effective: Given): ProducerOptions<Uint8Array, Uint8Array> {
  return {
    acks: acksByName[effective.acks!]!,
    lingerMs: Number(effective['linger.ms']),
    batchBytes: Number(effective['batch.size']),
    idempotent: effective['enable.idempotence'] === 'true',
    deliveryTimeoutMs: Number(effective['delivery.timeout.ms']),
  };
}

export function consumerOptions(effective: Given): Omit<ConsumerOptions<Buffer, Buffer>, 'topics' | 'group'> {
  return {
    from: effective['auto.offset.reset'] as 'earliest' | 'latest',
    commit: effective['enable.auto.commit'] === 'true' ? 'auto' : 'manual',
    commitIntervalMs: Number(effective['auto.commit.interval.ms']),
    maxRecords: Number(effective['max.poll.records']),
  };
}

function take(given: Given, defaults: Given): EmbeddedSettings {
  const effective = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, given[name] ?? value]));
  for (const [name, value] of Object.entries(effective))
    if (/\.(ms|size|records)$/.test(name) && !/^\d+$/.test(value)) throw new DriverError(`${name}=${value}: must be a whole number`);
  return { effective, ignored: Object.keys(given).filter((name) => !Object.hasOwn(defaults, name) && !harmless.includes(name)) };
}
