import { describe, expect, test } from 'vitest';
import { AppendFault } from '../../../src/engine/log/log-append.ts';
import { BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { batch, batchRanges, DIR, LogBench, NOW, values } from './log-bench.ts';

describe('appending', () => {
  test('batches of one tick share one write and get consecutive offsets', () => {
    const bench = new LogBench();
    const log = bench.open({ leaderEpoch: 7 });
    expect(bench.append(log, batch(3))).toBe(0);
    expect(bench.append(log, batch(2))).toBe(3);
    expect([log.endOffset, log.writtenOffset, log.durableOffset]).toEqual([5, 0, 0]);
    expect(bench.table.pendingAppends).toBe(1);
    bench.table.requireDurable(log);
    bench.settle();
    expect(bench.events).toEqual(['written 5', 'durable 5']);
    expect(bench.table.isBusy).toBe(false);
    const bytes = bench.read(log, 0) as Uint8Array;
    expect(batchRanges(bytes)).toEqual([
      [0, 2],
      [3, 4],
    ]);
    expect(new BatchHeader(new DataView(bytes.buffer)).leaderEpoch).toBe(7);
    expect(log.leaderEpochs.epochs).toEqual([7]);
  });

  test('a full submission ring is carried out first and begins a new chain', () => {
    const bench = new LogBench();
    const log = bench.open();
    for (let i = 0; i < 600; i++) expect(bench.append(log, batch(1))).toBe(i);
    expect(bench.table.pendingAppends).toBe(3);
    bench.settle();
    expect(log.writtenOffset).toBe(600);
    bench.table.close(log);
    expect(dumpFaults(bench.fs, DIR)).toEqual([]);
  });

  test('bytes of this very tick are read from memory when they are one range', () => {
    const bench = new LogBench();
    const log = bench.open();
    bench.append(log, batch(2));
    bench.append(log, batch(2));
    bench.ring.submit();
    bench.ring.drain(bench.table);
    const reads = bench.ring.reads;
    bench.read(log, 2);
    expect(bench.ring.reads).toBe(reads);
    expect(batchRanges(bench.read(log, 0) as Uint8Array)).toHaveLength(2);
  });

  test('refuses what the configuration forbids', () => {
    const bench = new LogBench({ maxMessageBytes: 200, timestampBeforeMaxMs: 1000, timestampAfterMaxMs: 1000 });
    const log = bench.open();
    expect(bench.append(log, batch(1, 300))).toBe(AppendFault.TOO_LARGE);
    expect(bench.append(log, batch(1, 1, NOW - 1001))).toBe(AppendFault.INVALID_TIMESTAMP);
    expect(bench.append(log, batch(1, 1, NOW + 1001))).toBe(AppendFault.INVALID_TIMESTAMP);
    expect(bench.append(log, { ...batch(1), attributes: 8 })).toBe(AppendFault.INVALID_TIMESTAMP);
    expect(bench.append(log, { ...batch(1), timestamps: [-1] })).toBe(0);
    expect(bench.append(log, { ...batch(1), producerId: 4, producerEpoch: 0 })).toBe(AppendFault.INVALID_RECORD);
    expect(log.endOffset).toBe(1);
  });

  test('log append time rewrites attribute, max timestamp and checksum in place', () => {
    const bench = new LogBench({ timestampType: 'LogAppendTime' });
    const log = bench.open();
    bench.append(log, batch(2, 10, 5), NOW);
    bench.settle();
    const header = new BatchHeader(new DataView((bench.read(log, 0) as Uint8Array).buffer));
    expect([header.usesLogAppendTime, header.maxTimestamp, header.baseTimestamp]).toEqual([true, NOW, 5]);
    bench.table.close(log);
    expect(dumpFaults(bench.fs, DIR)).toEqual([]);
  });

  test('rolls by size, by index, by time of the batches', () => {
    const bySize = new LogBench({ segmentBytes: 300 });
    const first = bySize.open();
    for (let i = 0; i < 6; i++) bySize.append(first, batch(1, 50));
    bySize.settle();
    expect(first.segments.map((segment) => segment.baseOffset)).toEqual([0, 2, 4]);
    // Rolling alone moves the recovery point up to the new segment.
    expect(first.durableOffset).toBe(4);
    const byTime = new LogBench({ segmentMs: 1000 });
    const second = byTime.open();
    byTime.append(second, batch(1, 10, NOW - 5000));
    byTime.append(second, batch(1, 10, NOW - 4000));
    byTime.append(second, batch(1, 10, NOW - 3999));
    byTime.settle();
    expect(second.segments.map((segment) => segment.baseOffset)).toEqual([0, 2]);
    const byIndex = new LogBench({ segmentIndexBytes: 36, indexIntervalBytes: 10 });
    const third = byIndex.open();
    for (let i = 0; i < 12; i++) byIndex.append(third, batch(1, 10, NOW + i));
    byIndex.settle();
    expect(third.segments.length).toBeGreaterThan(2);
    for (const bench of [bySize, byTime, byIndex]) {
      bench.table.closeAll();
      expect(dumpFaults(bench.fs, DIR)).toEqual([]);
      expect(bench.fs.openCount).toBe(0);
    }
  });

  test('a roll that finds no room leaves the log as it was', () => {
    const bench = new LogBench({ segmentBytes: 300 });
    const log = bench.open();
    bench.append(log, batch(2, 80));
    bench.fs.fault = (operation, path) => (operation === 'open' && path.endsWith('.log') ? 'ENOSPC' : null);
    expect(bench.append(log, batch(2, 80))).toBe(AppendFault.FAILED);
    bench.fs.fault = null;
    expect(bench.append(log, batch(2, 80))).toBe(2);
    bench.settle();
    expect(log.writtenOffset).toBe(4);
  });
});

describe('a write that fails', () => {
  test('out of space drops what was staged, cuts the file back, and later appends go on', () => {
    const bench = new LogBench();
    const log = bench.open();
    const producer = { producerId: 9, producerEpoch: 0 };
    bench.append(log, { ...batch(2), ...producer, baseSequence: 0 });
    bench.settle();
    bench.ring.appendFault = () => 7;
    expect(bench.append(log, { ...batch(3), ...producer, baseSequence: 2 })).toBe(2);
    bench.ring.submit();
    // Staged before the failure was seen: it goes too.
    expect(bench.append(log, { ...batch(1), ...producer, baseSequence: 5 })).toBe(5);
    bench.ring.drain(bench.table);
    bench.ring.drain(bench.table);
    expect(bench.events.at(-1)).toBe('failed 28');
    expect([log.endOffset, log.writtenOffset, log.failed]).toEqual([2, 2, false]);
    // Offsets of dropped batches are not given out again in the same tick.
    expect(bench.append(log, batch(1))).toBe(AppendFault.FAILED);
    bench.ring.appendFault = null;
    bench.settle();
    expect(bench.append(log, { ...batch(3), ...producer, baseSequence: 2 })).toBe(2);
    bench.settle();
    expect(log.writtenOffset).toBe(5);
    bench.table.close(log);
    expect(dumpFaults(bench.fs, DIR)).toEqual([]);
  });

  test('a segment rolled to by dropped batches is taken back', () => {
    const bench = new LogBench({ segmentBytes: 300 });
    const log = bench.open();
    bench.append(log, batch(1, 100));
    bench.settle();
    bench.ring.appendFault = () => -28;
    for (let i = 0; i < 5; i++) bench.append(log, batch(1, 100));
    expect(log.segments.length).toBe(6);
    bench.settle();
    expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0, 1]);
    bench.ring.appendFault = null;
    for (let i = 1; i < 4; i++) expect(bench.append(log, batch(1, 100))).toBe(i);
    bench.settle();
    bench.table.close(log);
    expect(dumpFaults(bench.fs, DIR)).toEqual([]);
    expect(bench.fs.openCount).toBe(0);
  });

  test('any other error fails every log of the directory for good', () => {
    const bench = new LogBench();
    const log = bench.open();
    const other = bench.open({}, '/data/topic-1');
    bench.ring.appendFault = () => -5;
    bench.append(log, batch(1));
    bench.settle();
    bench.ring.appendFault = null;
    expect([log.failed, other.failed]).toEqual([true, true]);
    expect(bench.append(other, batch(1))).toBe(AppendFault.FAILED);
  });
});

describe('durability', () => {
  test('a round covers what was written when it began, and one runs at a time', () => {
    const bench = new LogBench();
    const log = bench.open();
    bench.append(log, batch(1));
    bench.table.requireDurable(log);
    bench.ring.submit();
    bench.ring.drain(bench.table);
    bench.table.flush();
    bench.append(log, batch(1));
    bench.table.requireDurable(log);
    bench.ring.submit();
    bench.table.flush();
    bench.ring.drain(bench.table);
    expect(log.durableOffset).toBe(1);
    bench.settle();
    expect(log.durableOffset).toBe(2);
    expect(bench.ring.syncs).toBe(2);
  });

  test('a failed sync is final', () => {
    const bench = new LogBench();
    const log = bench.open();
    bench.append(log, batch(1));
    bench.table.requireDurable(log);
    bench.ring.syncFault = 5;
    bench.settle();
    bench.ring.syncFault = null;
    bench.table.requireDurable(log);
    bench.settle();
    expect([log.failed, log.durableOffset]).toEqual([true, 0]);
    expect(bench.events).toEqual(['written 1', 'failed 5']);
  });

  test('what was acknowledged as durable survives a power cut', () => {
    const bench = new LogBench({ segmentBytes: 400 });
    const log = bench.open();
    for (let i = 0; i < 20; i++) bench.append(log, batch(1, 60));
    bench.table.requireDurable(log);
    bench.settle();
    expect(log.durableOffset).toBe(20);
    bench.append(log, batch(1, 60));
    bench.settle();
    bench.fs.crash();
    const after = new LogBench({ segmentBytes: 400 }, bench.fs);
    const reopened = after.open();
    expect(reopened.endOffset).toBe(20);
    expect(reopened.recovery!.damage).toEqual([]);
  });

  test('flush.messages and age ask for a sync by themselves', () => {
    const bench = new LogBench({ flushMessages: 3 });
    const log = bench.open();
    bench.append(log, batch(2));
    bench.settle();
    expect(log.durableOffset).toBe(0);
    bench.append(log, batch(1));
    bench.settle();
    expect(log.durableOffset).toBe(3);
    bench.append(log, batch(1));
    bench.settle();
    bench.ring.tick(10_000);
    bench.table.requireAged(5000);
    bench.settle();
    expect(log.durableOffset).toBe(4);
  });
});

test('removing a partition renames its directory, keeps leased descriptors, and removes the files after the delay', () => {
  const bench = new LogBench({ fileDeleteDelayMs: 1000 });
  const log = bench.open();
  bench.append(log, { values: values('a'), timestamps: [NOW] });
  bench.settle();
  const segment = log.active;
  const ticket = bench.table.leases.take(segment);
  bench.table.remove(log);
  expect(bench.fs.list('/data')).toEqual([expect.stringMatching(/^topic-0\.[0-9a-f]{32}-delete$/)]);
  expect(segment.fd).toBeGreaterThanOrEqual(0);
  bench.table.onSent(ticket);
  expect(bench.fs.openCount).toBe(0);
  bench.ring.tick(bench.table.nowMs + 1001);
  bench.table.flush();
  expect(bench.fs.list('/data')).toEqual([]);
  expect(bench.append(log, batch(1))).toBe(AppendFault.FAILED);
});
