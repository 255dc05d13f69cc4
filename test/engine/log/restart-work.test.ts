// What a start reads depends on how the last run ended, never on how much the log holds; and what it believes without reading
// is what it may believe.

import { describe, expect, test, vi } from 'vitest';
import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { batch, DIR, LogBench } from './log-bench.ts';

const FIRST = `${DIR}/00000000000000000000.log`;
const STEP = 10_000;
const HEADER_CHUNK = 4096;

/** One segment of `batches` batches of 1 KB or so, notes every STEP bytes; synced and checkpointed after `synced` of them. */
function killed(batches: number, synced: number): { fs: MemoryFileSystem; recoveryPoint: number; bytes: number; batchBytes: number } {
  const bench = new LogBench({ indexIntervalBytes: 4096 });
  bench.table.noteStepBytes = STEP;
  const log = bench.open({ session: 'boot 1' });
  bench.fs.syncDirectory('/data');
  let recoveryPoint = 0;
  for (let i = 0; i < batches; i++) {
    bench.append(log, { ...batch(1, 1000), producerId: 1 + (i % 3), producerEpoch: 0, baseSequence: Math.floor(i / 3) });
    if (i + 1 === synced) bench.table.requireDurable(log);
    bench.settle();
    if (i + 1 === synced) recoveryPoint = bench.checkpoint();
  }
  bench.fs.kill();
  const bytes = bench.fs.bytesOf(FIRST).length;
  return { fs: bench.fs, recoveryPoint, bytes, batchBytes: bytes / batches };
}

function reopen(fs: MemoryFileSystem, session: string, recoveryPoint: number) {
  const bench = new LogBench({ indexIntervalBytes: 4096 }, fs, new FakeTickRing(fs, 1024 * 1024));
  bench.table.noteStepBytes = STEP;
  return { bench, log: bench.open({ session, recoveryPoint }) };
}

describe('a start reads', () => {
  for (const batches of [100, 1000]) {
    test(`after a kill what lies behind the last note, of ${batches} batches`, () => {
      const { fs, recoveryPoint, batchBytes } = killed(batches, 20);
      const { log } = reopen(fs, 'boot 1', recoveryPoint);
      expect([log.endOffset, log.recovery!.mode, log.recovery!.scannedBytes]).toEqual([batches, 'kept', 0]);
      // From the last index entry before the note to the end, and the last batch once more.
      expect(log.recovery!.readBytes).toBeLessThan(STEP + 3 * HEADER_CHUNK + 3 * batchBytes + 2 * 4096);
    });

    test(`after a power cut what lies behind the recovery point, of ${batches} batches`, () => {
      const behind = 50;
      const { fs, recoveryPoint, batchBytes } = killed(batches, batches - behind);
      expect(recoveryPoint).toBe(batches - behind);
      const syncs = {
        fdatasync: vi.spyOn(fs, 'fdatasync'),
        syncDirectory: vi.spyOn(fs, 'syncDirectory'),
        replaceText: vi.spyOn(fs, 'replaceText'),
      };
      const { bench, log } = reopen(fs, 'boot 2', recoveryPoint);
      expect([log.endOffset, log.recovery!.mode]).toEqual([batches, 'checked']);
      // A start with many partitions would wait for each of them; what was not known to be on the disk is synced afterwards.
      for (const [name, spy] of Object.entries(syncs)) expect([name, spy.mock.calls.filter(([of]) => of !== '/')]).toEqual([name, []]);
      expect(log.durableOffset).toBeLessThanOrEqual(recoveryPoint);
      bench.settle();
      expect(log.durableOffset).toBe(batches);
      expect(log.recovery!.scannedBytes).toBeGreaterThanOrEqual(behind * batchBytes);
      expect(log.recovery!.scannedBytes).toBeLessThan(behind * batchBytes + STEP + 2 * batchBytes);
    });
  }
});

test('the page cache vouches for the log in its own session alone', () => {
  const { fs, recoveryPoint, bytes, batchBytes } = killed(40, 10);
  const harmed = fs.bytesOf(FIRST);
  const at = bytes - 2 * batchBytes + 200;
  harmed[at] = harmed[at]! ^ 1;
  fs.putFile(FIRST, harmed);
  expect(reopen(fs.clone(), 'boot 1', recoveryPoint).log.recovery!.mode).toBe('kept');
  for (const session of ['boot 2', '']) {
    const { log } = reopen(fs.clone(), session, recoveryPoint);
    expect([session, log.recovery!.mode, log.recovery!.damage.length]).toEqual([session, 'checked', 1]);
  }
});

test('what the page cache kept is not called durable before it is synced', () => {
  const { fs, recoveryPoint } = killed(40, 10);
  const { bench, log } = reopen(fs, 'boot 1', recoveryPoint);
  expect([log.recovery!.mode, log.writtenOffset]).toEqual(['kept', 40]);
  expect(log.durableOffset).toBeLessThanOrEqual(10);
  expect(log.syncedOffset).toBe(log.durableOffset);
  bench.table.requireDurable(log);
  bench.settle();
  expect(log.durableOffset).toBe(40);
  fs.crash();
  expect(reopen(fs, 'boot 2', 40).log.endOffset).toBe(40);
});

test('a sync that failed takes the page cache its word', () => {
  const { fs, recoveryPoint } = killed(40, 10);
  const { bench, log } = reopen(fs, 'boot 1', recoveryPoint);
  bench.ring.syncFault = 5;
  bench.table.requireDurable(log);
  bench.settle();
  expect(log.failed).toBe(true);
  fs.kill();
  expect(reopen(fs, 'boot 1', recoveryPoint).log.recovery!.mode).toBe('checked');
});

test('a checkpoint is wished for when a step of bytes is on the disk and not yet spoken of', () => {
  const bench = new LogBench({ indexIntervalBytes: 4096 });
  bench.table.noteStepBytes = STEP;
  const log = bench.open({ session: 'boot 1' });
  const unspoken: number[] = [];
  for (let i = 0; i < 60; i++) {
    bench.append(log, batch(1, 1000));
    // Several notes are taken before the first sync.
    if (i < 20) expect(bench.unpublished()).toBe(0);
    if (i % 20 === 19) bench.table.requireDurable(log);
    bench.settle();
    if (i % 20 === 19) unspoken.push(bench.unpublished());
  }
  expect(unspoken[0]).toBeGreaterThan(STEP / 2);
  expect(unspoken[2]).toBeGreaterThan(unspoken[1]!);
  bench.checkpoint();
  expect(bench.unpublished()).toBe(0);
});

test('segments smaller than a step are noted and spoken of all the same: restart after restart reads what is new', () => {
  const config = { segmentBytes: 3000, indexIntervalBytes: 1000 };
  const appendMany = (bench: LogBench, log: ReturnType<LogBench['open']>): void => {
    for (let i = 0; i < 100; i++) {
      bench.append(log, batch(1, 500));
      bench.settle();
    }
    bench.table.requireDurable(log);
    bench.settle();
  };
  const first = new LogBench(config);
  first.table.noteStepBytes = STEP;
  const log = first.open({ session: 'boot 0' });
  first.fs.syncDirectory('/data');
  appendMany(first, log);
  const written = log.sizeBytes;
  // The newest note is at most a step old.
  expect(first.unpublished()).toBeGreaterThan(written - 2 * STEP);
  const recoveryPoint = first.checkpoint();
  appendMany(first, log);
  const { fs } = first;
  fs.crash();
  const scanned = [1, 2].map((boot) => {
    const bench = new LogBench(config, fs, new FakeTickRing(fs, 1024 * 1024));
    bench.table.noteStepBytes = STEP;
    const again = bench.open({ session: `boot ${boot}`, recoveryPoint });
    expect([again.endOffset, again.recovery!.mode]).toEqual([200, 'checked']);
    // A log found whole is synced after it is open, and only then spoken of.
    bench.settle();
    expect(bench.unpublished()).toBeGreaterThanOrEqual(again.recovery!.scannedBytes);
    if (boot === 2) bench.checkpoint();
    fs.crash();
    return again.recovery!.scannedBytes;
  });
  for (const bytes of scanned) expect([bytes > written / 2, bytes < written + 2 * STEP]).toEqual([true, true]);
  const last = new LogBench(config, fs, new FakeTickRing(fs, 1024 * 1024));
  expect(last.open({ session: 'boot 3', recoveryPoint: 200 }).recovery!.scannedBytes).toBe(0);
});
