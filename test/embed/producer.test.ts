// Producer: records into an embedded log, one by one and many at once, within a bound of bytes.

import { describe, expect, test } from 'vitest';
import { codec } from '../../src/embed/codec.ts';
import type { EmbeddedLog } from '../../src/embed/embedded-log.ts';
import { RinglogError } from '../../src/embed/ringlog-error.ts';
import { BatchHeader } from '../../src/engine/record/batch-header.ts';
import { BatchWalker, WalkStatus } from '../../src/engine/record/batch-walker.ts';
import { recordsIn } from '../../src/engine/record/log-records.ts';
import { keyPartition } from '../../src/net/kafka/client/key-partition.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const MIB = 1024 * 1024;

async function recordsOf(log: EmbeddedLog, topic: string, partition: number) {
  const all = [];
  for (;;) {
    const { records } = await log.access.fetch(topic, partition, all.length, MIB, 0);
    const fresh = [...recordsIn(records)].filter(({ offset }) => offset >= all.length);
    if (fresh.length === 0) return all;
    all.push(...fresh);
  }
}

const valuesOf = async (log: EmbeddedLog, topic: string, partition: number): Promise<string[]> =>
  (await recordsOf(log, topic, partition)).map(({ value }) => Buffer.from(value!).toString());

/** Headers of the batches from offset 0 on. */
async function batchesOf(log: EmbeddedLog, topic: string) {
  const { records } = await log.access.fetch(topic, 0, 0, MIB, 0);
  const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });
  walker.wrap(records, 0, records.length, 0);
  const found = [];
  while (walker.next() === WalkStatus.BATCH) {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    const { producerId, baseSequence, recordCount } = new BatchHeader(view, walker.offset);
    found.push({ producerId, baseSequence, recordCount });
  }
  return found;
}

describe.each(KINDS)('$name', (kind) => {
  const logs = useTemporaryLogs();

  test('records are stored as given, where their key or the caller says', async () => {
    const log = await logs.open(kind, { topics: { t: 3 } });
    const producer = log.producer();
    const key = 'käy';
    const partition = keyPartition(Buffer.from(key), 3);
    const headers = { one: 'ä', two: new Uint8Array([1, 2]), none: null };
    expect(await producer.send('t', { key, value: 'väl', headers, timestamp: 2 ** 40 })).toEqual({
      topic: 't',
      partition,
      offset: 0,
      durability: 'disk',
    });
    expect(await producer.send('t', { key, value: null, timestamp: 7 })).toMatchObject({ partition, offset: 1 });
    const [one, two] = await recordsOf(log, 't', partition);
    expect(one).toMatchObject({ timestamp: 2 ** 40, key: Buffer.from(key), value: Buffer.from('väl') });
    expect(one!.headers.map(({ key: name, value }) => [name, value && [...value]])).toEqual([
      ['one', [...Buffer.from('ä')]],
      ['two', [1, 2]],
      ['none', null],
    ]);
    expect(two).toMatchObject({ timestamp: 7, value: null });
    expect(await producer.send('t', { key, value: 'x', partition: 2 })).toMatchObject({ partition: 2 });
    const own = log.producer({ acks: 1, partitioner: (bytes, count) => bytes!.length % count });
    expect(await own.send('t', { key: 'four', value: 'x' })).toMatchObject({ partition: 1, durability: 'written' });
    expect(await log.producer({ acks: 0 }).send('t', { value: 'x' })).toMatchObject({ offset: -1, durability: 'sent' });
  });

  test('what is sent in one turn goes as one batch, with the sequence of an idempotent producer', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    const producer = log.producer({ acks: 1 });
    const turn = async (count: number) => Promise.all(Array.from({ length: count }, (_, i) => producer.send('t', { value: String(i) })));
    expect((await turn(10)).map(({ offset }) => offset)).toEqual(Array.from({ length: 10 }, (_, i) => i));
    await turn(3);
    const [first, second] = await batchesOf(log, 't');
    expect(first).toMatchObject({ baseSequence: 0, recordCount: 10 });
    expect(second).toEqual({ producerId: first!.producerId, baseSequence: 10, recordCount: 3 });
    expect(first!.producerId).toBeGreaterThanOrEqual(0);
    await log.producer({ idempotent: false }).send('t', { value: 'x' });
    expect((await batchesOf(log, 't'))[2]).toEqual({ producerId: -1, baseSequence: -1, recordCount: 1 });
  });

  test('lingering batches go when they are full, flushed or the log closes', async () => {
    const dir = logs.directory();
    const log = await logs.open(kind, { dir, topics: { t: 1 } });
    const producer = log.producer({ acks: 1, lingerMs: 60_000, batchBytes: 4096 });
    for (let i = 0; i < 20; i++) expect(producer.trySend('t', { value: 'x'.repeat(1000) })).toBe(true);
    await producer.flush();
    expect((await batchesOf(log, 't')).every(({ recordCount }) => recordCount <= 4)).toBe(true);
    const unsent = producer.send('t', { value: 'last' });
    await log.close();
    expect(await unsent).toMatchObject({ offset: 20 });
    const again = await logs.open(kind, { dir });
    expect((await valuesOf(again, 't', 0)).at(-1)).toBe('last');
  });

  test('no more than the bound is in flight: trySend says no, send waits in line, order is kept', async () => {
    const log = await logs.open(kind, { topics: { t: 1 }, inFlightBytes: 4 * MIB });
    const producer = log.producer({ acks: 1 });
    const record = (i: number) => ({ value: `${i}:${'x'.repeat(50_000)}` });
    let count = 0;
    // Nothing is answered within one turn of the loop.
    while (producer.trySend('t', record(count))) count++;
    expect(count).toBeGreaterThan(40);
    expect(count).toBeLessThan(85);
    expect(producer.inFlightBytes).toBeLessThanOrEqual(producer.inFlightBytesMax);
    const stop = new AbortController();
    const waiting = [producer.send('t', record(count++)), producer.send('t', record(count++))];
    const dropped = producer.send('t', { value: 'dropped' }, { signal: stop.signal });
    expect(producer.trySend('t', { value: 'not before those' })).toBe(false);
    stop.abort();
    await expect(dropped).rejects.toMatchObject({ name: 'AbortError' });
    const many = Array.from({ length: 200 }, () => record(count++));
    const rest = producer.sendBatch('t', many);
    expect((await Promise.all(waiting)).map(({ offset }) => offset)).toEqual([count - 202, count - 201]);
    const { ranges } = await rest;
    expect(ranges.reduce((sum, range) => sum + range.count, 0)).toBe(200);
    await producer.flush();
    const values = await valuesOf(log, 't', 0);
    expect(values.map((value) => Number(value.split(':')[0]))).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(producer.inFlightBytes).toBe(0);
  });

  test('what is wrong is refused, and what comes after it is stored', async () => {
    const log = await logs.open(kind, { topics: { t: { partitions: 1, configs: { 'max.message.bytes': 2000 } }, u: 1 } });
    const producer = log.producer({ acks: 1 });
    await expect(producer.send('none', { value: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await expect(producer.send('t', { value: 'x', partition: 1 })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await expect(producer.send('t', { value: 'x', timestamp: 1.5 })).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' });
    await expect(producer.send('u', { value: 'x'.repeat(40 * MIB) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await expect(producer.send('t', { value: 'x'.repeat(3000) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    const wrong = [undefined, null, 'x', {}, { val: 'x' }, { value: 5 }, { value: 'x', headers: { a: 5 } }] as unknown as {
      value: string;
    }[];
    for (const one of wrong) {
      await expect(producer.send('t', one)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(producer.sendBatch('t', [one])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(() => producer.trySend('t', one)).toThrow(RinglogError);
    }
    await expect(producer.sendBatch('t', wrong[3] as unknown as [])).rejects.toThrow('takes an array of records');
    const values = Array.from({ length: 30 }, (_, i) => ({ value: String(i).padStart(500, 'x') }));
    // Batches keep to the topic's bound.
    expect((await producer.sendBatch('t', values)).count).toBe(30);
    // Only the shard knows how far in the future a time may lie.
    await expect(producer.send('t', { value: 'late', timestamp: 2 ** 45 })).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' });
    expect(await producer.send('t', { value: 'after' })).toMatchObject({ offset: 30 });
    producer.trySend('t', { value: 'late', timestamp: 2 ** 45 });
    await expect(producer.flush()).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' });
    await producer.close();
    await expect(producer.send('t', { value: 'x' })).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => producer.trySend('t', { value: 'x' })).toThrow(/closed/);
  });

  test('codecs turn values into bytes and back', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    const json = log.producer({ key: codec.string, value: codec.json<{ a: number }>() });
    await json.send('t', { key: 'k', value: { a: 1 } });
    const packed = log.producer({ value: codec.msgpack<Map<string, number>>() });
    await packed.send('t', { value: new Map([['b', 2]]) });
    await expect(json.send('t', { value: (() => 1) as unknown as { a: number } })).rejects.toThrow(TypeError);
    const [one, two] = await recordsOf(log, 't', 0);
    expect(codec.json().decode(one!.value!)).toEqual({ a: 1 });
    expect(codec.string.decode(one!.key!)).toBe('k');
    expect(codec.msgpack().decode(two!.value!)).toEqual({ b: 2 });
  });
});
