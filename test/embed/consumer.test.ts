// Consumer: records of an embedded log, alone and in groups.

import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { codec } from '../../src/embed/codec.ts';
import type { Consumer } from '../../src/embed/consumer.ts';
import type { EmbeddedLog } from '../../src/embed/embedded-log.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const TEXT = { value: codec.string } as const;
const FAST = { heartbeatMs: 20 } as const;

async function fill(log: EmbeddedLog, topic: string, partition: number, from: number, to: number): Promise<void> {
  const records = Array.from({ length: to - from }, (_, i) => ({ partition, value: String(from + i), timestamp: 1000 + from + i }));
  await log.producer({ acks: 1 }).sendBatch(topic, records);
}

/** The next `count` values. */
async function take<K>(consumer: Consumer<K, string>, count: number): Promise<string[]> {
  const values: string[] = [];
  while (values.length < count) values.push(...(await consumer.next()).records.map(({ value }) => value!));
  return values;
}

async function until(met: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await met())) {
    if (Date.now() > endMs) throw new Error('it did not come to be within a minute');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));

describe.each(KINDS)('$name', (kind) => {
  const logs = useTemporaryLogs();

  test('reads every partition in order, what is there and what comes', async () => {
    const log = await logs.open(kind, { topics: { t: 3 } });
    for (const partition of [0, 1, 2]) await fill(log, 't', partition, 0, 1200);
    const consumer = log.consumer({ topics: ['t'], ...TEXT });
    const seen = new Map<number, string[]>([0, 1, 2].map((partition) => [partition, []]));
    let count = 0;
    for await (const { partition, records, highWatermark } of consumer) {
      expect(records.length).toBeLessThanOrEqual(500);
      expect(highWatermark).toBeGreaterThanOrEqual(1200);
      seen.get(partition)!.push(...records.map(({ value }) => value!));
      count += records.length;
      if (count === 3600) await fill(log, 't', 1, 1200, 1201);
      if (count === 3601) break;
    }
    expect(seen.get(0)).toEqual(numbers(0, 1200));
    expect(seen.get(1)).toEqual(numbers(0, 1201));
    expect(seen.get(2)).toEqual(numbers(0, 1200));
  });

  test('seeks, pauses and tells how far behind it is', async () => {
    const log = await logs.open(kind, { topics: { t: 1, u: 1 } });
    await fill(log, 't', 0, 0, 100);
    await fill(log, 'u', 0, 0, 10);
    const at = { topic: 't', partition: 0 };
    const consumer = log.consumer({ partitions: [at, { topic: 'u', partition: 0 }], maxRecords: 10, ...TEXT });
    consumer.pause([{ topic: 'u', partition: 0 }]);
    expect(await take(consumer, 20)).toEqual(numbers(0, 20));
    expect(consumer.positions()[0]).toMatchObject({ offset: 20 });
    const [lag] = await consumer.lag();
    expect(lag!.records).toBe(80);
    // The record at 20 is of second 1.02 after the epoch.
    expect(Math.abs(lag!.ms - (Date.now() - 1020))).toBeLessThan(60_000);
    await consumer.seek(at, 55);
    expect(await take(consumer, 10)).toEqual(numbers(55, 65));
    await consumer.seek(at, { timestamp: 1090 });
    expect(await take(consumer, 10)).toEqual(numbers(90, 100));
    await consumer.seek(at, 'earliest');
    expect(await take(consumer, 10)).toEqual(numbers(0, 10));
    await consumer.seek(at, 'latest');
    expect((await consumer.lag())[0]).toEqual({ ...at, records: 0, ms: 0 });
    consumer.resume();
    expect(await take(consumer, 10)).toEqual(numbers(0, 10));
    await fill(log, 't', 0, 100, 101);
    expect(await take(consumer, 1)).toEqual(['100']);
    await expect(consumer.seek({ topic: 't', partition: 5 }, 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('ends when closed, throws when aborted, begins where told', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    await fill(log, 't', 0, 0, 5);
    await log.admin.deleteRecords('t', 0, 3);
    const stop = new AbortController();
    const aborted = log.consumer({ topics: ['t'], from: 'latest', signal: stop.signal, ...TEXT });
    await until(() => aborted.positions()[0]?.offset === 5);
    const waiting = aborted.next();
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const consumer = log.consumer({ topics: ['t'], ...TEXT });
    expect(await take(consumer, 2)).toEqual(['3', '4']);
    await consumer.seek({ topic: 't', partition: 0 }, 0);
    expect(await take(consumer, 2)).toEqual(['3', '4']);
    const loop = (async () => {
      for await (const _ of consumer) throw new Error('there is nothing');
      return 'over';
    })();
    await log.close();
    expect(await loop).toBe('over');
    expect(() => log.consumer({ topics: ['t'] })).toThrow(/closed/);
    await expect(log.admin.offsets('t', 'latest')).rejects.toMatchObject({ name: 'RinglogError', code: 'CLOSED' });
  });

  test('one loop at a time: a second call is refused, and the first gets what comes', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    const consumer = log.consumer({ topics: ['t'], ...TEXT });
    const first = consumer.next();
    await expect(consumer.next()).rejects.toMatchObject({ code: 'IN_USE' });
    await fill(log, 't', 0, 0, 1);
    expect((await first).records.map(({ value }) => value)).toEqual(['0']);
    // Neither a call that was aborted stands in the way.
    await expect(consumer.next({ signal: AbortSignal.timeout(1) })).rejects.toThrow();
    await fill(log, 't', 0, 1, 2);
    expect((await consumer.next()).records.map(({ value }) => value)).toEqual(['1']);
  });

  test('refuses what makes no sense', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    expect(() => log.consumer({})).toThrow(/topics or partitions/);
    expect(() => log.consumer({ topics: ['none'] })).toThrow(/no topic none/);
    await expect(log.consumer({ topics: ['t'] }).commit()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const wrong = log.consumer({ partitions: [{ topic: 't', partition: 4 }] });
    await expect(wrong.next()).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });

  test('a group goes on where it committed: after processing, by hand, at an interval', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    await fill(log, 't', 0, 0, 30);
    const group = (commit: 'after-processing' | 'manual' | 'auto') =>
      log.consumer({ topics: ['t'], group: commit, commit, commitIntervalMs: 5, maxRecords: 10, ...TEXT, ...FAST });
    const committed = async (name: string) => (await log.admin.groupOffsets(name))[0]?.offset;
    for (const commit of ['after-processing', 'auto'] as const) {
      const first = group(commit);
      // Two batches, of which the second is in hand and not processed.
      expect(await take(first, 20)).toEqual(numbers(0, 20));
      await until(async () => (await committed(commit)) === 10);
      await first.close();
      expect(await committed(commit)).toBe(10);
      expect(await take(group(commit), 10)).toEqual(numbers(10, 20));
    }
    const manual = group('manual');
    const batch = await manual.next();
    await manual.next();
    expect(await committed('manual')).toBeUndefined();
    await batch.commit();
    expect(await committed('manual')).toBe(10);
    await manual.commit();
    expect(await committed('manual')).toBe(20);
    await manual.next();
    await manual.close();
    expect(await committed('manual')).toBe(20);
  });

  test('members share the partitions, and one that leaves hands over at once', async () => {
    const log = await logs.open(kind, { topics: { t: 4 } });
    for (const partition of [0, 1, 2, 3]) await fill(log, 't', partition, 0, 10);
    const join = () => log.consumer({ topics: ['t'], group: 'g', ...TEXT, ...FAST });
    const [one, two] = [join(), join()];
    const seen: string[] = [];
    const drink = async (consumer: Consumer<Uint8Array, string>) => {
      for await (const { partition, records } of consumer) seen.push(...records.map(({ value }) => `${partition}:${value}`));
    };
    const loops = [drink(one), drink(two)];
    await until(() => seen.length === 40 && one.assignment.length === 2 && two.assignment.length === 2);
    expect(await log.admin.describeGroup('g')).toMatchObject({ state: 'Stable', members: [{}, {}] });
    await two.close();
    // Long before the session of 45 s could time out, were it not for the leave: its own heartbeats have ended.
    await until(() => one.assignment.length === 4);
    for (const partition of [0, 1, 2, 3]) await fill(log, 't', partition, 10, 12);
    await until(() => seen.length >= 48);
    await log.close();
    await Promise.all(loops);
    expect(new Set(seen).size).toBe(48);
    expect(seen.length).toBe(48);
  });

  test('records one by one, as streams too', async () => {
    const log = await logs.open(kind, { topics: { t: 1, u: 1 } });
    await fill(log, 't', 0, 0, 10);
    const source = log.consumer({ topics: ['t'], group: 'g', ...TEXT, ...FAST });
    const seen: string[] = [];
    for await (const { value } of source.records()) {
      seen.push(value!);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual(numbers(0, 4));
    // The fourth was in hand when the loop was left.
    await source.close();
    expect((await log.admin.groupOffsets('g'))[0]!.offset).toBe(3);
    const producer = log.producer({ acks: 1 });
    const input = log.consumer({ topics: ['t'], ...TEXT });
    let copied = 0;
    await pipeline(
      input.readable(),
      async function* (records: AsyncIterable<{ value: string }>) {
        for await (const { value } of records) {
          yield { value: `${value}!` };
          if (++copied === 10) return;
        }
      },
      producer.writable('u'),
    );
    const output = log.consumer({ topics: ['u'], ...TEXT });
    const reader = output.readableStream().getReader();
    for (let i = 0; i < 10; i++) expect((await reader.read()).value).toMatchObject({ value: `${i}!` });
    await reader.cancel();
    const writer = producer.writableStream('u').getWriter();
    await writer.write({ value: 'web' });
    await writer.close();
    expect((await log.admin.offsets('u', 'latest'))[0]!.offset).toBe(11);
  });
});
