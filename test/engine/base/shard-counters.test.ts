// Counters written by a shard and read back by another thread's eyes: buckets, rows, what finds no room.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allocateCounters,
  Histogram,
  histogramBound,
  histogramBucket,
  HISTOGRAM_BUCKETS,
  VERSION_WORD,
} from '../../../src/engine/base/counter-layout.ts';
import { ShardCounters } from '../../../src/engine/base/shard-counters.ts';
import { readShard } from '../../../src/engine/base/shard-reading.ts';
import { uuidFromBytes, uuidToBytes, systemUuidSource } from '../../../src/engine/base/uuid.ts';

const anyValue = fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }));

describe('histogram buckets', () => {
  test('every number is at most the bound of its bucket and above that of the one before', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bucket = histogramBucket(value);
        expect(bucket).toBeLessThan(HISTOGRAM_BUCKETS);
        expect(value).toBeLessThanOrEqual(histogramBound(bucket));
        if (bucket > 0) expect(value).toBeGreaterThan(histogramBound(bucket - 1));
      }),
    );
  });

  test('what was observed is read: each in its bucket, count and sum', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 50 }), (values) => {
        const memory = allocateCounters({ topics: 2, partitions: 0, offsets: 0, groups: 0 });
        const counters = new ShardCounters(memory);
        for (const value of values) counters.observe(Histogram.COMMIT_BYTES, value);
        const { commitBytes, tickUs } = readShard(memory)!;
        expect(commitBytes.count).toBe(values.length);
        expect(commitBytes.sum).toBe(values.reduce((sum, value) => sum + value, 0));
        values.forEach((value) => expect(commitBytes.buckets[histogramBucket(value)]).toBeGreaterThan(0));
        expect(tickUs.count).toBe(0);
      }),
    );
  });

  test('a time that ran over the end of its clock counts as the greatest', () => {
    const memory = allocateCounters();
    const counters = new ShardCounters(memory);
    counters.tickBeganUs = 2 ** 31 - 10;
    const began = counters.tickBeganUs;
    counters.tickBeganUs = (began + 30) | 0;
    expect(counters.elapsedUs(began)).toBe(30);
    counters.observe(Histogram.TICK_US, -1);
    expect(readShard(memory)!.tickUs.buckets[HISTOGRAM_BUCKETS - 3]).toBe(1);
  });
});

describe('topic rows', () => {
  const ids = Array.from({ length: 4 }, () => uuidToBytes(systemUuidSource.next()));

  test("a row is its topic's until it is given back, and empty for the next", () => {
    const memory = allocateCounters({ topics: 3, partitions: 0, offsets: 0, groups: 0 });
    const counters = new ShardCounters(memory);
    const first = counters.takeTopicRow(ids[0]!);
    const second = counters.takeTopicRow(ids[1]!);
    counters.appended(first, 100, 3);
    counters.fetched(second, 50, true);
    counters.produced(second, false);
    expect(readShard(memory)!.topics).toMatchObject([
      { topicId: uuidFromBytes(ids[0]!), bytesIn: 100, recordsIn: 3, batchesIn: 1, fetches: 0 },
      { topicId: uuidFromBytes(ids[1]!), bytesOut: 50, fetches: 1, fetchesFailed: 1, produces: 1, producesFailed: 0, bytesIn: 0 },
    ]);
    counters.giveTopicRow(first);
    expect(readShard(memory)!.topics.map(({ topicId }) => topicId)).toEqual([uuidFromBytes(ids[1]!)]);
    expect(counters.takeTopicRow(ids[2]!)).toBe(first);
    expect(readShard(memory)!.topics[0]).toMatchObject({ topicId: uuidFromBytes(ids[2]!), bytesIn: 0, recordsIn: 0 });
  });

  test('a topic that finds no row is counted where nobody is taken for it', () => {
    const memory = allocateCounters({ topics: 2, partitions: 0, offsets: 0, groups: 0 });
    const counters = new ShardCounters(memory);
    counters.takeTopicRow(ids[0]!);
    const none = counters.takeTopicRow(ids[1]!);
    counters.appended(none, 100, 1);
    counters.giveTopicRow(none);
    expect(readShard(memory)!.topics).toMatchObject([{ topicId: uuidFromBytes(ids[0]!), bytesIn: 0 }]);
    expect(counters.takeTopicRow(ids[2]!)).toBe(none);
  });
});

test('a shard that died in the midst of a statement is not waited for', () => {
  const memory = allocateCounters();
  Atomics.add(new Int32Array(memory), VERSION_WORD, 1);
  expect(readShard(memory)).toBeNull();
});
