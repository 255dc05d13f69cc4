// Compaction step by step: what stays, what goes and when, and what the files look like afterwards.

import { expect, test } from 'vitest';
import { cleanableRange } from '../../../../src/engine/log/cleaner/cleanable-range.ts';
import { CleanRun } from '../../../../src/engine/log/cleaner/clean-run.ts';
import { cleanLog } from '../../../../src/engine/log/cleaner/clean-log.ts';
import { encodeAbortedTransactions, readAbortedTransactions } from '../../../../src/engine/log/cleaner/cleaned-transactions.ts';
import { lease, planRead, ReadPlan, ReadStatus } from '../../../../src/engine/log/log-read.ts';
import type { LogConfig } from '../../../../src/engine/log/log-config.ts';
import type { Log } from '../../../../src/engine/log/log.ts';
import { deleteRecordsBefore, retainLog } from '../../../../src/engine/log/retention.ts';
import { BatchAttribute, BatchHeader } from '../../../../src/engine/record/batch-header.ts';
import type { MemoryFileSystem } from '../../../../src/engine/io/memory-file-system.ts';
import { FakeTickRing } from '../../../support/fake-tick-ring.ts';
import { dumpFaults } from '../kafka-dump-check.ts';
import { DIR, LogBench, NOW } from '../log-bench.ts';
import { batchesOf, clean, cleaned, keyed, kv, type Pair, recordsIn } from './cleaner-bench.ts';

const COMPACT: Partial<LogConfig> = { cleanupCompact: true, cleanupDelete: false, segmentBytes: 1000, deleteRetentionMs: 5000 };

function open(config: Partial<LogConfig> = {}): { bench: LogBench; log: Log } {
  const bench = new LogBench({ ...COMPACT, ...config });
  return { bench, log: bench.open() };
}

function append(bench: LogBench, log: Log, bytes: Uint8Array): number {
  const offset = bench.appendBytes(log, bytes);
  bench.table.requireDurable(log);
  bench.settle();
  return offset;
}

/** Records that nobody asks for, until the active segment is another one. */
function roll(bench: LogBench, log: Log): void {
  const { active } = log;
  for (let i = 0; log.active === active; i++) append(bench, log, keyed([[`filler ${i}`, 'x'.repeat(300)]]));
}

const offsetsOf = (bench: LogBench, log: Log, key: string) =>
  recordsIn(bench, log).flatMap((record) => (record.key === key ? [record.offset] : []));

function finish(bench: LogBench, log: Log): void {
  bench.table.close(log);
  expect(dumpFaults(bench.fs, DIR)).toEqual([]);
  expect(bench.fs.openCount).toBe(0);
}

test.each([0, 1, 2, 3, 4])('only the last record of a key stays, under its offset and in its codec (%i)', (codec) => {
  const { bench, log } = open();
  append(bench, log, keyed(kv('a=1', 'b=2', 'a=3'), codec));
  append(bench, log, keyed(kv('b=4', 'c=5'), codec));
  roll(bench, log);
  cleaned(clean(bench, log));
  const [first, second] = batchesOf(bench, log);
  expect(first).toMatchObject({ baseOffset: 0, lastOffset: 2, attributes: codec });
  expect(first!.records).toEqual([{ offset: 2, timestamp: NOW + 2, key: 'a', value: '3' }]);
  expect(second!.records.map(({ offset, value }) => [offset, value])).toEqual([
    [3, '4'],
    [4, '5'],
  ]);
  finish(bench, log);
});

test('records without a key, from before the topic was compacted, go', () => {
  const { bench, log } = open();
  append(
    bench,
    log,
    keyed([
      [null, 'old'],
      ['a', '1'],
    ]),
  );
  roll(bench, log);
  cleaned(clean(bench, log));
  expect(recordsIn(bench, log).some(({ key }) => key === null)).toBe(false);
  expect(offsetsOf(bench, log, 'a')).toEqual([1]);
});

test('a tombstone stays for delete.retention.ms from the cleaning that first saw it, and is marked with the time', () => {
  const { bench, log } = open();
  append(bench, log, keyed(kv('a=1', 'b=1')));
  append(bench, log, keyed(kv('a', 'c=1'), 1));
  roll(bench, log);
  cleaned(clean(bench, log));
  const marked = batchesOf(bench, log).find(({ baseOffset }) => baseOffset === 2)!;
  expect(marked.attributes).toBe(BatchAttribute.DELETE_HORIZON | 1);
  expect(marked.baseTimestamp).toBe(NOW + 5000);
  // Times of records are what they were, although they count from another base.
  expect(marked.records.map(({ timestamp }) => timestamp)).toEqual([NOW, NOW + 1]);
  for (const [nowMs, offsets] of [
    [NOW + 4999, [2]],
    [NOW + 5000, []],
  ] as const) {
    roll(bench, log);
    cleaned(clean(bench, log, { nowMs }));
    expect(offsetsOf(bench, log, 'a'), String(nowMs - NOW)).toEqual(offsets);
    expect(offsetsOf(bench, log, 'c')).toEqual([3]);
  }
  finish(bench, log);
});

test("a producer's last batch keeps its header, and the sequence survives the loss of every snapshot", () => {
  const { bench, log } = open();
  const producer = { producerId: 5, producerEpoch: 1 };
  append(bench, log, keyed(kv('a=1', 'b=1'), 0, { ...producer, baseSequence: 0 }));
  append(bench, log, keyed(kv('a=2', 'b=2'), 3, { ...producer, baseSequence: 2 }));
  append(bench, log, keyed(kv('a=3', 'b=3')));
  roll(bench, log);
  cleaned(clean(bench, log));
  const kept = batchesOf(bench, log).filter(({ producerId }) => producerId === 5);
  expect(kept).toMatchObject([{ baseOffset: 2, lastOffset: 3, baseSequence: 2, attributes: 0, records: [] }]);
  bench.fs.kill();
  for (const name of bench.fs.list(DIR)) if (name.endsWith('.snapshot')) bench.fs.remove(`${DIR}/${name}`);
  const again = new LogBench(COMPACT, bench.fs);
  const reopened = again.open();
  expect(reopened.producers.list()).toMatchObject([{ producerId: 5, producerEpoch: 1, lastSequence: 3 }]);
  expect(again.appendBytes(reopened, keyed(kv('a=2', 'b=2'), 0, { ...producer, baseSequence: 2 }))).toBe(-6);
  expect(again.table.duplicateBaseOffset).toBe(2);
});

test('small cleaned segments become one, no larger than segment.bytes', () => {
  const { bench, log } = open();
  for (let i = 0; i < 30; i++) append(bench, log, keyed([['only', `${i}`.padEnd(200, '.')]]));
  const before = log.segments.length;
  cleaned(clean(bench, log));
  roll(bench, log);
  cleaned(clean(bench, log));
  expect(before).toBeGreaterThan(6);
  expect(log.segments.length).toBeLessThan(5);
  for (const segment of log.segments) expect(segment.writtenBytes).toBeLessThanOrEqual(1000);
  finish(bench, log);
});

test('a pass with little memory ends where it was full, and the next goes on there', () => {
  const { bench, log } = open();
  for (let i = 0; i < 40; i++) append(bench, log, keyed([[`k${i}`, 'old']]));
  for (let i = 0; i < 40; i++) append(bench, log, keyed([[`k${i}`, 'new']]));
  roll(bench, log);
  const ends: number[] = [];
  for (let passes = 0; passes < 60 && clean(bench, log, { mapBytes: 1 }) !== null; passes++) ends.push(log.firstDirtyOffset);
  expect(ends.length).toBeGreaterThan(3);
  expect(ends).toEqual([...ends].sort((a, b) => a - b));
  for (let i = 0; i < 40; i++)
    expect(
      recordsIn(bench, log)
        .filter(({ key }) => key === `k${i}`)
        .map(({ value }) => value),
    ).toEqual(['new']);
});

test('what lies beyond the memory of a pass is left as it is, keys or not', () => {
  const { bench, log } = open();
  append(bench, log, keyed(kv('a=1', 'b=1', 'c=1', 'd=1', 'e=1')));
  append(bench, log, keyed([[null, 'old']]));
  roll(bench, log);
  clean(bench, log, { mapBytes: 1 });
  expect(log.firstDirtyOffset).toBeLessThan(5);
  expect(recordsIn(bench, log).some(({ key }) => key === null)).toBe(true);
});

test('the end of a cleaned segment is told by its last batch, though nothing of it is left', () => {
  const { bench, log } = open();
  append(bench, log, keyed(kv('a=1')));
  roll(bench, log);
  const { baseOffset } = log.active;
  append(bench, log, keyed(kv(...Array.from({ length: baseOffset }, (_, i) => `filler ${i}=newer`), 'a=2')));
  roll(bench, log);
  cleaned(clean(bench, log));
  const last = batchesOf(bench, log)
    .filter((batch) => batch.lastOffset < log.segments[1]!.baseOffset)
    .at(-1);
  expect(last?.lastOffset).toBe(log.segments[1]!.baseOffset - 1);
});

test('what is young, not stable, not synced or active is left alone', () => {
  const { bench, log } = open({ minCompactionLagMs: 1000 });
  append(bench, log, keyed(kv('a=1'), 0, { timestampMs: NOW - 2000 }));
  roll(bench, log);
  roll(bench, log);
  const [, second, active] = log.segments;
  // The first segment ends with fillers of NOW.
  expect(cleanableRange(bench.table, log, log.writtenOffset, NOW)).toBeNull();
  const later = NOW + 5000;
  expect(cleanableRange(bench.table, log, log.writtenOffset, later)?.endOffset).toBe(active!.baseOffset);
  expect(cleanableRange(bench.table, log, active!.baseOffset - 1, later)?.endOffset).toBe(second!.baseOffset);
  second!.syncedBytes--;
  expect(cleanableRange(bench.table, log, log.writtenOffset, later)?.endOffset).toBe(second!.baseOffset);
});

test('the dirty ratio counts bytes; max.compaction.lag.ms makes a log overdue whatever its ratio', () => {
  const { bench, log } = open({ maxCompactionLagMs: 10_000 });
  roll(bench, log);
  expect(cleanableRange(bench.table, log, log.writtenOffset, NOW)).toMatchObject({ dirtyRatio: 1, isOverdue: false });
  clean(bench, log);
  expect(cleanableRange(bench.table, log, log.writtenOffset, NOW)).toBeNull();
  roll(bench, log);
  const { dirtyRatio } = cleanableRange(bench.table, log, log.writtenOffset, NOW)!;
  expect(dirtyRatio).toBeGreaterThan(0.4);
  expect(dirtyRatio).toBeLessThan(0.6);
  expect(cleanableRange(bench.table, log, log.writtenOffset, NOW + 10_001)).toMatchObject({ isOverdue: true });
});

test('a batch whose checksum is wrong ends the pass: the reason is told and nothing changes', () => {
  for (const part of ['clean', 'dirty']) {
    const { bench, log } = open();
    append(bench, log, keyed(kv('a=1', 'a=2')));
    roll(bench, log);
    if (part === 'clean') {
      clean(bench, log);
      append(bench, log, keyed(kv('a=3', 'a=4')));
      roll(bench, log);
    }
    const path = `${DIR}/00000000000000000000.log`;
    const bytes = bench.fs.bytesOf(path);
    bytes[65]! ^= 1;
    bench.fs.putFile(path, bytes);
    const names = bench.fs.list(DIR).sort();
    expect(clean(bench, log), part).toEqual({ kind: 'corrupt', baseOffset: 0, reason: 'segment 0 at byte 0: bad checksum' });
    expect(bench.fs.list(DIR).sort()).toEqual(names);
  }
});

test('a disk that is full leaves nothing behind', () => {
  const { bench, log } = open();
  for (let i = 0; i < 10; i++) append(bench, log, keyed([['a', `${i}`.padEnd(300)]]));
  const names = bench.fs.list(DIR).sort();
  bench.fs.fault = (operation, path) => (operation === 'write' && path.includes('.cleaned') ? 'ENOSPC' : null);
  expect(() => clean(bench, log)).toThrow('ENOSPC');
  bench.fs.fault = null;
  expect(bench.fs.list(DIR).sort()).toEqual(names);
  cleaned(clean(bench, log));
});

test('a running read goes on in the file it began with', () => {
  const { bench, log } = open();
  append(bench, log, keyed(kv('a=first', 'a=second')));
  roll(bench, log);
  const plan = new ReadPlan();
  expect(planRead(bench.table, log, 0, 100_000, Infinity, true, plan)).toBe(ReadStatus.OK);
  const ticket = lease(bench.table, plan);
  const before = new Uint8Array(plan.length);
  bench.fs.read(plan.fd, before, 0, before.length, plan.position);
  cleaned(clean(bench, log));
  const during = new Uint8Array(plan.length);
  expect(bench.fs.read(plan.fd, during, 0, during.length, plan.position)).toBe(plan.length);
  expect(Buffer.compare(before, during)).toBe(0);
  bench.table.onSent(ticket);
  expect(() => bench.fs.size(plan.fd)).toThrow('EBADF');
  finish(bench, log);
});

test('held segments are neither deleted nor swapped; a log that changed meanwhile throws the result away', () => {
  const { bench, log } = open({ cleanupDelete: true, retentionBytes: 0 });
  append(bench, log, keyed(kv('a=1', 'a=2')));
  roll(bench, log);
  const range = cleanableRange(bench.table, log, log.writtenOffset, NOW)!;
  const run = new CleanRun(bench.table, log, range, NOW);
  const segments = [...log.segments];
  expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBe(0);
  expect(deleteRecordsBefore(bench.table, log, log.active.baseOffset)).toBe(log.active.baseOffset);
  expect(log.segments).toEqual(segments);
  const outcome = cleaned(cleanLog(bench.fs, run.job, { mapBytes: 1e6, bufferBytes: 4096 }, { spend: () => undefined }));
  log.holds++;
  expect(run.swapIn(outcome)).toBe(false);
  log.holds--;
  expect(log.segments).toEqual(segments);
  expect(bench.fs.list(DIR).filter((name) => name.endsWith('.cleaned'))).toEqual([]);
  run.end();
  expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBeGreaterThan(0);
});

test('compact,delete: keys are left once, and what is past retention.ms goes all the same, cleaned or not, over a restart', () => {
  const { bench, log } = open({ cleanupDelete: true, retentionMs: 10_000 });
  const later = NOW + 11_000;
  append(bench, log, keyed(kv('a=1', 'b=1')));
  append(bench, log, keyed(kv('a=2')));
  roll(bench, log);
  cleaned(clean(bench, log));
  expect([offsetsOf(bench, log, 'a'), offsetsOf(bench, log, 'b')]).toEqual([[2], [1]]);
  const young = log.active.baseOffset;
  append(bench, log, keyed(kv('c=1'), 0, { timestampMs: later }));
  roll(bench, log);
  expect(retainLog(bench.table, log, later, log.writtenOffset)).toBe(1);
  expect(log.startOffset).toBe(young);
  expect(['a', 'b', 'c'].map((key) => offsetsOf(bench, log, key).length)).toEqual([0, 0, 1]);
  cleaned(clean(bench, log, { nowMs: later }));
  bench.fs.kill();
  const next = new LogBench(bench.config, bench.fs, new FakeTickRing(bench.fs));
  const again = next.open({ logStartOffset: young });
  expect([again.startOffset, again.endOffset]).toEqual([young, log.endOffset]);
  expect(['a', 'b', 'c'].map((key) => offsetsOf(next, again, key).length)).toEqual([0, 0, 1]);
});

/** A marker as a transaction coordinator has it written. */
function marker(type: 'abort' | 'commit'): Uint8Array {
  const key = `\0\0\0${type === 'abort' ? '\0' : '\x01'}`;
  return keyed([[key, '\0\0\0\0\0\0']], 0, { producerId: 7, producerEpoch: 0, transactional: true, control: true });
}

test('records of aborted transactions go, and their markers when nothing of them is left and their time has come', () => {
  const bench = new LogBench(COMPACT);
  const inTransaction = (pairs: Pair[], baseSequence: number): Uint8Array =>
    keyed(pairs, 0, { producerId: 7, producerEpoch: 0, baseSequence, transactional: true });
  writeLog(bench.fs, [
    inTransaction(kv('a=committed', 'x=1'), 0), // 0, 1
    marker('commit'), // 2
    inTransaction(kv('a=aborted'), 2), // 3
    marker('abort'), // 4
    keyed(kv('x=2')), // 5
    // The last of the producer: those above are free to go.
    inTransaction(kv('y=1'), 3), // 6
    marker('commit'), // 7
  ]);
  bench.fs.putFile(
    `${DIR}/00000000000000000000.txnindex`,
    encodeAbortedTransactions([{ producerId: 7, firstOffset: 3, lastOffset: 4, lastStableOffset: 5 }]),
  );
  const log = bench.open();
  roll(bench, log);
  const offsets = (): number[] =>
    batchesOf(bench, log)
      .map(({ baseOffset }) => baseOffset)
      .filter((offset) => offset < 8);
  cleaned(clean(bench, log));
  expect(offsets()).toEqual([0, 2, 4, 5, 6, 7]);
  expect(readAbortedTransactions(bench.fs, DIR, [0])).toEqual([{ producerId: 7, firstOffset: 3, lastOffset: 4, lastStableOffset: 5 }]);
  expect(offsetsOf(bench, log, 'a')).toEqual([0]);
  // The abort's data is gone: this pass gives its marker a time, a pass behind that drops it. The commit's data is there.
  roll(bench, log);
  cleaned(clean(bench, log));
  expect(offsets()).toEqual([0, 2, 4, 5, 6, 7]);
  expect(batchesOf(bench, log).find(({ baseOffset }) => baseOffset === 4)).toMatchObject({ baseTimestamp: NOW + 5000 });
  expect(readAbortedTransactions(bench.fs, DIR, [0])).toEqual([]);
  append(bench, log, keyed(kv('a=newer')));
  roll(bench, log);
  cleaned(clean(bench, log, { nowMs: NOW + 5000 }));
  expect(offsets()).toEqual([2, 5, 6, 7]);
  roll(bench, log);
  cleaned(clean(bench, log, { nowMs: NOW + 5000 }));
  roll(bench, log);
  cleaned(clean(bench, log, { nowMs: NOW + 10_000 }));
  expect(offsets()).toEqual([5, 6, 7]);
  finish(bench, log);
});

/** The batches as a log's one segment. */
function writeLog(fs: MemoryFileSystem, batches: readonly Uint8Array[]): void {
  let offset = 0;
  for (const bytes of batches) {
    const header = new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    header.baseOffset = offset;
    header.leaderEpoch = 0;
    offset = header.lastOffset + 1;
  }
  fs.putFile(`${DIR}/00000000000000000000.log`, Buffer.concat(batches));
}

test('a swap that was not decided upon is undone, one that was is finished, in order', () => {
  const { bench, log } = open();
  for (let i = 0; i < 12; i++) append(bench, log, keyed([[`k${i % 2}`, `${i}`.padEnd(200)]]));
  const range = cleanableRange(bench.table, log, log.writtenOffset, NOW)!;
  const run = new CleanRun(bench.table, log, range, NOW);
  const outcome = cleaned(cleanLog(bench.fs, run.job, { mapBytes: 1e6, bufferBytes: 4096 }, { spend: () => undefined }));
  expect(outcome.segments.length).toBeGreaterThan(1);
  const [first, second] = outcome.segments;
  const nameOf = (base: number, suffix: string): string => `${DIR}/${String(base).padStart(20, '0')}${suffix}`;
  // The first is decided upon, the second too although it should not have been: the one between kept it from its turn.
  bench.fs.rename(nameOf(second!.baseOffset, '.log.cleaned'), nameOf(second!.baseOffset, '.log.swap'));
  bench.fs.kill();
  const again = new LogBench(COMPACT, bench.fs, new FakeTickRing(bench.fs));
  const reopened = again.open();
  expect(reopened.segments.length).toBe(log.segments.length);
  expect(recordsIn(again, reopened).length).toBe(12);
  expect(bench.fs.list(DIR).filter((name) => /cleaned|swap/.test(name))).toEqual([]);
  expect(first!.baseOffset).toBe(0);
});

test('an idle log is not cleaned twice, and segments that stay as they are are not written anew', () => {
  const { bench, log } = open({ segmentBytes: 400 });
  for (let i = 0; i < 5; i++) append(bench, log, keyed([[`unique ${i}`, 'x'.repeat(300)]]));
  const names = (fs: MemoryFileSystem): string[] => fs.list(DIR).sort();
  const before = names(bench.fs);
  expect(cleaned(clean(bench, log)).segments).toEqual([]);
  expect(names(bench.fs)).toEqual(before);
  expect(clean(bench, log)).toBeNull();
});
