// Batches for a client library that takes them whole: full or lingered, so many at a time, in order, every record answered.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OutgoingRecord, RecordOutcome } from '../../src/contracts/js-client.ts';
import { BatchingProducer } from '../../src/drivers/platformatic/batching-producer.ts';
import { consumerOptions, libraryConsumerSettings, libraryProducerSettings } from '../../src/drivers/platformatic/platformatic-settings.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Sent {
  readonly values: readonly number[];
  readonly answer: (error?: Error) => Promise<unknown>;
}

function made(inFlightMax = 2) {
  const sent: Sent[] = [];
  const outcomes: (readonly [value: number, failed: boolean])[] = [];
  const lost: Error[] = [];
  const producer = new BatchingProducer({
    ...{ lingerMs: 5, batchBytes: 300, messageBytes: 100, bufferBytes: 1000, inFlightMax },
    sendBatch: (records) =>
      new Promise<void>((resolve, reject) => {
        const answer = (error?: Error): Promise<unknown> => {
          if (error === undefined) resolve();
          else reject(error);
          return vi.advanceTimersByTimeAsync(0);
        };
        sent.push({ values: records.map(({ value }) => value[0]!), answer });
      }),
    close: () => Promise.resolve(),
    isLost: ({ message }) => message === 'gone',
    failed: (error) => void lost.push(error),
  });
  let next = 0;
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const value = next++;
      const record: OutgoingRecord = { key: null, value: Uint8Array.of(value), stamp: null };
      producer.send(record, -1, ({ error }: RecordOutcome) => void outcomes.push([value, error !== null]));
    }
  };
  return { producer, sent, outcomes, lost, send };
}

const valuesOf = (sent: readonly Sent[]): (readonly number[])[] => sent.map(({ values }) => values);

test('a batch goes when it is full, or when its first record has waited long enough', async () => {
  const { sent, send, producer } = made();
  send(4);
  expect(valuesOf(sent)).toEqual([[0, 1, 2]]);
  await vi.advanceTimersByTimeAsync(4);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(valuesOf(sent)).toEqual([[0, 1, 2], [3]]);
  expect(producer.room).toBe(6);
});

test('no more than so many at a time; what waits meanwhile goes in whole batches, and each lingers for itself', async () => {
  const { sent, send, producer, outcomes } = made(1);
  send(8);
  await vi.advanceTimersByTimeAsync(100);
  expect(valuesOf(sent)).toEqual([[0, 1, 2]]);
  await sent[0]!.answer();
  expect(valuesOf(sent)).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
  await sent[1]!.answer();
  // Two are left, and they have not lingered since.
  expect(sent).toHaveLength(2);
  send(1);
  expect(sent[2]!.values).toEqual([6, 7, 8]);
  await sent[2]!.answer();
  expect(outcomes).toEqual(Array.from({ length: 9 }, (_, value) => [value, false]));
  expect(producer).toMatchObject({ batches: 3, room: 10 });
});

test('a batch that fails fails its records alone, unless the system is gone', async () => {
  const { sent, send, lost, outcomes } = made();
  send(6);
  await sent[0]!.answer(new Error('NOT_ENOUGH_REPLICAS'));
  expect(outcomes).toEqual([0, 1, 2].map((value) => [value, true]));
  expect(lost).toEqual([]);
  await sent[1]!.answer(new Error('gone'));
  expect(lost.map(({ message }) => message)).toEqual(['gone']);
});

test("Java's settings in the library's words; what it does not know is named, what cannot be is refused", () => {
  expect(libraryProducerSettings({ acks: '1', 'partitioner.class': 'x', 'client.id': 'y' })).toMatchObject({
    effective: { acks: '1', 'linger.ms': '5' },
    ignored: ['partitioner.class'],
  });
  expect(() => libraryProducerSettings({ acks: '2' })).toThrow('acks=2: must be');
  expect(() => libraryProducerSettings({ acks: '1', 'enable.idempotence': 'true' })).toThrow('needs acks=all');
  expect(() => libraryProducerSettings({ 'linger.ms': 'soon' })).toThrow('linger.ms=soon: must be a whole number');
  const consumer = libraryConsumerSettings({ 'auto.offset.reset': 'latest', 'enable.auto.commit': 'true' });
  expect(consumerOptions(consumer.effective)).toMatchObject({ fallbackMode: 'latest', autocommit: 5000, isolationLevel: 0 });
  expect(() => libraryConsumerSettings({ 'isolation.level': 'none' })).toThrow('isolation.level=none: must be');
});
