// Signals: whatever waits can be told to wait no more, before, during and after; no listener stays on a signal.

import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { codec } from '../../src/embed/codec.ts';
import type { Consumer } from '../../src/embed/consumer.ts';
import type { EmbeddedLog } from '../../src/embed/embedded-log.ts';
import type { Producer } from '../../src/embed/producer.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const COUNT = 20;
const AT = { topic: 't', partition: 0 };
const ENOUGH = new Error('enough');

interface Parts {
  readonly log: EmbeddedLog;
  readonly producer: Producer;
  readonly consumer: Consumer<Uint8Array, string>;
}

/** What waits, each at work when it is called with a fresh signal. */
const WAITS: Readonly<Record<string, (parts: Parts, options: { signal: AbortSignal }) => Promise<unknown>>> = {
  send: ({ producer }, options) => producer.send('t', { value: 'x' }, options),
  sendBatch: ({ producer }, options) => producer.sendBatch('t', [{ value: 'x' }], options),
  flush: ({ producer }, options) => {
    producer.trySend('t', { value: 'x' });
    return producer.flush(options);
  },
  next: ({ consumer }, options) => consumer.next(options),
  batches: ({ consumer }, options) => consumer.batches(options).next(),
  records: ({ consumer }, options) => consumer.records(options).next(),
  seek: ({ consumer }, options) => consumer.seek(AT, 'earliest', options),
  lag: ({ consumer }, options) => consumer.lag(options),
  commit: async ({ log }, options) => {
    const consumer = log.consumer({ partitions: [AT], group: `hand-${Math.random()}`, commit: 'manual' });
    await consumer.next();
    return consumer.commit(options);
  },
  'commit of a batch': async ({ log }, options) => {
    const consumer = log.consumer({ partitions: [AT], group: `hand-${Math.random()}`, commit: 'manual' });
    return (await consumer.next()).commit(options);
  },
  createTopic: ({ log }, options) => log.admin.createTopic(`made-${Math.random()}`, {}, options),
  ensureTopics: ({ log }, options) => log.admin.ensureTopics({ [`made-${Math.random()}`]: 1 }, options),
  deleteTopic: async ({ log }, options) => {
    const name = `made-${Math.random()}`;
    await log.admin.createTopic(name);
    return log.admin.deleteTopic(name, options);
  },
  createPartitions: ({ log }, options) => log.admin.createPartitions('t', log.admin.describeTopic('t').partitions + 1, options),
  describeTopicConfigs: ({ log }, options) => log.admin.describeTopicConfigs('t', options),
  alterTopicConfigs: ({ log }, options) => log.admin.alterTopicConfigs('t', { 'retention.ms': 5_000_000 }, options),
  offsets: ({ log }, options) => log.admin.offsets('t', 'latest', options),
  deleteRecords: ({ log }, options) => log.admin.deleteRecords('t', 0, 0, options),
  describeLogDirs: ({ log }, options) => log.admin.describeLogDirs(options),
  listGroups: ({ log }, options) => log.admin.listGroups(options),
  describeGroup: ({ log }, options) => log.admin.describeGroup('kept', options),
  groupOffsets: ({ log }, options) => log.admin.groupOffsets('kept', options),
  setGroupOffsets: ({ log }, options) => log.admin.setGroupOffsets('kept', [{ ...AT, offset: 1 }], options),
  deleteGroup: async ({ log }, options) => {
    await log.admin.setGroupOffsets('gone', [{ ...AT, offset: 1 }]);
    return log.admin.deleteGroup('gone', options);
  },
};

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

/** A signal that is aborted as soon as somebody listens to it. */
function abortedWhenHeard(): AbortSignal {
  const stop = new AbortController();
  const { signal } = stop;
  const listen = signal.addEventListener.bind(signal);
  signal.addEventListener = (...how: Parameters<typeof listen>) => {
    listen(...how);
    stop.abort(ENOUGH);
  };
  return signal;
}

describe.each(KINDS.slice(0, 2))('$name', (kind) => {
  const logs = useTemporaryLogs();

  async function begin(): Promise<Parts> {
    const log = await logs.open(kind, { topics: { t: 1, quiet: 1 } });
    const producer = log.producer();
    await producer.sendBatch(
      't',
      Array.from({ length: COUNT }, (_, i) => ({ value: String(i) })),
    );
    await log.admin.setGroupOffsets('kept', [{ ...AT, offset: 0 }]);
    return { log, producer, consumer: log.consumer({ partitions: [AT], maxRecords: 10, value: codec.string }) };
  }

  test('before, during and after', async () => {
    const parts = await begin();
    for (const [name, wait] of Object.entries(WAITS)) {
      await expect(wait(parts, { signal: AbortSignal.abort(ENOUGH) }), name).rejects.toBe(ENOUGH);
      await parts.consumer.seek(AT, 0);
      const late = new AbortController();
      await wait(parts, { signal: late.signal });
      expect(listeners(late.signal), name).toBe(0);
      late.abort(ENOUGH);
      await parts.consumer.seek(AT, 0);
      // Records wait in memory for these, so nothing keeps them waiting; below they wait.
      if (['send', 'sendBatch', 'next', 'batches', 'records'].includes(name)) continue;
      const during = abortedWhenHeard();
      await expect(wait(parts, { signal: during }), name).rejects.toBe(ENOUGH);
      expect(listeners(during), name).toBe(0);
    }
  });

  test('a consumer whose wait was ended has lost nothing', async () => {
    const { log, producer } = await begin();
    const consumer = log.consumer({ topics: ['quiet'], value: codec.string });
    for (const wait of ['next', 'batches', 'records']) {
      const signal = abortedWhenHeard();
      await expect(WAITS[wait]!({ log, producer, consumer }, { signal }), wait).rejects.toBe(ENOUGH);
      expect(listeners(signal)).toBe(0);
      await producer.send('quiet', { value: wait });
      expect((await consumer.next()).records.map(({ value }) => value)).toEqual([wait]);
    }
  });

  test('a loop over records that is ended or left leaves the rest of its batch to the next loop', async () => {
    const { consumer } = await begin();
    const stop = new AbortController();
    const seen: string[] = [];
    const loop = (async () => {
      for await (const { value } of consumer.records({ signal: stop.signal })) {
        seen.push(value!);
        if (seen.length === 4) stop.abort(ENOUGH);
      }
    })();
    await expect(loop).rejects.toBe(ENOUGH);
    for await (const { value } of consumer.records()) {
      seen.push(value!);
      if (seen.length === 7) break;
    }
    for await (const { value } of consumer.records()) {
      seen.push(value!);
      if (seen.length === COUNT) break;
    }
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => String(i)));
  });

  test('a seek that was ended leaves the consumer where it was; what was asked of the log may still happen', async () => {
    const { log, producer, consumer } = await begin();
    expect((await consumer.next()).records).toHaveLength(10);
    const stop = new AbortController();
    const seeking = consumer.seek(AT, 'earliest', { signal: stop.signal });
    stop.abort(ENOUGH);
    await expect(seeking).rejects.toBe(ENOUGH);
    expect((await consumer.next()).records[0]!.value).toBe('10');

    producer.trySend('t', { value: 'stored all the same' });
    const ended = new AbortController();
    const flushing = producer.flush({ signal: ended.signal });
    const making = log.admin.createTopic('made', {}, { signal: ended.signal });
    ended.abort(ENOUGH);
    await expect(flushing).rejects.toBe(ENOUGH);
    await expect(making).rejects.toBe(ENOUGH);
    await producer.flush();
    expect(await log.admin.offsets('t', 'latest')).toMatchObject([{ offset: COUNT + 1 }]);
    // The controller takes one after the other: what was asked before this one is done.
    await log.admin.createTopic('next');
    expect(log.admin.describeTopic('made').partitions).toBe(1);
  });

  test('sends that wait for room', async () => {
    const log = await logs.open(kind, { topics: { t: 1 }, inFlightBytes: 4 * 1024 * 1024 });
    const producer = log.producer({ lingerMs: 60_000 });
    const value = Buffer.alloc(900_000);
    while (producer.trySend('t', { value }));
    const stop = new AbortController();
    const { signal } = stop;
    const waiting = [producer.send('t', { value }, { signal }), producer.sendBatch('t', [{ value }, { value }], { signal })];
    const ended = Promise.allSettled(waiting);
    expect(listeners(signal)).toBe(2);
    stop.abort(ENOUGH);
    expect(await ended).toEqual([
      { status: 'rejected', reason: ENOUGH },
      { status: 'rejected', reason: ENOUGH },
    ]);
    expect(listeners(signal)).toBe(0);
    await producer.flush();
    const [end] = await log.admin.offsets('t', 'latest');
    expect(await log.producer().send('t', { value })).toMatchObject({ offset: end!.offset });
  });
});
