// Topics in the managed storage mode beside others, through a whole broker: what clients see, what a stop leaves behind,
// and what happens where the mode cannot be had.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadNativeBinding } from '../../../src/engine/io/native-binding.ts';
import { BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { deleteTopicsApi } from '../../../src/net/kafka/schema/generated/delete-topics.ts';
import { incrementalAlterConfigsApi } from '../../../src/net/kafka/schema/generated/incremental-alter-configs.ts';
import { fetch, produce, type RawClient, startTestBroker, type TestBroker, textBatch } from '../../support/broker.ts';

const absent = loadNativeBinding().binding === null;
const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA';
const MANAGED = { 'ringlog.storage': 'managed' };

let broker: TestBroker | undefined;
afterEach(() => broker?.stop());

function logFiles(dir: string, partition: string): Buffer[] {
  return readdirSync(join(dir, partition))
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => readFileSync(join(dir, partition, name)));
}

async function alter(client: RawClient, topic: string, storage: string): Promise<void> {
  const configs = [{ name: 'ringlog.storage', configOperation: 0, value: storage }];
  const answer = await client.call(incrementalAlterConfigsApi, 1, {
    resources: [{ resourceType: 2, resourceName: topic, configs }],
    validateOnly: false,
  });
  expect(answer.responses[0]!.errorCode).toBe(0);
}

/** Bytes of whole batches from the start on. */
function batchBytes(file: Buffer): number {
  const header = new BatchHeader(new DataView(file.buffer, file.byteOffset, file.byteLength));
  while (header.at + 61 <= file.length && header.magic === 2) header.at += header.sizeBytes;
  return header.at;
}

describe.skipIf(absent)('on the native reactor', () => {
  // With one listener for all shards a fetch may reach a shard that has another one's arena behind the descriptor.
  test.each(['native', 'single'] as const)('%s: both modes side by side, the same answers and the same files', async (kind) => {
    broker = await startTestBroker({ kind, config: { 'ringlog.segment.bytes.min': '1000' } });
    const small = { 'segment.bytes': '100000' };
    await broker.createTopic('m', 1, { ...MANAGED, ...small });
    await broker.createTopic('p', 1, small);
    const client = await broker.client();
    for (let i = 0; i < 60; i++) {
      const batch = textBatch([`record ${i}`, 'x'.repeat((i * 977) % 9000)]);
      for (const topic of ['m', 'p']) {
        const answer = await produce(client, topic, batch, { acks: [1, -1][i % 2]! });
        expect([answer.errorCode, answer.baseOffset]).toEqual([0, i * 2]);
      }
    }
    for (const offset of [0, 1, 59, 60, 100, 119]) {
      const [managed, other] = [await fetch(client, 'm', { offset }), await fetch(client, 'p', { offset })];
      expect(managed.highWatermark).toBe(120);
      expect(Buffer.from(managed.records!).equals(Buffer.from(other.records!))).toBe(true);
    }
    // Not on the disk yet, and asked for by connections that may have come to either shard.
    const late = textBatch(['in memory']);
    for (const topic of ['m', 'p']) await produce(client, topic, late, { acks: 1 });
    for (let i = 0; i < 8; i++) {
      const one = await broker.client();
      const [managed, other] = [await fetch(one, 'm', { offset: 120 }), await fetch(one, 'p', { offset: 120 })];
      expect(managed.records!.length).toBeGreaterThan(0);
      expect(Buffer.from(managed.records!).equals(Buffer.from(other.records!))).toBe(true);
    }
    const { dir } = broker;
    // While it runs a managed file is longer than its batches, and rolled ones were cut to them.
    const running = logFiles(dir, 'm-0');
    expect(running.length).toBeGreaterThan(2);
    expect(running.at(-1)!.length).toBeGreaterThan(batchBytes(running.at(-1)!));
    await broker.halt();
    const [managed, other] = [logFiles(dir, 'm-0'), logFiles(dir, 'p-0')];
    expect(managed.length).toBe(other.length);
    managed.forEach((file, i) => expect(file.equals(other[i]!)).toBe(true));
    broker = await startTestBroker({ kind, dir });
    const again = await broker.client();
    expect((await produce(again, 'm', textBatch(['more']))).baseOffset).toBe(121);
    const first = await fetch(again, 'm', { offset: 0 });
    expect(Buffer.from(first.records!).equals(managed[0]!.subarray(0, first.records!.length))).toBe(true);
    expect(broker.lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  test('retention, deletion and a new topic of the same name leave nothing of the old one', async () => {
    broker = await startTestBroker({ kind: 'native', config: { 'ringlog.segment.bytes.min': '1000' } });
    const configs = { ...MANAGED, 'segment.bytes': '20000', 'file.delete.delay.ms': '0' };
    await broker.createTopic('m', 1, configs);
    const client = await broker.client();
    for (let i = 0; i < 30; i++) await produce(client, 'm', textBatch(['x'.repeat(5000)]), { acks: -1 });
    await client.call(deleteTopicsApi, 6, { topics: [{ name: 'm', topicId: NO_ID }], timeoutMs: 10_000 });
    await broker.createTopic('m', 1, configs);
    expect((await produce(client, 'm', textBatch(['new']), { acks: -1 })).baseOffset).toBe(0);
    expect((await fetch(client, 'm')).highWatermark).toBe(1);
  });

  test('a topic that changes its mode goes on with the next segment', async () => {
    broker = await startTestBroker({ kind: 'native', config: { 'ringlog.segment.bytes.min': '1000' } });
    await broker.createTopic('t', 1, { 'segment.bytes': '20000' });
    const client = await broker.client();
    const fill = async (count: number) => {
      for (let i = 0; i < count; i++) await produce(client, 't', textBatch(['x'.repeat(5000)]), { acks: -1 });
    };
    await fill(5);
    expect(existsSync(join(broker.dir, 't-0', 'ringlog.managed'))).toBe(false);
    await alter(client, 't', 'managed');
    await fill(5);
    expect(existsSync(join(broker.dir, 't-0', 'ringlog.managed'))).toBe(true);
    await alter(client, 't', 'page-cache');
    const { dir } = broker;
    await fill(8);
    const { highWatermark } = await fetch(client, 't');
    expect(highWatermark).toBe(18);
    // A managed segment is cut to what it holds when the last write into it is on the disk.
    await vi.waitFor(
      () => {
        for (const file of logFiles(dir, 't-0').slice(0, -1)) expect(batchBytes(file)).toBe(file.length);
      },
      { timeout: 60_000 },
    );
  });
});

test('without the native reactor the page cache serves, and the log says so once', async () => {
  broker = await startTestBroker({ kind: 'portable' });
  await broker.createTopic('m', 3, MANAGED);
  const client = await broker.client();
  expect((await produce(client, 'm', textBatch(['a']), { acks: -1 })).errorCode).toBe(0);
  const told = broker.lines.filter(({ message }) => message.includes('ringlog.storage=managed'));
  expect(told.map(({ level }) => level)).toEqual(['warn']);
  expect(told[0]!.message).toContain('portable reactor');
  expect(statSync(join(broker.dir, 'm-0', '00000000000000000000.log')).size).toBeLessThan(1000);
});
