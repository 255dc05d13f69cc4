// Producers on threads of the user's, each with rings of its own.

import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test, vi } from 'vitest';
import { codec } from '../../src/embed/codec.ts';
import type { EmbeddedLog } from '../../src/embed/embedded-log.ts';
import { root } from '../workers/compiled.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const COUNT = 3000;
const heard = async <T>(worker: Worker, event: string): Promise<T> => (await once(worker, event))[0] as T;

function start(log: EmbeddedLog, from: string, count: number, stays: boolean): Worker {
  const handle = log.producerHandle();
  const workerData = { handle, from, count, stays };
  return new Worker(join(root, 'test/embed/producer-thread.mjs'), { workerData, transferList: [handle.port], execArgv: [] });
}

describe.each(KINDS.slice(0, 3))('$name', (kind) => {
  const logs = useTemporaryLogs();

  test('threads write side by side with their opener, and each hears where its records are', async () => {
    const log = await logs.open(kind, { topics: { t: 2 }, workerProducers: 2 });
    const workers = ['a', 'b'].map((from) => start(log, from, COUNT, false));
    const exits = workers.map((worker) => heard(worker, 'exit'));
    expect(() => log.producerHandle()).toThrow(/workerProducers/);
    const own = log.producer({ acks: 1 });
    await own.sendBatch(
      't',
      Array.from({ length: COUNT }, (_, i) => ({ value: `own:${i}` })),
    );
    const answers = await Promise.all(workers.map((worker) => heard<{ offsets: [number, number][] }>(worker, 'message')));
    // They have closed: their threads end, and their places are free.
    await Promise.all(exits);
    const found = new Map<string, string>();
    const consumer = log.consumer({ topics: ['t'], value: codec.string });
    while (found.size < 3 * COUNT) {
      for (const { partition, offset, value } of (await consumer.next()).records) found.set(`${partition}:${offset}`, value!.trimEnd());
    }
    answers.forEach(({ offsets }, at) => {
      const values = offsets.map(([partition, offset]) => found.get(`${partition}:${offset}`));
      expect(values).toEqual(Array.from({ length: COUNT }, (_, i) => `${at === 0 ? 'a' : 'b'}:${i}`));
    });
    // What it said last may come after the news of its end.
    const again = await vi.waitFor(() => start(log, 'c', 5, false), { timeout: 60_000 });
    const answer = await heard<{ offsets: [number, number][] }>(again, 'message');
    expect(answer.offsets.length).toBe(5);
  });

  test('topics that come and go are known there, and a log that closes ends it well', async () => {
    const log = await logs.open(kind, { topics: { t: 1 }, workerProducers: 1 });
    const worker = start(log, 'a', 10, true);
    await heard(worker, 'message');
    const send = (topic: string, value: string) => {
      const answer = heard<{ code?: string; offset?: number }>(worker, 'message');
      worker.postMessage({ topic, value });
      return answer;
    };
    expect(await send('u', 'x')).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await log.admin.createTopic('u', { partitions: 1, configs: { 'max.message.bytes': 100 } });
    let sent = await send('u', 'x');
    // The news travels by another way than the answer of createTopic().
    for (const endMs = Date.now() + 60_000; sent.offset !== 0 && Date.now() < endMs;) sent = await send('u', 'x');
    expect(sent).toMatchObject({ topic: 'u', offset: 0, durability: 'written' });
    expect(await send('u', 'x'.repeat(200))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(await send('t', 'x'.repeat(30 * 1024 * 1024))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await log.close();
    expect(await send('t', 'x')).toMatchObject({ code: 'CLOSED' });
    await worker.terminate();
  });

  test('a thread that ends without a word keeps no log from closing', async () => {
    const log = await logs.open(kind, { topics: { t: 1 }, workerProducers: 1 });
    const worker = start(log, 'a', 10, true);
    await heard(worker, 'message');
    await worker.terminate();
    expect(() => log.producerHandle()).toThrow(/workerProducers/);
    await log.producer().send('t', { value: 'x' });
    await log.close();
  });
});
