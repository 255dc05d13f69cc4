// What each durability level leaves after a power cut, and when: the words of `ringlog doctor`, put to the test.

import { expect, test } from 'vitest';
import { produce, textBatch } from '../support/broker.ts';
import type { TestBroker } from '../../src/testing/test-broker.ts';
import { rawClient, started, valuesOf } from './rig.ts';

const INTERVAL = { 'ringlog.fsync': 'interval', 'ringlog.fsync.interval.ms': 500 };

async function acked(config: Readonly<Record<string, string | number>>, acks: number): Promise<TestBroker> {
  const broker = await started({ topics: ['t'], clock: 'manual', config });
  expect(await produce(await rawClient(broker), 't', textBatch(['acked']), { acks })).toMatchObject({ errorCode: 0, baseOffset: 0 });
  return broker;
}

async function leftBy(broker: TestBroker): Promise<string[]> {
  await broker.crash({ lose: 'unsynced' });
  await broker.restart();
  return valuesOf(broker, 't');
}

test.each([
  ['ringlog.fsync=before-ack', {}, -1, 0, true],
  ['ringlog.fsync=before-ack', {}, 1, 0, false],
  ['ringlog.fsync=interval, before its time', INTERVAL, -1, 0, false],
  ['ringlog.fsync=interval, after it', INTERVAL, -1, 5000, true],
  ['ringlog.fsync=never', { 'ringlog.fsync': 'never' }, -1, 5000, false],
  ['flush.ms, before its time', { 'log.flush.interval.ms': 500 }, 1, 0, false],
  ['flush.ms, after it', { 'log.flush.interval.ms': 500 }, 1, 5000, true],
  ['flush.messages, not that many', { 'log.flush.interval.messages': 2 }, 1, 5000, false],
  ['flush.messages', { 'log.flush.interval.messages': 1 }, 1, 5000, true],
] as const)('%s %j, acks=%i, a power cut %i ms later: survives: %s', async (_, config, acks, waitMs, survives) => {
  const broker = await acked(config, acks);
  await broker.clock.advance(waitMs);
  expect(await leftBy(broker)).toEqual(survives ? ['acked'] : []);
});
