// Faults and a clock that is moved, as kafkajs meets them: what an application would.

import { expect, test } from 'vitest';
import type { FaultOptions } from '../../src/testing/faults.ts';
import type { TestBroker } from '../../src/testing/test-broker.ts';
import { eventually } from '../support/broker.ts';
import { atEnd, kafkaOf, started, valuesOf } from './rig.ts';

const ONCE: readonly { fault: FaultOptions; stored: string[]; idempotent: boolean }[] = [
  { fault: { api: 'Produce', topic: 't', partition: 0, error: 'NOT_LEADER_OR_FOLLOWER' }, stored: ['one'], idempotent: false },
  { fault: { api: 'Produce', topic: 't', drop: 'before' }, stored: ['one'], idempotent: false },
  // Appended, and not known to be: a producer that is not idempotent writes it again.
  { fault: { api: 'Produce', topic: 't', drop: 'after-append' }, stored: ['one', 'one'], idempotent: false },
  { fault: { api: 'Produce', topic: 't', drop: 'after-append' }, stored: ['one'], idempotent: true },
  { fault: { api: 'Produce', topic: 't', torn: 9 }, stored: ['one', 'one'], idempotent: false },
  { fault: { api: 'Metadata', topic: 't', error: 'LEADER_NOT_AVAILABLE' }, stored: ['one'], idempotent: false },
  { fault: { api: 'InitProducerId', error: 'COORDINATOR_LOAD_IN_PROGRESS' }, stored: ['one'], idempotent: true },
];

test('a producer gets over each fault, and what it wrote is what its guarantees say', async () => {
  for (const { fault, stored, idempotent } of ONCE) {
    const broker = await started({ topics: ['t'] });
    const added = broker.faults.add(fault);
    const producer = kafkaOf(broker).producer({ idempotent, maxInFlightRequests: 1 });
    await producer.connect();
    atEnd(() => producer.disconnect());
    await producer.send({ topic: 't', messages: [{ value: 'one' }] });
    expect(added.hits, JSON.stringify(fault)).toBe(1);
    expect(await valuesOf(broker, 't'), JSON.stringify(fault)).toEqual(stored);
  }
});

test('an error that is not retried reaches the application under its name', async () => {
  const broker = await started({ topics: ['t'] });
  broker.faults.add({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', times: Infinity });
  const producer = kafkaOf(broker).producer();
  await producer.connect();
  atEnd(() => producer.disconnect());
  await expect(producer.send({ topic: 't', messages: [{ value: 'x' }] })).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' });
  expect(await valuesOf(broker, 't')).toEqual([]);
});

/** A consumer of `t` in group g that notes what it gets. */
async function consumed(broker: TestBroker): Promise<string[]> {
  const values: string[] = [];
  const consumer = kafkaOf(broker).consumer({ groupId: 'g', heartbeatInterval: 50, maxWaitTimeInMs: 100, sessionTimeout: 10_000 });
  await consumer.connect();
  atEnd(() => consumer.disconnect());
  await consumer.subscribe({ topic: 't', fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void values.push(message.value!.toString()) });
  return values;
}

async function send(broker: TestBroker, value: string): Promise<void> {
  const producer = kafkaOf(broker).producer();
  await producer.connect();
  await producer.send({ topic: 't', messages: [{ value }] });
  await producer.disconnect();
}

test('a consumer gets over errors of Fetch, JoinGroup, Heartbeat and OffsetCommit, and misses nothing', async () => {
  const broker = await started({ topics: ['t'] });
  const { faults } = broker;
  faults.add({ api: 'FindCoordinator', group: 'g', error: 'COORDINATOR_NOT_AVAILABLE' });
  faults.add({ api: 'JoinGroup', group: 'g', error: 'COORDINATOR_LOAD_IN_PROGRESS' });
  faults.add({ api: 'Fetch', topic: 't', error: 'NOT_LEADER_OR_FOLLOWER' });
  faults.add({ api: 'Fetch', topic: 't', torn: 20 });
  faults.add({ api: 'Heartbeat', group: 'g', error: 'REBALANCE_IN_PROGRESS' });
  faults.add({ api: 'OffsetCommit', topic: 't', error: 'COORDINATOR_LOAD_IN_PROGRESS' });
  await send(broker, 'a');
  const values = await consumed(broker);
  await eventually(
    () => (faults.active.length === 0 ? true : undefined),
    () => `still to come: ${JSON.stringify(faults.active.map(({ options }) => options))}`,
  );
  await send(broker, 'b');
  await eventually(
    () => (values.includes('b') ? true : undefined),
    () => `got ${values.join()}`,
  );
  expect(values[0]).toBe('a');
  expect(new Set(values)).toEqual(new Set(['a', 'b']));
  expect(broker.requests.filter(({ api, groups }) => api === 'JoinGroup' && groups[0] === 'g').length).toBeGreaterThan(1);
});

test('a member whose session ends by the clock joins again and goes on', async () => {
  const broker = await started({ topics: ['t'] });
  const values = await consumed(broker);
  await send(broker, 'a');
  await eventually(
    () => (values.length > 0 ? true : undefined),
    () => 'nothing was read',
  );
  const [before] = (await broker.group('g')).members;
  await broker.clock.advance(10_001);
  await eventually(
    async () => {
      const { members } = await broker.group('g');
      return members.length === 1 && members[0]!.memberId !== before!.memberId ? true : undefined;
    },
    () => 'the same member, or none',
  );
  await send(broker, 'b');
  await eventually(
    () => (values.includes('b') ? true : undefined),
    () => `got ${values.join()}`,
  );
});
