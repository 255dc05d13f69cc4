// Conformance: what the descriptors of a Produce frame say.

import { expect, test } from 'vitest';
import { crc32c } from '../../../src/engine/base/crc32c.ts';
import { BatchStatus, Desc, FrameStatus } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { framed, produceRequest, recordBatch, requestBytes, type TopicSpec } from './produce-fixture.ts';
import type { ReactorBench } from './reactor-bench.ts';
import type { SeenFrame } from './tick-recorder.ts';

async function show(bench: ReactorBench, payload: Buffer): Promise<SeenFrame> {
  const { peer } = await bench.connect();
  peer.send(framed(payload));
  await bench.untilFrames(1);
  return bench.recorder.frames[0]!;
}

function oneTopic(...records: (Buffer | null)[]): TopicSpec[] {
  return [{ topic: 'orders', partitions: records.map((bytes, index) => ({ index, records: bytes })) }];
}

export function produceCases({ open, engine }: ConformanceContext): void {
  test.each([3, 8, 9, 12])('version %i: every entry is described, in order', async (version) => {
    const bench = await open();
    const first = recordBatch({
      values: ['a', 'bb', 'ccc'],
      producerId: 2n ** 40n,
      producerEpoch: 7,
      baseSequence: 99,
      baseTimestamp: 1_600_000_000_123n,
    });
    const second = recordBatch({ values: ['d'] });
    const topics: TopicSpec[] = [
      {
        topic: 'orders',
        partitions: [
          { index: 4, records: first },
          { index: 0, records: second },
        ],
      },
      { topic: 'a-longer-topic-name', partitions: [{ index: 17, records: second }] },
    ];
    const frame = await show(
      bench,
      produceRequest({ version, correlationId: 77, acks: 1, timeoutMs: 1234, transactionalId: 'txn', topics }),
    );
    expect(frame).toMatchObject({
      status: FrameStatus.OK,
      apiKey: 0,
      apiVersion: version,
      correlationId: 77,
      acks: 1,
      timeoutMs: 1234,
      txnId: 'txn',
    });
    const seen = frame.entries.map((entry) => [entry.topic.toString(), entry.partition, entry.topicStart, entry.status, entry.topicIsId]);
    expect(seen).toEqual([
      ['orders', 4, 1, BatchStatus.OK, false],
      ['orders', 0, 0, BatchStatus.OK, false],
      ['a-longer-topic-name', 17, 1, BatchStatus.OK, false],
    ]);
    expect(frame.entries.filter((entry) => entry.topicStart === 1).map((entry) => entry.topicPartitions)).toEqual([2, 1]);
    expect(frame.entries.map((entry) => entry.records!.equals(entry.partition === 4 ? first : second))).toEqual([true, true, true]);
    const name = Buffer.from('orders');
    expect(frame.entries[0]!.topicHash).toBe(crc32c(name, 0, name.length) | 0);
    const { words, f64 } = frame.entries[0]!;
    expect([words[Desc.MAGIC], words[Desc.ATTRIBUTES], words[Desc.LAST_OFFSET_DELTA], words[Desc.RECORD_COUNT]]).toEqual([2, 0, 2, 3]);
    expect([words[Desc.PRODUCER_EPOCH], words[Desc.BASE_SEQUENCE], f64[Desc.PRODUCER_ID_F64]]).toEqual([7, 99, 2 ** 40]);
    expect([f64[Desc.BASE_TIMESTAMP_F64], f64[Desc.MAX_TIMESTAMP_F64], f64[Desc.BASE_OFFSET_F64]]).toEqual([
      1_600_000_000_123, 1_600_000_000_125, 0,
    ]);
  });

  test('version 13 names topics by id, and no transactional id is null', async () => {
    const bench = await open();
    const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const topics = [{ topic: id, partitions: [{ index: 3, records: recordBatch() }] }];
    const frame = await show(bench, produceRequest({ version: 13, acks: -1, topics }));
    expect(frame).toMatchObject({ status: FrameStatus.OK, acks: -1, txnId: null });
    expect(frame.entries).toHaveLength(1);
    expect(frame.entries[0]).toMatchObject({ topicIsId: true, partition: 3, status: BatchStatus.OK, topicHash: crc32c(id, 0, 16) | 0 });
    expect(frame.entries[0]!.topic.equals(id)).toBe(true);
  });

  test.each([3, 9])('version %i: what is wrong with each batch is told', async (version) => {
    const bench = await open();
    const good = recordBatch({ values: ['x', 'y'] });
    const short = Buffer.from(good.subarray(0, good.length - 1));
    const topics = oneTopic(
      good,
      null,
      Buffer.alloc(0),
      good.subarray(0, 30),
      short,
      recordBatch({ magic: 1 }),
      recordBatch({ badCrc: true }),
      Buffer.concat([good, good]),
      recordBatch({ values: ['x', 'y'], recordCount: 3 }),
      recordBatch({ recordCount: 0 }),
      recordBatch({ attributes: 0x7 }),
      recordBatch({ attributes: 1 << 9 }),
    );
    const frame = await show(bench, produceRequest({ version, topics }));
    expect(frame.status).toBe(FrameStatus.OK);
    expect(frame.entries.map((entry) => entry.status)).toEqual([
      BatchStatus.OK,
      BatchStatus.EMPTY,
      BatchStatus.EMPTY,
      BatchStatus.BAD_LENGTH,
      BatchStatus.BAD_LENGTH,
      BatchStatus.BAD_MAGIC,
      BatchStatus.BAD_CRC,
      BatchStatus.SEVERAL_BATCHES,
      BatchStatus.BAD_COUNT,
      BatchStatus.BAD_COUNT,
      BatchStatus.BAD_ATTRIBUTES,
      BatchStatus.BAD_ATTRIBUTES,
    ]);
    expect(frame.entries[1]!.records).toBe(null);
    expect(frame.entries[5]!.words[Desc.MAGIC]).toBe(1);
  });

  test('a body that ends early or has bytes left over is malformed and describes nothing', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    const whole = produceRequest({ version: 9, topics: oneTopic(recordBatch()) });
    peer.send(framed(whole.subarray(0, whole.length - 1)));
    peer.send(framed(Buffer.concat([whole, Buffer.from([0])])));
    peer.send(framed(whole));
    await bench.untilFrames(3);
    const seen = bench.recorder.frames.map((frame) => [frame.status, frame.entries.length]);
    expect(seen).toEqual([
      [FrameStatus.MALFORMED, 0],
      [FrameStatus.MALFORMED, 0],
      [FrameStatus.OK, 1],
    ]);
  });

  test('a Produce version that nobody speaks is shown and not walked', async () => {
    const bench = await open();
    const frame = await show(bench, requestBytes(0, 99, 5, 40));
    expect(frame).toMatchObject({ status: FrameStatus.OK, apiKey: 0, apiVersion: 99, correlationId: 5, entries: [] });
  });

  test('frames wait for descriptors of the next tick; more than the table holds are refused', async () => {
    const bench = await open({ smallRings: engine.choosesRings });
    const { peer } = await bench.connect();
    const most = bench.reactor.descCapacity;
    const each = Math.floor(most / 2) + 1;
    const request = (correlationId: number, entries: number): Buffer =>
      framed(produceRequest({ version: 3, correlationId, topics: oneTopic(...Array.from({ length: entries }, () => null)) }));
    const ids = [1, 2, 3, 4, 5];
    peer.send(Buffer.concat([...ids.map((id) => request(id, each)), request(6, most + 1), request(7, most)]));
    await bench.untilFrames(7);
    const { frames } = bench.recorder;
    expect(frames.map((frame) => [frame.correlationId, frame.status, frame.entries.length])).toEqual([
      ...ids.map((id) => [id, FrameStatus.OK, each]),
      [6, FrameStatus.TOO_MANY_PARTITIONS, 0],
      [7, FrameStatus.OK, most],
    ]);
    for (const frame of frames.slice(0, 5))
      expect(frame.entries.map((entry) => entry.partition)).toEqual(Array.from({ length: each }, (_, i) => i));
    // Each of them fills more than half of the table, so no two can share a tick.
    expect(new Set(frames.slice(0, 5).map((frame) => frame.tick)).size).toBe(5);
  });
}
