// What a test broker does when its clock is moved, and only then.

import { expect, test } from 'vitest';
import { ErrorCode } from '../../src/engine/base/error-code.ts';
import { fetchApi } from '../../src/net/kafka/schema/generated/fetch.ts';
import { findCoordinatorApi } from '../../src/net/kafka/schema/generated/find-coordinator.ts';
import { heartbeatApi } from '../../src/net/kafka/schema/generated/heartbeat.ts';
import { joinGroupApi } from '../../src/net/kafka/schema/generated/join-group.ts';
import { syncGroupApi } from '../../src/net/kafka/schema/generated/sync-group.ts';
import type { TestBroker } from '../../src/testing/test-broker.ts';
import { buildBatch } from '../../src/engine/record/batch-builder.ts';
import { eventually, fetchRequest, produce, type RawClient, textBatch } from '../support/broker.ts';
import { rawClient, started, valuesOf } from './rig.ts';

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
