// The stock families: every name is a file the strict reader takes, and what the name says is what it asks for.
import { expect, test } from 'vitest';
import { loadDriver, loadPayload, loadWorkload, shippedIn } from '../../src/cli/bench-files.ts';
import { stockDriver, stockDriverNames } from '../../src/formats/stock-drivers.ts';
import { stockWorkload, stockWorkloadNames } from '../../src/formats/stock-workloads.ts';

test('there are as many as upstream has, none twice, none in the way of ours, and the strict reader takes all', () => {
  expect(stockWorkloadNames).toHaveLength(130);
  expect(new Set(stockWorkloadNames).size).toBe(130);
  for (const name of shippedIn('workloads')) expect(stockWorkloadNames).not.toContain(name);
  for (const name of stockWorkloadNames) {
    const { value } = loadWorkload(name, false);
    expect(value).toMatchObject({ stem: name, name });
    expect(value.messageSize).toBe(name.includes('64kb') ? 65536 : name.includes('100b') ? 100 : 1024);
    expect(value.useRandomizedPayloads).toBe(value.payloadFile === null);
  }
  expect(stockWorkload('simple')).toBeNull();
  expect(() => loadWorkload('1-topic-1-partition-2kb', false)).toThrow('did you mean 1-topic-1-partition-1kb?');
});

test.each([
  ['simple-workload', { partitionsPerTopic: 10, producerRate: 10_000, payloadFile: 'payload/payload-1Kb.data', testDurationMinutes: 5 }],
  ['1-topic-3-partition-100b-3producers', { partitionsPerTopic: 3, producersPerTopic: 3, producerRate: 0, testDurationMinutes: 15 }],
  ['100-topics-1-partitions-1kb', { topics: 100, subscriptionsPerTopic: 3, producerRate: 150_000, testDurationMinutes: 240 }],
  ['1-topic-10000-partitions-1kb-4p-4c-500k', { partitionsPerTopic: 10_000, producerRate: 500_000, producersPerTopic: 4 }],
  ['1-topic-100-partitions-1kb-4p-4c-200k-backlog', { consumerBacklogSizeGB: 512, producerRate: 200_000 }],
  ['600k-topic-1kb-4p-4c-600k', { topics: 600_000, producerRate: 500_000, consumerPerSubscription: 4 }],
  ['1m-topic-1kb-4p-4c-2000k', { topics: 1_000_000, producerRate: 2_000_000 }],
  ['1m-10-topics-1-partition-100b', { topics: 10, partitionsPerTopic: 1, producerRate: 1_000_000, randomBytesRatio: 0.5 }],
  ['1m-10-topics-16-partitions-100b', { topics: 10, partitionsPerTopic: 16 }],
  ['max-rate-1-topic-16-partitions-1kb', { producerRate: 0, partitionsPerTopic: 16, producersPerTopic: 1 }],
  ['max-rate-1-topic-40-partitions-40p-40c-64kb', { producersPerTopic: 40, consumerPerSubscription: 40, randomizedPayloadPoolSize: 100 }],
  ['max-rate-30-topics-1-partition-1kb', { topics: 30, payloadFile: 'payload/payload-1Kb.data', producerRate: 10_000_000 }],
  ['max-rate-1-topic-1-partition-4p-1c-1kb', { producersPerTopic: 4, consumerPerSubscription: 1 }],
])('%s is what its name says', (name, fields) => {
  expect(loadWorkload(name, false).value).toMatchObject(fields);
});

test('the stock drivers: all by acks=all over three replicas, each with its own dials', () => {
  expect(stockDriverNames).toHaveLength(14);
  for (const name of stockDriverNames) {
    const { value } = loadDriver(name, false);
    expect(value).toMatchObject({ name, replicationFactor: 3, topicConfig: { 'min.insync.replicas': '2' } });
    expect(value.producerConfig.acks).toBe('all');
    expect(value.consumerConfig['max.partition.fetch.bytes']).toBe('10485760');
  }
  const producer = (name: string) => loadDriver(name, false).value.producerConfig;
  expect(producer('kafka-latency')).toMatchObject({ 'linger.ms': '1', 'batch.size': '131072' });
  expect(producer('kafka-throughput')).toMatchObject({ 'batch.size': '1048576', 'request.timeout.ms': '1200000' });
  expect(producer('kafka-big-batches-zstd')).toMatchObject({
    'linger.ms': '200',
    'compression.type': 'zstd',
    'max.request.size': '4194304',
  });
  expect(loadDriver('kafka-sync', false).value.topicConfig).toMatchObject({ 'flush.messages': '1', 'flush.ms': '0' });
  expect(stockDriver('kafka')).toBeNull();
});

test('a stock payload that is not there is replaced, and that is said; any other is refused', () => {
  const { value } = loadWorkload('simple-workload', false);
  const { bytes, notice } = loadPayload(value);
  expect(bytes).toBeNull();
  expect(notice).toContain('payload/payload-1Kb.data is not there: hex text of 1024 B, the same in every message, is sent in its place');
  expect(() => loadPayload({ ...value, payloadFile: 'mine.data' })).toThrow('payloadFile mine.data is not there');
  expect(loadPayload(loadWorkload('quick', false).value)).toEqual({ bytes: null, notice: null });
});
