// Files of deleted managed segments become the log's next ones: which, how many, and when not.

import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { ShardCell } from '../../../src/engine/base/counter-layout.ts';
import { retainLog, truncateTo } from '../../../src/engine/log/retention.ts';
import { SPARE_REST_MS } from '../../../src/engine/log/spare-segments.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { batch, DIR, LogBench, NOW } from './log-bench.ts';

const SEGMENT = 500;

/** A disk on which files can be managed: what the reactor would hold in memory is in the files at once. */
class ManagedDisk extends MemoryFileSystem {
  override manage(): number {
    return 0;
  }
}

/** Segments of three batches with two records, the last `kept` of which retention leaves. */
function filled(batches: number, kept: number, config = {}): { bench: LogBench; log: Log } {
  const fs = new ManagedDisk();
  const bench = new LogBench(
    { segmentBytes: SEGMENT, fileDeleteDelayMs: 0, storage: 'managed', retentionBytes: kept * SEGMENT, ...config },
    fs,
  );
  const log = bench.open();
  fill(bench, log, batches);
  return { bench, log };
}

function fill(bench: LogBench, log: Log, batches: number): void {
  for (let i = 0; i < batches; i++) {
    bench.append(log, batch(2, 40, NOW));
    bench.settle();
  }
}

const retain = (bench: LogBench, log: Log): number => retainLog(bench.table, log, NOW, log.writtenOffset);

function passRest(bench: LogBench, ms = SPARE_REST_MS): void {
  bench.ring.tick(bench.table.nowMs + ms);
  bench.table.flush();
}

const deleted = (bench: LogBench): string[] => bench.fs.list(DIR).filter((name) => name.endsWith('.log.deleted'));
const recycled = (bench: LogBench): number => bench.table.counters.cells[ShardCell.SEGMENTS_RECYCLED]!;

test('a deleted file is the next segment, once nobody can read it any more', () => {
  const { bench, log } = filled(20, 3);
  expect(retain(bench, log)).toBe(3);
  passRest(bench, SPARE_REST_MS - 1000);
  fill(bench, log, 3);
  expect([log.spares.length, recycled(bench)]).toEqual([0, 0]);
  passRest(bench, 1000);
  expect([log.spares.length, deleted(bench).length]).toEqual([3, 3]);
  fill(bench, log, 6);
  expect([log.spares.length, deleted(bench).length, recycled(bench)]).toEqual([1, 1, 2]);
  bench.table.close(log);
  const again = new LogBench(bench.config, bench.fs).open();
  expect([again.endOffset, again.recovery!.damage, deleted(bench)]).toEqual([log.endOffset, [], []]);
});

test('no more of them than were rolled since the deletion before, nor than there are segments', () => {
  const { bench, log } = filled(30, 6);
  expect(retain(bench, log)).toBe(3);
  fill(bench, log, 6);
  log.config = { ...log.config, retentionBytes: 0 };
  expect(retain(bench, log)).toBeGreaterThan(5);
  passRest(bench);
  expect(log.spares.length).toBe(1);
  expect(deleted(bench).length).toBe(1);
});

test('one that nobody came for is freed', () => {
  const { bench, log } = filled(20, 3);
  retain(bench, log);
  passRest(bench);
  expect(deleted(bench).length).toBe(3);
  passRest(bench, 600_001);
  retain(bench, log);
  expect(deleted(bench)).toEqual([]);
});

test('a full disk has them all', () => {
  const { bench, log } = filled(20, 3);
  retain(bench, log);
  passRest(bench);
  expect(deleted(bench).length).toBe(3);
  bench.fs.fault = (operation) => (operation === 'write' ? 'ENOSPC' : null);
  bench.append(log, batch(2, 40, NOW));
  bench.settle();
  expect(deleted(bench)).toEqual([]);
  bench.fs.fault = null;
  fill(bench, log, 6);
  expect(log.failed).toBe(false);
});

test('one that somebody took away is none', () => {
  const { bench, log } = filled(20, 3);
  retain(bench, log);
  passRest(bench);
  for (const name of deleted(bench)) bench.fs.remove(`${DIR}/${name}`);
  fill(bench, log, 6);
  expect([log.failed, recycled(bench)]).toEqual([false, 0]);
});

test('where the reactor refuses the file, nothing of it is left in the new segment', () => {
  const { bench, log } = filled(20, 3);
  retain(bench, log);
  passRest(bench);
  bench.fs.manage = () => -95;
  fill(bench, log, 3);
  expect([log.active.managed, recycled(bench)]).toEqual([false, 0]);
  expect(bench.fs.bytesOf(`${DIR}/${String(log.active.baseOffset).padStart(20, '0')}.log`).length).toBe(log.active.writtenBytes);
});

test.each<[string, (log: Log) => void, object]>([
  ['read while it was deleted', (log) => log.segments.forEach((segment) => segment.pins++), {}],
  ['of the page cache', (log) => log.segments.forEach((segment) => (segment.managed = false)), {}],
  ['not cut to its batches', (log) => log.segments.forEach((segment) => (segment.padded = true)), {}],
  ['much smaller than the next', (log) => (log.config = { ...log.config, segmentBytes: 5 * SEGMENT }), {}],
  ['of a topic that is the page cache’s now', (log) => (log.config = { ...log.config, storage: 'page-cache' }), {}],
])('not one %s', (_, spoil) => {
  const { bench, log } = filled(20, 3);
  spoil(log);
  retain(bench, log);
  passRest(bench);
  expect([log.spares.length, deleted(bench)]).toEqual([0, []]);
});

test('not one whose offsets are given out again', () => {
  const { bench, log } = filled(20, 3);
  retain(bench, log);
  truncateTo(bench.table, log, 0);
  passRest(bench);
  expect([log.spares.length, deleted(bench)]).toEqual([0, []]);
});

test('the files of a deleted topic go with it', () => {
  const { bench, log } = filled(20, 3);
  retain(bench, log);
  passRest(bench);
  expect(log.spares.length).toBe(3);
  bench.table.remove(log);
  passRest(bench);
  expect(bench.fs.list('/data')).toEqual([]);
});
