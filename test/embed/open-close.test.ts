// A log that is opened and closed again and again leaves nothing behind: no descriptor, no thread, no mapping, even while
// somebody keeps the closed log. OPEN_CLOSE=long does it 200 times.

import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { EmbeddedLog } from '../../src/embed/embedded-log.ts';
import { KINDS, useTemporaryLogs } from './temporary-log.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const LONG = process.env['OPEN_CLOSE'] === 'long';
/** Threads cost the most. */
const ROUNDS = [
  { kind: KINDS[0], rounds: LONG ? 130 : 30 },
  { kind: KINDS[1], rounds: LONG ? 30 : 5 },
  { kind: KINDS[2], rounds: LONG ? 30 : 20 },
  { kind: KINDS[3], rounds: LONG ? 10 : 3 },
] as const;

interface Held {
  readonly files: number;
  readonly threads: number;
  /** Of the log's files and rings; the heap's own come and go. */
  readonly mappings: number;
}

function held(): Held {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return {
    files: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    mappings: maps.filter((line) => /io_uring|ringlog-embed/.test(line)).length,
  };
}

/** Shared memory and arenas, mapped or not: what the process may address. */
function addressedMiB(): number {
  return Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;
}

async function round(log: EmbeddedLog): Promise<void> {
  const producer = log.producer();
  await Promise.all([0, 1, 2, 3].map((partition) => producer.send('t', { partition, value: 'x'.repeat(100) })));
  const [first] = (await log.consumer({ topics: ['t'] }).next()).records;
  expect(first!.value!.length).toBe(100);
  // Closed with a sync on its way: the descriptor it holds must go too.
  producer.send('t', { value: 'unanswered' }).catch(() => undefined);
}

describe.skipIf(process.platform !== 'linux')('open and close', () => {
  const logs = useTemporaryLogs();

  test.each(ROUNDS)('$rounds times $kind.name', async ({ kind, rounds }) => {
    const dir = logs.directory();
    const once = async () => {
      const log = await logs.open(kind, { dir, topics: { t: 4 }, config: { 'ringlog.commit': 'segments' } });
      await round(log);
      await log.close();
    };
    // What is loaded and pooled once for the process is there after a few.
    for (let i = 0; i < (kind.shards === 0 ? 5 : 2); i++) await once();
    const before = held();
    collect();
    const addressedBefore = addressedMiB();
    for (let i = 0; i < rounds; i++) await once();
    const after = held();
    expect(after.mappings).toBeLessThanOrEqual(before.mappings);
    expect(after.threads).toBeLessThanOrEqual(before.threads + 1);
    expect(after.files).toBeLessThanOrEqual(before.files + 2);
    // An arena that stays is half a GiB each time; what the collector frees is freed soon.
    const endMs = Date.now() + 60_000;
    while (addressedMiB() - addressedBefore > rounds * 100 + 1500 && Date.now() < endMs) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(addressedMiB() - addressedBefore).toBeLessThan(rounds * 100 + 1500);
  });

  test.each(KINDS.slice(0, 2))('one that dies, $name', async (kind) => {
    const dir = logs.directory();
    const once = async () => {
      const log = await logs.open(kind, { dir, topics: { t: 4 } });
      await round(log);
      log.die(new Error('for the test'));
      expect(() => log.producer()).toThrow(/for the test/);
      await log.close();
    };
    await once();
    const before = held();
    for (let i = 0; i < 3; i++) await once();
    const after = held();
    expect(after.mappings).toBeLessThanOrEqual(before.mappings);
    expect(after.threads).toBeLessThanOrEqual(before.threads + 1);
    expect(after.files).toBeLessThanOrEqual(before.files);
  });
});
