// Random histories of a compacted log against a plain map: appends of every codec, idempotent producers, cleanings with much
// and with little memory, time going by, and a death (of the process or of the power) at any operation of the disk.
//
// After each step: the last value of every key is the map's, a deleted key shows its deletion or nothing, every record still
// has its offset, what was not cleaned is whole, and producers are where they were.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../../src/engine/io/memory-file-system.ts';
import type { LogConfig } from '../../../../src/engine/log/log-config.ts';
import type { Log } from '../../../../src/engine/log/log.ts';
import { BatchAttribute } from '../../../../src/engine/record/batch-header.ts';
import { FakeTickRing } from '../../../support/fake-tick-ring.ts';
import { cleanableRange } from '../../../../src/engine/log/cleaner/cleanable-range.ts';
import { CleanRun } from '../../../../src/engine/log/cleaner/clean-run.ts';
import { cleanLog } from '../../../../src/engine/log/cleaner/clean-log.ts';
import { dumpFaults } from '../kafka-dump-check.ts';
import { DIR, LogBench, NOW } from '../log-bench.ts';
import { batchesOf, clean, DiskDied, keyed, mortal, type Pair, type StoredRecord } from './cleaner-bench.ts';

type How = 'clean' | 'kill' | 'power';
type Step =
  | { kind: 'append'; batches: { pairs: Pair[]; codec: number; producer: boolean }[] }
  | { kind: 'clean'; mapBytes: number; dieAt: number; how: 'kill' | 'power' | 'thread' }
  | { kind: 'wait'; ms: number }
  | { kind: 'restart'; how: How };

const RETENTION_MS = 1000;
const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const pair: fc.Arbitrary<Pair> = fc.tuple(
  keys,
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 60 }).map((n) => `${n}`.repeat(1 + (n % 40))) },
  ),
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        batches: fc.array(
          fc.record({
            pairs: fc.array(pair, { minLength: 1, maxLength: 6 }),
            codec: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
            producer: fc.boolean(),
          }),
          { minLength: 1, maxLength: 10 },
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('clean' as const),
        mapBytes: fc.constantFrom(1, 1_000_000),
        dieAt: fc.oneof({ weight: 1, arbitrary: fc.constant(-1) }, { weight: 2, arbitrary: fc.nat({ max: 1_000_000 }) }),
        how: fc.constantFrom('kill' as const, 'power' as const, 'thread' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, RETENTION_MS * 2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), how: fc.constantFrom<How>('clean', 'kill', 'power') }) },
  ),
  { minLength: 4, maxLength: 30 },
);

class Model {
  readonly disk = new MemoryFileSystem();
  fs = mortal(this.disk);
  bench: LogBench;
  log: Log;
  /** Everything ever appended, by offset. */
  readonly appended: StoredRecord[] = [];
  /** What the cleaner's checkpoint says. */
  checkpoint = 0;
  nowMs = NOW;
  deaths = 0;
  /** Descriptors that dead threads left open. */
  leaked = 0;
  /** Below it records may be missing. */
  private maybeCleanedTo = 0;
  private sequence = 0;
  private readonly config: Partial<LogConfig>;

  constructor(config: Partial<LogConfig>) {
    this.config = { ...config, cleanupCompact: true, cleanupDelete: false, deleteRetentionMs: RETENTION_MS };
    this.bench = new LogBench(this.config, this.fs, new FakeTickRing(this.disk, 1024 * 1024));
    this.log = this.bench.open({ leaderEpoch: 2 });
    this.disk.syncDirectory('/data');
  }

  run(step: Step): void {
    if (step.kind === 'append') this.append(step.batches);
    else if (step.kind === 'wait') this.nowMs += step.ms;
    else if (step.kind === 'restart') this.restart(step.how);
    else this.clean(step);
    this.check();
  }

  private append(batches: Extract<Step, { kind: 'append' }>['batches']): void {
    for (const { pairs, codec, producer } of batches) {
      const options = producer ? { producerId: 8, producerEpoch: 3, baseSequence: this.sequence } : {};
      const offset = this.bench.appendBytes(this.log, keyed(pairs, codec, { timestampMs: this.nowMs, ...options }), this.nowMs);
      expect(offset).toBe(this.appended.length);
      if (producer) this.sequence += pairs.length;
      for (const [i, [key, value]] of pairs.entries()) this.appended.push({ offset: offset + i, timestamp: this.nowMs + i, key, value });
    }
    this.bench.table.requireDurable(this.log);
    this.bench.settle();
    expect(this.log.durableOffset).toBe(this.appended.length);
  }

  private clean({ mapBytes, dieAt, how }: Extract<Step, { kind: 'clean' }>): void {
    const options = { nowMs: this.nowMs, mapBytes };
    const operations = dieAt < 0 ? Infinity : dieAt % (this.operationsOfCleaning(options) + 1);
    if (how === 'thread') return this.abortCleaning(options, operations);
    this.fs.operationsLeft = operations;
    try {
      clean(this.bench, this.log, options);
      this.checkpoint = this.log.firstDirtyOffset;
      this.maybeCleanedTo = Math.max(this.maybeCleanedTo, this.checkpoint);
      this.fs.operationsLeft = Infinity;
    } catch (error) {
      if (!(error instanceof DiskDied)) throw error;
      this.deaths++;
      this.maybeCleanedTo = this.log.active.baseOffset;
      this.reopen(how);
    }
    expect(this.log.holds).toBe(0);
  }

  /** Only the thread that cleans dies: the shard goes on with what it has, beside what that left behind. */
  private abortCleaning(options: { nowMs: number; mapBytes: number }, operations: number): void {
    const fs = mortal(this.disk);
    fs.operationsLeft = operations;
    const range = cleanableRange(this.bench.table, this.log, this.log.writtenOffset, options.nowMs);
    if (range === null) return;
    const run = new CleanRun(this.bench.table, this.log, range, options.nowMs);
    const openBefore = this.disk.openCount;
    try {
      cleanLog(fs, run.job, { mapBytes: options.mapBytes, bufferBytes: 4096 }, { spend: () => undefined });
    } catch (error) {
      if (!(error instanceof DiskDied)) throw error;
    }
    this.leaked += this.disk.openCount - openBefore;
    run.end();
  }

  /** How many calls a cleaning makes of the disk: tried on a copy. */
  private operationsOfCleaning(options: { nowMs: number; mapBytes: number }): number {
    const copy = mortal(this.disk.clone());
    const bench = new LogBench(this.config, copy, new FakeTickRing(copy, 1024 * 1024));
    const log = bench.open({ leaderEpoch: 2, firstDirtyOffset: this.checkpoint, recoveryPoint: this.log.durableOffset });
    const before = copy.used;
    clean(bench, log, options);
    return copy.used - before;
  }

  private restart(how: How): void {
    if (how === 'clean') this.bench.table.close(this.log);
    this.reopen(how);
  }

  private reopen(how: How): void {
    const recoveryPoint = this.log.durableOffset;
    this.leaked = 0;
    if (how === 'power') this.disk.crash();
    else this.disk.kill();
    this.fs = mortal(this.disk);
    this.bench = new LogBench(this.config, this.fs, new FakeTickRing(this.disk, 1024 * 1024));
    this.log = this.bench.open({ leaderEpoch: 2, clean: how === 'clean', recoveryPoint, firstDirtyOffset: this.checkpoint });
    expect(this.log.recovery!.damage).toEqual([]);
    expect(this.log.recovery!.truncatedBytes).toBe(0);
    expect(this.disk.list(DIR).filter((name) => /\.(cleaned|swap|deleted)$/.test(name))).toEqual([]);
    expect(this.log.endOffset).toBe(this.appended.length);
  }

  private check(): void {
    const batches = batchesOf(this.bench, this.log);
    const records = batches.flatMap((batch) => batch.records);
    for (const record of records) expect(record).toEqual(this.appended[record.offset]);
    const last = new Map(this.appended.map((record) => [record.key, record]));
    const found = new Map(records.map((record) => [record.key, record]));
    for (const [key, record] of last) {
      if (found.has(key) || record.value !== null) expect(found.get(key)).toEqual(record);
    }
    const offsets = records.map(({ offset }) => offset);
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    const dirty = this.appended.filter(({ offset }) => offset >= this.maybeCleanedTo);
    expect(records.filter(({ offset }) => offset >= this.maybeCleanedTo).length).toBe(dirty.length);
    for (const { attributes, baseTimestamp } of batches) {
      if ((attributes & BatchAttribute.DELETE_HORIZON) !== 0) expect(baseTimestamp).toBeLessThanOrEqual(this.nowMs + RETENTION_MS);
    }
    if (this.sequence > 0) {
      const [producer] = this.log.producers.list();
      expect([producer?.lastSequence, producer?.producerEpoch]).toEqual([this.sequence - 1, 3]);
    }
    // The active segment's index files are written when it is rolled.
    const { baseOffset } = this.log.active;
    expect(dumpFaults(this.disk, DIR).filter((fault) => !fault.startsWith(`${baseOffset}`))).toEqual([]);
  }
}

test('the last value of every key is what a map says, whatever is cleaned and whenever it dies', () => {
  const configs = fc.record({
    segmentBytes: fc.integer({ min: 900, max: 4000 }),
    indexIntervalBytes: fc.integer({ min: 0, max: 400 }),
    segmentIndexBytes: fc.integer({ min: 60, max: 1000 }),
  });
  let deaths = 0;
  fc.assert(
    fc.property(configs, steps, (config, history) => {
      const model = new Model(config);
      for (const step of history) model.run(step);
      deaths += model.deaths;
      model.bench.table.closeAll();
      expect(dumpFaults(model.disk, DIR)).toEqual([]);
      expect(model.disk.openCount).toBe(model.leaked);
    }),
    { numRuns: Number(process.env['CLEANER_MODEL_RUNS'] ?? 100) },
  );
  expect(deaths).toBeGreaterThan(0);
});
