// OMB's stock Kafka drivers by name, as their files would read. Owner: pure. Not hot.

const MIB = 1_048_576;
const codecs = ['gzip', 'lz4', 'snappy', 'zstd'] as const;
const bigger = { 'max.request.size': 4 * MIB };

interface Dials {
  readonly lingerMs: number;
  readonly batchBytes: number;
  readonly producer?: Readonly<Record<string, string | number>>;
  readonly common?: Readonly<Record<string, string | number>>;
  readonly topic?: Readonly<Record<string, string | number>>;
}

const TWENTY_MINUTES_MS = 1_200_000;

const stock: Readonly<Record<string, Dials>> = {
  'kafka-throughput': {
    ...{ lingerMs: 1, batchBytes: MIB },
    common: { 'request.timeout.ms': TWENTY_MINUTES_MS, 'default.api.timeout.ms': TWENTY_MINUTES_MS },
  },
  'kafka-latency': { lingerMs: 1, batchBytes: MIB / 8 },
  'kafka-no-linger': { lingerMs: 0, batchBytes: MIB },
  'kafka-sync': { lingerMs: 1, batchBytes: MIB, topic: { 'flush.messages': 1, 'flush.ms': 0 } },
  'kafka-exactly-once': { lingerMs: 1, batchBytes: MIB, producer: { 'enable.idempotence': 'true' } },
  'kafka-big-batches': { lingerMs: 100, batchBytes: MIB, producer: bigger },
  ...Object.fromEntries(
    codecs.flatMap((codec) => [
      [`kafka-compression-${codec}`, { lingerMs: 1, batchBytes: MIB, producer: { 'compression.type': codec } }],
      [`kafka-big-batches-${codec}`, { lingerMs: 200, batchBytes: MIB, producer: { ...bigger, 'compression.type': codec } }],
    ]),
  ),
};

export const stockDriverNames: readonly string[] = Object.keys(stock);

/** As its file would read; null: there is none of that name. */
export function stockDriver(stem: string): string | null {
  if (!Object.hasOwn(stock, stem)) return null;
  const { lingerMs, batchBytes, producer, common, topic } = stock[stem]!;
  const block = (name: string, settings: object): string =>
    `${name}: |\n${Object.entries(settings)
      .map(([key, value]) => `  ${key}=${String(value)}\n`)
      .join('')}`;
  return [
    `name: ${stem}\ndriverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver\nreplicationFactor: 3\n`,
    block('topicConfig', { 'min.insync.replicas': 2, ...topic }),
    // Which system is meant is said on the command line.
    common === undefined ? "commonConfig: ''\n" : block('commonConfig', common),
    block('producerConfig', { acks: 'all', 'linger.ms': lingerMs, 'batch.size': batchBytes, ...producer }),
    block('consumerConfig', {
      'auto.offset.reset': 'earliest',
      'enable.auto.commit': 'false',
      'max.partition.fetch.bytes': 10 * MIB,
    }),
  ].join('');
}
