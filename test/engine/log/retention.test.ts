import { describe, expect, test } from 'vitest';
import { highWatermarks, logStartOffsets, recoveryPoints } from '../../../src/engine/log/log-checkpoints.ts';
import { ReadStatus } from '../../../src/engine/log/log-read.ts';
import { deleteRecordsBefore, retainLog, truncateTo } from '../../../src/engine/log/retention.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { batch, batchRanges, DIR, LogBench, NOW } from './log-bench.ts';

/** Segments of three batches with two records; batch i is i seconds old (the last one 0). */
function filled(batches: number, config = {}): { bench: LogBench; log: ReturnType<LogBench['open']> } {
  const bench = new LogBench({ segmentBytes: 500, fileDeleteDelayMs: 1000, retentionMs: -1, ...config });
  const log = bench.open();
  for (let i = 0; i < batches; i++) {
    const spec = { ...batch(2, 40, NOW - (batches - 1 - i) * 1000), producerId: 1, producerEpoch: 0, baseSequence: i * 2 };
    bench.append(log, spec);
  }
  bench.settle();
  return { bench, log };
}
const bases = (log: ReturnType<LogBench['open']>): number[] => log.segments.map((segment) => segment.baseOffset);

describe('retention', () => {
  test('by time, whole segments from the oldest', () => {
    const { bench, log } = filled(10, { retentionMs: 4500 });
    expect(bases(log)).toEqual([0, 6, 12, 18]);
    expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBe(1);
    expect([bases(log), log.startOffset]).toEqual([[6, 12, 18], 6]);
    expect(bench.read(log, 0)).toBe(ReadStatus.OUT_OF_RANGE);
    expect(bench.fs.list(DIR).filter((name) => name.endsWith('.deleted')).length).toBeGreaterThanOrEqual(3);
    bench.ring.tick(bench.table.nowMs + 1001);
    bench.table.flush();
    expect(bench.fs.list(DIR).filter((name) => name.endsWith('.deleted'))).toEqual([]);
  });

  test('by time, all of it: a new segment is rolled first', () => {
    const { bench, log } = filled(10, { retentionMs: 1000 });
    expect(retainLog(bench.table, log, NOW + 60_000, log.writtenOffset)).toBe(4);
    expect([bases(log), log.startOffset, log.endOffset]).toEqual([[20], 20, 20]);
    expect(bench.append(log, batch(1))).toBe(20);
    bench.settle();
    expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBe(0);
  });

  test('by size, as long as the rest is enough', () => {
    const { bench, log } = filled(10);
    const segment = log.segments[0]!.writtenBytes;
    log.config = { ...log.config, retentionBytes: log.sizeBytes - 2 * segment + 1 };
    expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBe(1);
    log.config = { ...log.config, retentionBytes: log.sizeBytes - segment };
    expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBe(1);
    expect(bases(log)).toEqual([12, 18]);
  });

  test('never at or above the high watermark, never for compacted logs', () => {
    const { bench, log } = filled(10, { retentionMs: 0 });
    expect(retainLog(bench.table, log, NOW + 60_000, 11)).toBe(1);
    expect(bases(log)).toEqual([6, 12, 18]);
    log.config = { ...log.config, cleanupCompact: true, cleanupDelete: false };
    expect(retainLog(bench.table, log, NOW + 60_000, log.writtenOffset)).toBe(0);
  });
});

describe('deleting records', () => {
  test('moves the start offset, deletes what lies wholly below, and is kept over a restart', () => {
    const { bench, log } = filled(10);
    expect(deleteRecordsBefore(bench.table, log, 15)).toBe(15);
    expect(deleteRecordsBefore(bench.table, log, 3)).toBe(15);
    expect(bases(log)).toEqual([12, 18]);
    expect(bench.read(log, 14)).toBe(ReadStatus.OUT_OF_RANGE);
    expect(batchRanges(bench.read(log, 15) as Uint8Array)[0]).toEqual([14, 15]);
    expect(logStartOffsets(bench.table)).toEqual([{ topic: 'topic', partition: 0, offset: 15 }]);
    bench.fs.kill();
    const after = new LogBench(bench.config, bench.fs);
    const again = after.open({ logStartOffset: 15 });
    expect([again.startOffset, again.endOffset]).toEqual([15, 20]);
    expect(again.producers.list()[0]!.lastSequence).toBe(19);
    expect(deleteRecordsBefore(after.table, again, 99)).toBe(20);
  });
});

describe('truncation', () => {
  for (let target = 0; target <= 20; target++) {
    test(`to ${target} keeps exactly the whole batches below`, () => {
      const { bench, log } = filled(10);
      const end = target - (target % 2);
      expect(truncateTo(bench.table, log, target)).toBe(end);
      expect([log.endOffset, log.writtenOffset]).toEqual([end, end]);
      expect(log.durableOffset).toBeLessThanOrEqual(end);
      expect(log.producers.list()[0]?.lastSequence ?? -1).toBe(end - 1);
      const spec = { ...batch(2, 40, NOW), producerId: 1, producerEpoch: 0, baseSequence: end };
      expect(bench.append(log, spec)).toBe(end);
      bench.settle();
      expect(batchRanges(bench.read(log, end) as Uint8Array)).toEqual([[end, end + 1]]);
      bench.table.close(log);
      expect(dumpFaults(bench.fs, DIR)).toEqual([]);
      const again = new LogBench(bench.config, bench.fs).open();
      expect([again.endOffset, again.recovery!.damage.length]).toEqual([end + 2, 0]);
    });
  }

  test('below the first segment begins anew', () => {
    const { bench, log } = filled(10, { retentionMs: 4500 });
    retainLog(bench.table, log, NOW, log.writtenOffset);
    expect(truncateTo(bench.table, log, 3)).toBe(3);
    expect([log.startOffset, log.endOffset, bases(log)]).toEqual([3, 3, [3]]);
    expect(bench.append(log, batch(1))).toBe(3);
    bench.settle();
    bench.table.close(log);
    expect(dumpFaults(bench.fs, DIR)).toEqual([]);
  });
});

test('after closeAll the last checkpoints can still be taken', () => {
  const { bench, log } = filled(10);
  deleteRecordsBefore(bench.table, log, 15);
  bench.table.closeAll();
  expect(recoveryPoints(bench.table)).toEqual([{ topic: 'topic', partition: 0, offset: 20 }]);
  expect(logStartOffsets(bench.table)).toEqual([{ topic: 'topic', partition: 0, offset: 15 }]);
  expect(highWatermarks(bench.table)).toEqual([{ topic: 'topic', partition: 0, offset: 20 }]);
});

test('recovery points follow what is synced', () => {
  const { bench, log } = filled(10);
  expect(recoveryPoints(bench.table)).toEqual([{ topic: 'topic', partition: 0, offset: 18 }]);
  bench.table.requireDurable(log);
  bench.settle();
  expect(recoveryPoints(bench.table)).toEqual([{ topic: 'topic', partition: 0, offset: 20 }]);
  expect(bench.fs.exists(`${DIR}/leader-epoch-checkpoint`)).toBe(true);
});
