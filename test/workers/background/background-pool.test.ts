// Background threads: made when needed, replaced when one dies, ended with the broker.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import type { CleanJob } from '../../../src/engine/log/cleaner/clean-job.ts';
import { BackgroundPool } from '../../../src/workers/background/background-pool.ts';
import { BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { keyed, kv } from '../../engine/log/cleaner/cleaner-bench.ts';
import { compileSources } from '../compiled.ts';

const parsed = parseBrokerConfig([]);
if (!parsed.ok) throw new Error(parsed.errors.join());
const { config } = parsed.settings;
let dir: string;
let pool: BackgroundPool | undefined;

beforeAll(() => compileSources());
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'ringlog-pool-'))));
afterEach(async () => {
  await pool?.close();
  rmSync(dir, { recursive: true, force: true });
});

function job(): CleanJob {
  const first = keyed(kv('a=1', 'a=2'));
  const second = keyed(kv('a=3'));
  new BatchHeader(new DataView(second.buffer)).baseOffset = 2;
  const bytes = Buffer.concat([first, second]);
  writeFileSync(join(dir, '00000000000000000000.log'), bytes);
  return {
    dir,
    sources: [{ baseOffset: 0, sizeBytes: bytes.length, nextBaseOffset: 3, holes: [] }],
    allBases: [0, 3],
    firstDirtyOffset: 0,
    endOffset: 3,
    producers: [],
    nowMs: 0,
    deleteRetentionMs: 0,
    segmentBytes: 1000,
    segmentIndexBytes: 1000,
    indexIntervalBytes: 100,
  };
}

test('a job is done on a thread, and the files are there', async () => {
  pool = new BackgroundPool(config);
  expect(await pool.clean(job())).toMatchObject({ kind: 'cleaned', cleanedToOffset: 3, droppedRecords: 2, segments: [{ baseOffset: 0 }] });
  expect(readdirSync(dir).sort()).toEqual(
    ['index.cleaned', 'log', 'log.cleaned', 'timeindex.cleaned'].map((end) => `${'0'.repeat(20)}.${end}`),
  );
});

test('a thread that dies takes its job along; the next one starts where nothing happened', async () => {
  pool = new BackgroundPool(config, new URL('./dying-worker.mjs', import.meta.url));
  await expect(pool.clean(job())).rejects.toThrow();
  expect(await pool.clean(job())).toMatchObject({ kind: 'cleaned', cleanedToOffset: 3 });
});

test('an error of the disk comes back as what it is', async () => {
  pool = new BackgroundPool(config);
  const gone = { ...job(), dir: join(dir, 'gone') };
  await expect(pool.clean(gone)).rejects.toThrow('ENOENT');
});

test('closing ends what runs, and nothing begins behind it', async () => {
  const slow = { ...config, 'log.cleaner.io.max.bytes.per.second': 1 };
  pool = new BackgroundPool(slow);
  const big = job();
  // More than the throttle's first grain.
  const batch = keyed([['b', 'x'.repeat(10_000)]]);
  new BatchHeader(new DataView(batch.buffer)).baseOffset = 3;
  writeFileSync(join(dir, '00000000000000000003.log'), batch);
  const sources = [...big.sources, { baseOffset: 3, sizeBytes: batch.length, nextBaseOffset: 4, holes: [] }];
  const running = pool.clean({ ...big, sources, endOffset: 4 });
  const ended = expect(running).rejects.toThrow();
  await pool.close();
  await ended;
  expect(readdirSync(dir).filter((name) => name.endsWith('.cleaned'))).toEqual([]);
  await expect(new BackgroundPool(config).close()).resolves.toBeUndefined();
  await expect(pool.clean(job())).rejects.toThrow();
});
