// A test broker with a client nobody here wrote, on both kinds of disk: records, groups, crashes, restarts, an end without rest.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompressionTypes } from 'kafkajs';
import { expect, test } from 'vitest';
import { startTestBroker, type TestBrokerOptions } from '../../src/testing/start-test-broker.ts';
import { produce, RawClient, textBatch } from '../support/broker.ts';
import { atEnd, kafkaOf, rawClient, started, valuesOf } from './rig.ts';

for (const storage of ['memory', 'directory'] as const) {
  test(`${storage}: what kafkajs sends is read back, compressed or not, and survives a crash and a restart`, async () => {
    const broker = await started({ topics: { orders: 2 }, storage });
    const producer = kafkaOf(broker).producer();
    await producer.connect();
    atEnd(() => producer.disconnect());
    const first = { key: 'k', value: 'one', partition: 0, headers: { source: 'web' }, timestamp: '1700000000000' };
    await producer.send({ topic: 'orders', messages: [first] });
    await producer.send({ topic: 'orders', compression: CompressionTypes.GZIP, messages: [{ value: 'two', partition: 1 }] });
    const records = await broker.records('orders');
    expect(records[0]).toEqual({
      topic: 'orders',
      partition: 0,
      offset: 0,
      timestamp: 1_700_000_000_000,
      key: Buffer.from('k'),
      value: Buffer.from('one'),
      headers: [{ key: 'source', value: Buffer.from('web') }],
    });
    expect(records[1]).toMatchObject({ partition: 1, offset: 0, value: Buffer.from('two'), key: null });
    expect(await broker.records('orders', 1)).toHaveLength(1);

    const { bootstrap } = broker;
    await broker.crash();
    expect(() => broker.records('orders')).toThrow('restart()');
    await expect(RawClient.open(broker.port)).rejects.toThrow('ECONNREFUSED');
    await broker.restart();
    expect(broker.bootstrap).toBe(bootstrap);
    await producer.send({ topic: 'orders', messages: [{ value: 'three', partition: 0 }] });
    expect(await valuesOf(broker, 'orders')).toEqual(['one', 'three', 'two']);
    // A clean stop and a start.
    await broker.restart();
    expect(await valuesOf(broker, 'orders')).toEqual(['one', 'three', 'two']);
  });
}

test('a group is seen with its members and what it has committed', async () => {
  const broker = await started({ topics: ['orders'] });
  const kafka = kafkaOf(broker);
  const producer = kafka.producer();
  await producer.connect();
  atEnd(() => producer.disconnect());
  await producer.send({ topic: 'orders', messages: [{ value: 'a' }, { value: 'b' }] });
  const consumer = kafka.consumer({ groupId: 'billing' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'orders', fromBeginning: true });
  const seen = new Promise<void>((resolve) => {
    void consumer.run({ eachMessage: async ({ message }) => (message.offset === '1' ? resolve() : undefined) });
  });
  await seen;
  expect(await broker.group('billing')).toMatchObject({ groupId: 'billing', state: 'Stable', members: [{ clientId: 'shop' }] });
  await consumer.disconnect();
  expect(await broker.group('billing')).toMatchObject({
    state: 'Empty',
    members: [],
    offsets: [{ topic: 'orders', partition: 0, offset: 2 }],
  });
});

test('a crash loses what the storage says: a power cut what was not synced, a killed process nothing', async () => {
  const broker = await started({ topics: ['t'] });
  await produce(await rawClient(broker), 't', textBatch(['synced']), { acks: -1 });
  await produce(await rawClient(broker), 't', textBatch(['cached']), { acks: 1 });
  await broker.crash();
  await broker.restart();
  expect(await valuesOf(broker, 't')).toEqual(['synced', 'cached']);
  await produce(await rawClient(broker), 't', textBatch(['synced too']), { acks: -1 });
  await produce(await rawClient(broker), 't', textBatch(['cached only']), { acks: 1 });
  await broker.crash({ lose: 'unsynced' });
  await broker.restart();
  expect(await valuesOf(broker, 't')).toEqual(['synced', 'cached', 'synced too']);
  const onDisk = await started({ storage: 'directory' });
  expect(() => onDisk.crash({ lose: 'unsynced' })).toThrow("only storage: 'memory'");
});

test('brokers side by side share nothing, and leave nothing', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ringlog-tests-'));
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = home;
  atEnd(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    rmSync(home, { recursive: true });
  });
  const options: TestBrokerOptions[] = [{ storage: 'directory' }, {}, { storage: 'directory' }];
  const brokers = await Promise.all(options.map((one) => started({ ...one, topics: ['t'] })));
  expect(new Set(brokers.map(({ port }) => port)).size).toBe(3);
  for (const [i, broker] of brokers.entries()) await produce(await rawClient(broker), 't', textBatch([String(i)]));
  for (const [i, broker] of brokers.entries()) expect(await valuesOf(broker, 't')).toEqual([String(i)]);
  expect(readdirSync(home)).toHaveLength(2);
  await brokers[1]!.crash();
  await Promise.all(brokers.map((broker) => broker.close()));
  expect(readdirSync(home)).toEqual([]);
  await expect(RawClient.open(brokers[0]!.port)).rejects.toThrow('ECONNREFUSED');
});

test('a directory of the caller stays', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ringlog-own-'));
  atEnd(() => rmSync(dir, { recursive: true }));
  const broker = await started({ dir, topics: ['t'] });
  await produce(await rawClient(broker), 't', textBatch(['kept']));
  await broker.close();
  expect(await valuesOf(await started({ dir }), 't')).toEqual(['kept']);
});

test('wrong options are told as such', async () => {
  const refusal = (options: object) =>
    startTestBroker(options).then(
      async (broker) => broker.close(),
      (error: Error) => error.message,
    );
  expect(await refusal({ topic: 't' })).toContain('no option topic');
  expect(await refusal({ storage: 'disk' })).toContain("'memory' or 'directory'");
  expect(await refusal({ storage: 'memory', dir: '/x' })).toContain('dir is for storage');
  expect(await refusal({ config: { 'num.partitionz': 3 } })).toContain('num.partitionz');
  expect(await refusal({ config: { 'num.partitions': 'many' } })).toContain('num.partitions=many');
  expect(await refusal({ config: { listeners: 'PLAINTEXT://:1' } })).toContain('listeners is what');
  expect(await refusal({ topics: ['no/such'] })).toContain('no/such');
  expect(await refusal({ clock: 'fast' })).toContain("'running' or 'manual'");
});
