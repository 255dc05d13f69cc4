// A test broker with kafkajs, on both kinds of disk: records, groups, crashes, restarts, an end without rest; and what it does
// when its clock is moved, and only then. One file, because most of its time is loading.

import { CompressionTypes } from 'kafkajs';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ErrorCode } from '../../src/engine/base/error-code.ts';
import { buildBatch } from '../../src/engine/record/batch-builder.ts';
import { fetchApi } from '../../src/net/kafka/schema/generated/fetch.ts';
import { findCoordinatorApi } from '../../src/net/kafka/schema/generated/find-coordinator.ts';
import { heartbeatApi } from '../../src/net/kafka/schema/generated/heartbeat.ts';
import { joinGroupApi } from '../../src/net/kafka/schema/generated/join-group.ts';
import { syncGroupApi } from '../../src/net/kafka/schema/generated/sync-group.ts';
import { startTestBroker, type TestBrokerOptions } from '../../src/testing/start-test-broker.ts';
import type { TestBroker } from '../../src/testing/test-broker.ts';
import { eventually, fetchRequest, produce, RawClient, textBatch } from '../support/broker.ts';
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

/** Of this process, where the machine tells. */
function openFiles(): string[] {
  if (!existsSync('/proc/self/fd')) return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that the folder itself was read with.
      return [];
    }
  });
}

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
  expect(openFiles().some((path) => path.startsWith(home))).toBe(existsSync('/proc/self/fd'));
  await brokers[0]!.crash();
  await Promise.all(brokers.map((broker) => broker.close()));
  expect(readdirSync(home)).toEqual([]);
  expect(openFiles().filter((path) => path.startsWith(home))).toEqual([]);
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

const SESSION_MS = 10_000;
const MEMBER = { groupId: 'g', sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: 60_000, memberId: '', protocolType: 'consumer' };
const JOIN = { ...MEMBER, protocols: [{ name: 'range', metadata: Buffer.from('m') }] };

async function ready(broker: TestBroker): Promise<RawClient> {
  const client = await rawClient(broker);
  await client.call(findCoordinatorApi, 3, { key: 'g' });
  return client;
}

test('a session ends when its time has come, to the millisecond', async () => {
  const broker = await started({ clock: 'manual' });
  const client = await ready(broker);
  const { memberId, generationId } = await client.call(joinGroupApi, 3, JOIN);
  const assignments = [{ memberId, assignment: Buffer.from('a') }];
  await client.call(syncGroupApi, 3, { groupId: 'g', generationId, memberId, assignments });
  await broker.clock.advance(SESSION_MS - 1);
  expect(await broker.group('g')).toMatchObject({ state: 'Stable', members: [{ memberId }] });
  await broker.clock.advance(1);
  expect(await broker.group('g')).toMatchObject({ state: 'Empty', members: [] });
});

test('what clients send while the clock is moved comes after: no heartbeat saves a session half way', async () => {
  const broker = await started({ clock: 'manual' });
  const client = await ready(broker);
  const { memberId, generationId } = await client.call(joinGroupApi, 3, JOIN);
  await client.call(syncGroupApi, 3, { groupId: 'g', generationId, memberId, assignments: [] });
  const advanced = broker.clock.advance(SESSION_MS);
  while (broker.clock.monotonicMs() === 0) await new Promise((resolve) => setImmediate(resolve));
  const late = client.request(heartbeatApi, 3, { groupId: 'g', generationId, memberId });
  await advanced;
  expect((await client.answer(heartbeatApi, 3, late)).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
  // One after the other.
  const before = broker.clock.monotonicMs();
  await Promise.all([broker.clock.advance(1), broker.clock.advance(2)]);
  expect(broker.clock.monotonicMs() - before).toBe(3);
});

test('a group waits for its first members as long as it is told to', async () => {
  const broker = await started({ clock: 'manual', config: { 'group.initial.rebalance.delay.ms': 3000 } });
  const client = await ready(broker);
  const joining = client.request(joinGroupApi, 3, JOIN);
  await broker.nextRequest({ api: 'JoinGroup', group: 'g' });
  await broker.clock.advance(2999);
  expect(await broker.group('g')).toMatchObject({ state: 'PreparingRebalance' });
  await broker.clock.advance(1);
  expect((await client.answer(joinGroupApi, 3, joining)).errorCode).toBe(0);
});

test.each(['manual', 'running'] as const)('a Fetch that waits is answered when its time has come: clock %s', async (clock) => {
  const broker = await started({ clock, topics: ['t'] });
  const client = await rawClient(broker);
  const waiting = client.request(fetchApi, 12, fetchRequest('t', { maxWaitMs: 3_600_000 }));
  await broker.nextRequest({ api: 'Fetch', topic: 't' });
  await broker.clock.advance(3_000_000);
  // An answer would have come before this one.
  await (await rawClient(broker)).call(findCoordinatorApi, 3, { key: 'g' });
  expect(client.takeFrame()).toBeNull();
  await broker.clock.advance(600_001);
  const answer = await client.answer(fetchApi, 12, waiting);
  expect(answer.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0 });
});

test('retention takes what has become too old, by the broker’s clock', async () => {
  const broker = await started({ topics: { t: { configs: { 'retention.ms': 86_400_000 } }, kept: { configs: { 'retention.ms': -1 } } } });
  const client = await rawClient(broker);
  for (const topic of ['t', 'kept']) await produce(client, topic, textBatch(['old']));
  await broker.clock.advance(86_000_000);
  await produce(client, 't', textBatch(['new'], { timestampMs: broker.clock.wallMs() }));
  expect(await valuesOf(broker, 't')).toEqual(['old', 'new']);
  await broker.clock.advance(7 * 86_400_000);
  expect(await valuesOf(broker, 't')).toEqual([]);
  expect(await valuesOf(broker, 'kept')).toEqual(['old']);
  const [end] = await broker.admin.offsets('t', 'latest');
  expect(end!.offset).toBe(2);
});

test('a producer of the broker lingers by its clock, is ended well by a stop, and told of a crash', async () => {
  const broker = await started({ topics: ['t'], clock: 'manual' });
  const producer = broker.producer({ lingerMs: 60_000 });
  const sent = producer.send('t', { value: 'first' });
  await broker.clock.advance(59_999);
  expect(await broker.records('t')).toEqual([]);
  await broker.clock.advance(1);
  expect(await sent).toMatchObject({ topic: 't', offset: 0, durability: 'disk' });
  const [record] = await broker.records('t');
  expect([String(record!.value), record!.timestamp]).toEqual(['first', broker.clock.wallMs() - 60_000]);
  const last = producer.send('t', { value: 'last' });
  await broker.restart();
  expect(await last).toMatchObject({ offset: 1 });
  await expect(producer.send('t', { value: 'none' })).rejects.toMatchObject({ code: 'CLOSED' });
  const lost = broker.producer({ lingerMs: 1000 }).send('t', { value: 'lost' });
  await Promise.all([broker.crash(), expect(lost).rejects.toMatchObject({ code: 'CLOSED' })]);
  expect(() => broker.producer()).toThrow('restart() it');
  await broker.restart();
  expect(await valuesOf(broker, 't')).toEqual(['first', 'last']);
});

test('a compacted topic is compacted when its time has come, in memory too', async () => {
  const configs = { 'cleanup.policy': 'compact', 'segment.bytes': 1024, 'min.cleanable.dirty.ratio': 0 };
  const broker = await started({ topics: { t: { configs } }, config: { 'ringlog.segment.bytes.min': 1 } });
  const client = await rawClient(broker);
  for (let i = 0; i < 8; i++) {
    const records = [0, 1].map((key) => ({ key: Buffer.from(`k${key}`), value: Buffer.alloc(400, i) }));
    await produce(client, 't', buildBatch(records, { timestampMs: broker.clock.wallMs() }));
  }
  expect(await broker.records('t')).toHaveLength(16);
  // The cleaner looks every log.cleaner.backoff.ms, and works in the background.
  const left = await eventually(
    async () => {
      await broker.clock.advance(15_000);
      const records = await broker.records('t');
      return records.length < 16 ? records : undefined;
    },
    () => 'nothing was compacted',
  );
  expect(left.at(-1)!.offset).toBe(15);
});

test('the clock goes on over a crash, and not backwards', async () => {
  const broker = await started({ clock: 'manual' });
  await broker.clock.advance(1000);
  const { now } = broker.clock;
  await broker.crash();
  await broker.restart();
  expect(broker.clock.now).toEqual(now);
  await expect(broker.clock.advance(-1)).rejects.toThrow('time goes forward');
  await expect(broker.clock.advance(Number.NaN)).rejects.toThrow('time goes forward');
});
