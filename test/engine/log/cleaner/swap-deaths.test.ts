// A swap killed at every one of its operations, by the death of the process and by a power cut: with tombstones whose time
// has come in later segments than what they deleted, no value comes back, no record is there twice, and offsets do not end
// before they did.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../../src/engine/io/memory-file-system.ts';
import type { Log } from '../../../../src/engine/log/log.ts';
import { FakeTickRing } from '../../../support/fake-tick-ring.ts';
import { DIR, LogBench, NOW } from '../log-bench.ts';
import { cleanLog } from '../../../../src/engine/log/cleaner/clean-log.ts';
import { cleanableRange } from '../../../../src/engine/log/cleaner/cleanable-range.ts';
import { CleanRun } from '../../../../src/engine/log/cleaner/clean-run.ts';
import { clean, cleaned, DiskDied, keyed, mortal, type Pair, recordsIn } from './cleaner-bench.ts';

const CONFIG = { cleanupCompact: true, cleanupDelete: false, segmentBytes: 700, deleteRetentionMs: 1000 };
const LATER = NOW + 2000;

/** Batches; the cleanings in between have little memory, so that they stop on the way and leave tombstones ahead of them. */
function build(history: readonly (readonly Pair[])[]): {
  disk: MemoryFileSystem;
  fs: { operationsLeft: number };
  bench: LogBench;
  log: Log;
  all: Pair[];
} {
  const disk = new MemoryFileSystem();
  const fs = mortal(disk);
  const bench = new LogBench(CONFIG, fs, new FakeTickRing(disk, 1024 * 1024));
  const log = bench.open();
  disk.syncDirectory('/data');
  const all: Pair[] = [];
  for (const [i, pairs] of history.entries()) {
    bench.appendBytes(log, keyed(pairs));
    all.push(...pairs);
    bench.table.requireDurable(log);
    bench.settle();
    if (i % 20 === 19) clean(bench, log, { mapBytes: 1 });
  }
  return { disk, fs, bench, log, all };
}

function check(bench: LogBench, log: Log, all: readonly Pair[], where: string): void {
  const records = recordsIn(bench, log);
  const offsets = records.map(({ offset }) => offset);
  expect(offsets, where).toEqual([...new Set(offsets)].sort((a, b) => a - b));
  const wrong = records.filter(({ offset, key, value }) => key !== all[offset]?.[0] || value !== all[offset][1]);
  expect(wrong, where).toEqual([]);
  const found = new Map(records.map(({ key, value }) => [key, value]));
  const stale = [...new Map(all)].filter(([key, value]) => (value !== null || found.has(key)) && found.get(key) !== value);
  expect(stale, where).toEqual([]);
  expect(log.endOffset, where).toBe(all.length);
}

const pair = fc.tuple(
  fc.integer({ min: 0, max: 8 }).map((n) => `k${n}`),
  fc.oneof(
    fc.constant(null),
    fc.integer({ min: 0, max: 9 }).map((n) => `${n}`.repeat(30)),
  ),
);

test('whenever it dies', () => {
  let deaths = 0;
  const histories = fc.array(fc.array(pair, { minLength: 1, maxLength: 4 }), { minLength: 45, maxLength: 60 });
  fc.assert(
    fc.property(histories, fc.constantFrom('kill', 'power'), (history, how) => {
      for (let left = 0, done = false; !done; left++) {
        const { disk, fs, bench, log, all } = build(history);
        // Room for several sources in each cleaned segment.
        log.config = { ...log.config, segmentBytes: 2500 };
        const range = cleanableRange(bench.table, log, log.writtenOffset, LATER);
        if (range === null) return;
        const run = new CleanRun(bench.table, log, range, LATER);
        const outcome = cleaned(cleanLog(disk, run.job, { mapBytes: 1e6, bufferBytes: 4096 }, { spend: () => undefined }));
        const { durableOffset, firstDirtyOffset } = log;
        fs.operationsLeft = left;
        try {
          run.swapIn(outcome);
          done = true;
        } catch (error) {
          if (!(error instanceof DiskDied)) throw error;
          deaths++;
        }
        if (how === 'power') disk.crash();
        else disk.kill();
        const again = new LogBench(CONFIG, disk, new FakeTickRing(disk, 1024 * 1024));
        const reopened = again.open({ recoveryPoint: durableOffset, firstDirtyOffset });
        check(again, reopened, all, `${how} after ${left} operations`);
        expect(disk.list(DIR).filter((name) => /\.(cleaned|swap|deleted)$/.test(name))).toEqual([]);
        // The next pass, with all records dirty that were, comes to the same.
        // Segments that overlap would end it.
        expect(clean(again, reopened, { nowMs: LATER })?.kind ?? 'cleaned').toBe('cleaned');
        check(again, reopened, all, `${how} after ${left} operations, cleaned again`);
      }
    }),
    { numRuns: Number(process.env['SWAP_DEATH_RUNS'] ?? 6) },
  );
  expect(deaths).toBeGreaterThan(50);
});
