// What comes in one turn of the event loop leaves as few batches, in order, and what may be refused for itself leaves alone.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AppendPart, AppendGather } from '../../../src/net/http/gateway/append-gather.ts';
import type { GatewayLog, TopicLimits } from '../../../src/net/http/gateway/gateway-log.ts';
import type { TopicImage } from '../../../src/engine/metadata/metadata-image.ts';
import { recordsIn } from '../../../src/engine/record/log-records.ts';

const topic = { name: 't', partitions: [{}, {}, {}] } as unknown as TopicImage;
const NOW = 1_700_000_000_000;

interface Produced {
  readonly partition: number;
  readonly acks: number;
  readonly values: string[];
}

/** Takes everything; `refuse` says which batches not. */
function fakeLog(
  limits: Partial<TopicLimits> = {},
  refuse: (values: string[]) => number = () => 0,
): { log: GatewayLog; produced: Produced[] } {
  const produced: Produced[] = [];
  const ends = [0, 0, 0];
  const produce: GatewayLog['produce'] = async (_topic, partition, batch, acks) => {
    const values = [...recordsIn(batch)].map(({ value }) => Buffer.from(value!).toString());
    produced.push({ partition, acks, values });
    const errorCode = refuse(values);
    const baseOffset = errorCode === 0 ? ends[partition]! : -1;
    if (errorCode === 0) ends[partition]! += values.length;
    return { errorCode, baseOffset, logAppendTimeMs: -1, logStartOffset: 0 };
  };
  const all = { maxBatchBytes: 1_000_000, compacts: false, timestampSpanMs: 3_600_000, ...limits };
  return { log: { limits: () => all, produce } as unknown as GatewayLog, produced };
}

type Outcome = { offset: number } | { status: number };

class Adder {
  readonly outcomes = new Map<string, Outcome>();
  readonly gather = new AppendGather(() => NOW);
  private readonly log: GatewayLog;
  private waiting = 0;
  private done: () => void = () => undefined;

  constructor(log: GatewayLog) {
    this.log = log;
  }

  add(
    name: string,
    partition: number,
    given: Partial<AppendPart> & { acks?: number; key?: string; timestamp?: number; count?: number } = {},
  ): void {
    const { acks = 1, key, timestamp, count = 1, ...part } = given;
    this.waiting++;
    const end = (outcome: Outcome): void => {
      this.outcomes.set(name, outcome);
      if (--this.waiting === 0) this.done();
    };
    const records = Array.from({ length: count }, (_, i) => ({
      key: key === undefined ? null : Buffer.from(key),
      value: Buffer.from(count === 1 ? name : `${name}${i}`),
      ...(timestamp === undefined ? {} : { timestamp }),
    }));
    const onStored = (offset: number): void => end({ offset });
    this.gather.add(this.log, topic, partition, acks, { records, bytes: 100 * count, producer: null, onStored, onFault: end, ...part });
  }

  answered(): Promise<void> {
    return this.waiting === 0 ? Promise.resolve() : new Promise((resolve) => (this.done = resolve));
  }
}

test('the parts of a turn are one batch a partition, and each hears where its own records are', async () => {
  const { log, produced } = fakeLog();
  const adder = new Adder(log);
  adder.add('a', 0);
  adder.add('b', 1);
  adder.add('c', 0, { count: 3 });
  adder.add('d', 0, { timestamp: NOW - 1000 });
  expect(produced).toEqual([]);
  await adder.answered();
  adder.add('e', 0);
  await adder.answered();
  expect(produced).toEqual([
    { partition: 0, acks: 1, values: ['a', 'c0', 'c1', 'c2', 'd'] },
    { partition: 1, acks: 1, values: ['b'] },
    { partition: 0, acks: 1, values: ['e'] },
  ]);
  expect(Object.fromEntries(adder.outcomes)).toEqual({
    a: { offset: 0 },
    b: { offset: 0 },
    c: { offset: 1 },
    d: { offset: 4 },
    e: { offset: 5 },
  });
});

test('what the topic may refuse for itself, or has numbers of a producer, goes alone and fails alone', async () => {
  const { log, produced } = fakeLog({ compacts: true }, (values) => (values[0]!.startsWith('bad') ? 87 : 0));
  const adder = new Adder(log);
  const producer = { producerId: 5, producerEpoch: 0, baseSequence: 0 };
  adder.add('a', 0, { key: 'k' });
  adder.add('bad-keyless', 0);
  adder.add('b', 0, { key: 'k' });
  adder.add('bad-time', 0, { key: 'k', timestamp: NOW + 3_000_000 });
  adder.add('c', 0, { key: 'k' });
  adder.add('d', 0, { key: 'k', producer });
  adder.add('e', 0, { key: 'k', acks: -1 });
  adder.add('f', 0, { key: 'k', acks: -1 });
  await adder.answered();
  expect(produced.map(({ values }) => values)).toEqual([['a'], ['bad-keyless'], ['b'], ['bad-time'], ['c'], ['d'], ['e', 'f']]);
  expect(produced.map(({ acks }) => acks)).toEqual([1, 1, 1, 1, 1, 1, -1]);
  expect(adder.outcomes.get('bad-keyless')).toMatchObject({ status: 400, code: 'INVALID_RECORD' });
  expect(adder.outcomes.get('bad-time')).toMatchObject({ status: 400 });
  expect(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => adder.outcomes.get(name))).toEqual([0, 1, 2, 3, 4, 5].map((offset) => ({ offset })));
});

test('a log that has closed is told to everybody', async () => {
  const { log } = fakeLog();
  const adder = new Adder({ ...log, produce: () => Promise.reject(new Error('closed')) });
  adder.add('a', 0);
  adder.add('b', 0);
  await adder.answered();
  for (const outcome of adder.outcomes.values()) expect(outcome).toMatchObject({ status: 503, code: 'CLOSED' });
});

test('records without a key go to one partition for a turn, and to all in turn', async () => {
  const { log } = fakeLog();
  const adder = new Adder(log);
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) {
    seen.push(adder.gather.keylessPartition(topic));
    expect(adder.gather.keylessPartition(topic)).toBe(seen.at(-1));
    adder.add(`${i}`, 0);
    await adder.answered();
  }
  expect([...new Set(seen)].sort()).toEqual([0, 1, 2]);
});

test('whatever comes, a partition has its records in order, each once, in batches of the size that it takes', async () => {
  const one = fc.record({
    partition: fc.nat(2),
    acks: fc.constantFrom(1, -1),
    count: fc.integer({ min: 1, max: 30 }),
    keyed: fc.boolean(),
    far: fc.boolean(),
    /** The turn ends behind it. */
    last: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(one, { maxLength: 60 }),
      fc.boolean(),
      fc.integer({ min: 500, max: 5000 }),
      async (given, compacts, maxBatchBytes) => {
        const { log, produced } = fakeLog({ compacts, maxBatchBytes });
        const adder = new Adder(log);
        const expected: string[][] = [[], [], []];
        for (const [i, { partition, acks, count, keyed, far, last }] of given.entries()) {
          const values = Array.from({ length: count }, (_, n) => (count === 1 ? `r${i}-` : `r${i}-${n}`));
          expected[partition]!.push(...values);
          adder.add(`r${i}-`, partition, { acks, count, ...(keyed ? { key: 'k' } : {}), ...(far ? { timestamp: 1 } : {}) });
          if (last) await adder.answered();
        }
        await adder.answered();
        for (const [partition, values] of expected.entries()) {
          const own = produced.filter((batch) => batch.partition === partition).flatMap((batch) => batch.values);
          expect(own).toEqual(values);
          for (const [i, { partition: at, count }] of given.entries()) {
            const offset = values.indexOf(count === 1 ? `r${i}-` : `r${i}-0`);
            if (at === partition) expect(adder.outcomes.get(`r${i}-`)).toEqual({ offset });
          }
        }
        for (const { values } of produced) {
          const parts = new Set(values.map((value) => value.split('-')[0]));
          if (parts.size > 1) expect(values.length * 100 + 61).toBeLessThanOrEqual(maxBatchBytes);
        }
      },
    ),
    { numRuns: 60 },
  );
});
