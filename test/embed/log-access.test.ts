// The narrow face of an embedded log: batches in and out of every partition, on whichever thread leads it.

import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../src/engine/base/error-code.ts';
import { Acks } from '../../src/engine/broker/log-access.ts';
import { buildBatch } from '../../src/engine/record/batch-builder.ts';
import { recordsIn } from '../../src/engine/record/log-records.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const MIB = 1024 * 1024;

function batch(values: readonly string[], key: string | null = null, timestampMs = Date.now()): Uint8Array {
  const records = values.map((value) => ({ key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }));
  return buildBatch(records, { timestampMs });
}

const valuesOf = (records: Uint8Array): string[] => [...recordsIn(records)].map(({ value }) => Buffer.from(value!).toString());

describe.each(KINDS)('$name', (kind) => {
  const logs = useTemporaryLogs();

  test('batches get offsets on every partition and are read back, at every level of acks', async () => {
    const log = await logs.open(kind, { topics: { t: 4 } });
    for (let partition = 0; partition < 4; partition++) {
      const one = await log.access.produce('t', partition, batch([`a${partition}`, `b${partition}`]), Acks.LEADER);
      expect(one).toEqual({ errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 });
      expect(await log.access.produce('t', partition, batch(['c']), Acks.ALL)).toMatchObject({ errorCode: 0, baseOffset: 2 });
      expect(await log.access.produce('t', partition, batch(['d']), Acks.NONE)).toMatchObject({ errorCode: 0, baseOffset: -1 });
      const found = await log.access.fetch('t', partition, 0, MIB, 0);
      expect(valuesOf(found.records).slice(0, 3)).toEqual([`a${partition}`, `b${partition}`, 'c']);
      const last = await log.access.fetch('t', partition, 3, MIB, 20_000);
      expect(valuesOf(last.records)).toEqual(['d']);
      expect(last).toMatchObject({ errorCode: 0, highWatermark: 4, lastStableOffset: 4, logStartOffset: 0 });
    }
  });

  test('a fetch waits for what is not there yet, no longer than told, and not when told to stop', async () => {
    const log = await logs.open(kind, { topics: { t: 1 } });
    expect((await log.access.fetch('t', 0, 0, MIB, 0)).records.length).toBe(0);
    expect(await log.access.fetch('t', 0, 0, MIB, 20)).toMatchObject({ errorCode: 0, highWatermark: 0 });
    const waiting = log.access.fetch('t', 0, 0, MIB, 600_000);
    await log.access.produce('t', 0, batch(['x']), Acks.LEADER);
    expect(valuesOf((await waiting).records)).toEqual(['x']);
    const stop = new AbortController();
    const stopped = log.access.fetch('t', 0, 1, MIB, 600_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
    const closed = log.access.fetch('t', 0, 1, MIB, 600_000);
    const ended = expect(closed).rejects.toMatchObject({ code: 'CLOSED' });
    await log.close();
    await ended;
  });

  test('a batch that the log cannot take is refused with Kafka’s code, and room is given back', async () => {
    const log = await logs.open(kind, {
      topics: { t: 1, compacted: { partitions: 1, configs: { 'cleanup.policy': 'compact' } } },
      inFlightBytes: 4 * MIB,
    });
    const good = batch(['x']);
    const torn = good.slice();
    torn[torn.length - 1]! ^= 1;
    const numbered = good.slice();
    numbered[7] = 1;
    const codes = async (topic: string, partition: number, bytes: Uint8Array, acks = 1) =>
      (await log.access.produce(topic, partition, bytes, acks)).errorCode;
    for (let round = 0; round < 3; round++) {
      expect(await codes('none', 0, good)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      expect(await codes('t', 1, good)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      expect(await codes('t', 0, torn)).toBe(ErrorCode.CORRUPT_MESSAGE);
      expect(await codes('t', 0, numbered)).toBe(ErrorCode.INVALID_RECORD);
      expect(await codes('t', 0, good, 2)).toBe(ErrorCode.INVALID_REQUIRED_ACKS);
      expect(await codes('compacted', 0, good)).toBe(ErrorCode.INVALID_RECORD);
      expect(await codes('t', 0, new Uint8Array(5 * MIB))).toBe(ErrorCode.MESSAGE_TOO_LARGE);
      expect(await codes('t', 0, batch(['x'.repeat(2 * MIB)]))).toBe(ErrorCode.MESSAGE_TOO_LARGE);
    }
    expect(await codes('compacted', 0, batch(['x'], 'k'))).toBe(0);
    expect((await log.access.fetch('none', 0, 0, MIB, 0)).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect((await log.access.fetch('t', 0, 7, MIB, 0)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  });

  test('more than fits in flight waits for room; one that stops waiting leaves none behind', async () => {
    const log = await logs.open(kind, { topics: { t: 2 }, inFlightBytes: 4 * MIB });
    const large = batch(['y'.repeat(900_000)]);
    const stop = new AbortController();
    const sent = Array.from({ length: 24 }, (_, i) => log.access.produce('t', i % 2, large, Acks.ALL));
    const dropped = log.access.produce('t', 0, large, Acks.ALL, stop.signal);
    stop.abort();
    await expect(dropped).rejects.toMatchObject({ name: 'AbortError' });
    const offsets = (await Promise.all(sent)).map(({ baseOffset }) => baseOffset);
    expect(offsets).toEqual(Array.from({ length: 24 }, (_, i) => Math.floor(i / 2)));
  });

  test('append time is the shard’s where the topic says so', async () => {
    const stamped = { partitions: 1, configs: { 'message.timestamp.type': 'LogAppendTime' } };
    const log = await logs.open(kind, { topics: { stamped } });
    const beforeMs = Math.floor(Date.now());
    const { logAppendTimeMs } = await log.access.produce('stamped', 0, batch(['x'], null, 5), Acks.LEADER);
    // Read at the beginning of a tick, which may be a while ago on a busy machine.
    expect(logAppendTimeMs).toBeGreaterThan(beforeMs - 60_000);
    const { records } = await log.access.fetch('stamped', 0, 0, MIB, 0);
    expect([...recordsIn(records)][0]!.timestamp).toBe(logAppendTimeMs);
  });

  test('managed storage is read whole', async () => {
    const log = await logs.open(kind, { topics: { m: { partitions: 2, configs: { 'ringlog.storage': 'managed' } } }, logger: silent });
    for (let i = 0; i < 50; i++) await log.access.produce('m', i % 2, batch([String(i)]), i % 3 === 0 ? Acks.ALL : Acks.LEADER);
    for (const partition of [0, 1]) {
      const { records } = await log.access.fetch('m', partition, 0, MIB, 0);
      expect(valuesOf(records).map(Number)).toEqual(Array.from({ length: 25 }, (_, i) => 2 * i + partition));
    }
  });

  test('what was appended is there after a clean stop, on another number of threads too', async () => {
    const dir = logs.directory();
    const log = await logs.open(kind, { dir, topics: { t: 3 } });
    for (let partition = 0; partition < 3; partition++) await log.access.produce('t', partition, batch(['kept']), Acks.NONE);
    await log.close();
    await expect(log.access.produce('t', 0, batch(['late']), Acks.LEADER)).rejects.toMatchObject({ code: 'CLOSED' });
    const again = await logs.open({ ...kind, shards: kind.shards === 0 ? 2 : 0 }, { dir });
    for (let partition = 0; partition < 3; partition++) {
      expect(valuesOf((await again.access.fetch('t', partition, 0, MIB, 0)).records)).toEqual(['kept']);
    }
  });
});

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
