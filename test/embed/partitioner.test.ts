// Where records without a key go: to one partition for a batch's worth of bytes, then to another, over time to all alike.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomFrom } from '../../src/cli/crash/random-from.ts';
import { StickyPartition } from '../../src/embed/partitioner.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

const logs = useTemporaryLogs();
const BATCH_BYTES = 1024;

test('stays for a batch, then moves to another partition', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 50 }),
      (seed, count, sizes) => {
        const sticky = new StickyPartition(BATCH_BYTES, randomFrom(seed));
        let at = sticky.choose(count);
        let bytes = 0;
        for (const size of sizes) {
          const chosen = sticky.choose(count);
          expect(chosen).toBeGreaterThanOrEqual(0);
          expect(chosen).toBeLessThan(count);
          if (bytes < BATCH_BYTES) expect(chosen).toBe(at);
          else {
            if (count > 1) expect(chosen).not.toBe(at);
            bytes = 0;
          }
          at = chosen;
          sticky.add(size);
          bytes += size;
        }
      },
    ),
  );
});

test('every partition gets its share', () => {
  const sticky = new StickyPartition(BATCH_BYTES, randomFrom(7));
  const count = 5;
  const moves = 10_000;
  const got = Array.from({ length: count }, () => 0);
  for (let i = 0; i < moves; i++) {
    got[sticky.choose(count)]!++;
    sticky.add(BATCH_BYTES);
  }
  for (const one of got) expect(Math.abs(one - moves / count)).toBeLessThan(moves / count / 10);
});

test('a producer sends records without a key a batch at a time, and those of a topic that grew to the new ones too', async () => {
  const log = await logs.open(KINDS[0], { topics: { t: 3 } });
  const producer = log.producer({ acks: 1, batchBytes: BATCH_BYTES });
  const value = Buffer.alloc(100);
  const send = async (): Promise<number[]> => {
    const results = await Promise.all(Array.from({ length: 3000 }, () => producer.send('t', { value })));
    return results.map(({ partition }) => partition);
  };
  const before = await send();
  const runs: number[] = [];
  for (let i = 0; i < before.length; i++) {
    if (i > 0 && before[i] === before[i - 1]) runs[runs.length - 1]!++;
    else runs.push(1);
  }
  // A record takes a little over 100 bytes: ten of them are a batch's worth. The last run may be cut off.
  expect(new Set(runs.slice(0, -1))).toEqual(new Set([10]));
  expect(new Set(before)).toEqual(new Set([0, 1, 2]));
  await log.admin.createPartitions('t', 5);
  expect(new Set(await send())).toEqual(new Set([0, 1, 2, 3, 4]));
});
