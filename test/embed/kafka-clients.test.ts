// Embedded callers and a Kafka client at the same log at the same time: offsets, groups and producers are the same ones.

import { Kafka, logLevel, type EachMessagePayload } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { codec } from '../../src/embed/codec.ts';
import { ErrorCode } from '../../src/engine/base/error-code.ts';
import { Acks } from '../../src/engine/broker/log-access.ts';
import { BatchField } from '../../src/engine/record/batch-header.ts';
import { produce, RawClient } from '../support/broker.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const MODES = [
  { ...KINDS[0], listeners: 'per-shard' },
  { ...KINDS[1], listeners: 'per-shard' },
  { ...KINDS[1], name: 'on two threads behind one port', listeners: 'single' },
  { ...KINDS[2], listeners: 'per-shard' },
] as const;

async function until(met: () => boolean): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!met()) {
    if (Date.now() > endMs) throw new Error('it did not come to be within a minute');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(MODES)('$name', (kind) => {
  const logs = useTemporaryLogs();

  test('what one writes the other reads, in the order of one log', async () => {
    const log = await logs.open(kind, { topics: { t: 2 }, kafka: { port: 0, listeners: kind.listeners } });
    const kafka = new Kafka({ brokers: [...log.brokers], logLevel: logLevel.NOTHING });
    const theirs = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await theirs.connect();
    const ours = log.producer();
    for (let i = 0; i < 20; i++) {
      const [sent] = await theirs.send({
        topic: 't',
        messages: [{ partition: i % 2, key: `k${i}`, value: `theirs ${i}`, headers: { h: 'x' } }],
      });
      expect(sent!.baseOffset).toBe(String(2 * Math.floor(i / 2)));
      const { offset } = await ours.send('t', { partition: i % 2, key: `k${i}`, value: `ours ${i}`, headers: { h: 'x' } });
      expect(offset).toBe(2 * Math.floor(i / 2) + 1);
    }
    await theirs.disconnect();
    const expected = (partition: number) =>
      Array.from({ length: 20 }, (_, i) => `${i % 2 === 0 ? 'theirs' : 'ours'} ${2 * Math.floor(i / 2) + partition}`);
    const own = new Map<number, string[]>([
      [0, []],
      [1, []],
    ]);
    for await (const { partition, value, headers } of log.consumer({ topics: ['t'], value: codec.string }).records()) {
      expect(Buffer.from(headers[0]!.value!).toString()).toBe('x');
      own.get(partition)!.push(value!);
      if (own.get(0)!.length + own.get(1)!.length === 40) break;
    }
    const reader = kafka.consumer({ groupId: 'readers', sessionTimeout: 30_000, maxWaitTimeInMs: 100 });
    await reader.connect();
    await reader.subscribe({ topic: 't', fromBeginning: true });
    const read = new Map<number, string[]>([
      [0, []],
      [1, []],
    ]);
    await reader.run({
      eachMessage: async ({ partition, message }: EachMessagePayload) => void read.get(partition)!.push(message.value!.toString()),
    });
    await until(() => read.get(0)!.length + read.get(1)!.length === 40);
    await reader.disconnect();
    for (const partition of [0, 1]) {
      expect(own.get(partition)).toEqual(expected(partition));
      expect(read.get(partition)).toEqual(expected(partition));
    }
    // The client committed when it left; the embedded consumer goes on from there.
    await ours.send('t', { partition: 1, value: 'last' });
    const next = log.consumer({ topics: ['t'], group: 'readers', value: codec.string, heartbeatMs: 20 });
    expect((await next.next()).records.map(({ value }) => value)).toEqual(['last']);
  });

  test('a batch that one side has stored is stored already for the other', async () => {
    const log = await logs.open(kind, { topics: { t: 1 }, kafka: { port: 0, listeners: kind.listeners } });
    /** As its producer sends it once more. */
    const again = async (offset: number): Promise<Uint8Array> => {
      const { records } = await log.access.fetch('t', 0, offset, 1024 * 1024, 0);
      const batch = Buffer.from(records);
      batch.writeBigInt64BE(0n, BatchField.BASE_OFFSET);
      return batch;
    };
    await log.producer().send('t', { value: 'ours' });
    const answers = [];
    for (const broker of log.brokers) {
      const client = await RawClient.open(Number(broker.split(':')[1]));
      answers.push(await produce(client, 't', await again(0)));
      client.destroy();
    }
    const led = answers.filter(({ errorCode }) => errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect(led.map(({ errorCode, baseOffset }) => [errorCode, Number(baseOffset)])).toEqual([[0, 0]]);
    const theirs = new Kafka({ brokers: [...log.brokers], logLevel: logLevel.NOTHING }).producer({
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await theirs.connect();
    expect((await theirs.send({ topic: 't', messages: [{ value: 'theirs' }] }))[0]!.baseOffset).toBe('1');
    await theirs.disconnect();
    expect(await log.access.produce('t', 0, await again(1), Acks.ALL)).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect((await log.admin.offsets('t', 'latest'))[0]!.offset).toBe(2);
  });

  test('both are members of one group', async () => {
    const log = await logs.open(kind, { topics: { t: 2 }, kafka: { port: 0, listeners: kind.listeners } });
    const kafka = new Kafka({ brokers: [...log.brokers], logLevel: logLevel.NOTHING });
    const theirs = kafka.consumer({ groupId: 'g', sessionTimeout: 30_000, heartbeatInterval: 100, maxWaitTimeInMs: 100 });
    await theirs.connect();
    await theirs.subscribe({ topic: 't', fromBeginning: true });
    const seen: string[] = [];
    await theirs.run({ eachMessage: async ({ message }) => void seen.push(`theirs ${message.value!.toString()}`) });
    const ours = log.consumer({ topics: ['t'], group: 'g', value: codec.string, heartbeatMs: 20 });
    const loop = (async () => {
      for await (const { value } of ours.records()) seen.push(`ours ${value}`);
    })();
    await until(() => ours.assignment.length === 1);
    const producer = log.producer();
    const mine = ours.assignment[0]!.partition;
    await producer.send('t', { partition: mine, value: 'a' });
    await producer.send('t', { partition: 1 - mine, value: 'b' });
    await until(() => seen.length === 2);
    expect(seen.toSorted()).toEqual(['ours a', 'theirs b']);
    await theirs.disconnect();
    await until(() => ours.assignment.length === 2);
    await producer.send('t', { partition: 1 - mine, value: 'c' });
    await until(() => seen.includes('ours c'));
    await log.close();
    await loop;
  });
});
