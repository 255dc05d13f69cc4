import { describe, expect, test } from 'vitest';
import { lease, planRead, ReadPlan, ReadStatus } from '../../../src/engine/log/log-read.ts';
import { retainLog } from '../../../src/engine/log/retention.ts';
import { batch, batchRanges, DIR, LogBench, NOW } from './log-bench.ts';

function filled(batches: number, config = {}): { bench: LogBench; log: ReturnType<LogBench['open']> } {
  const bench = new LogBench({ segmentBytes: 20_000, indexIntervalBytes: 500, ...config });
  const log = bench.open();
  for (let i = 0; i < batches; i++) {
    bench.append(log, batch(2, 40, NOW + i));
    if (i % 10 === 9) bench.settle();
  }
  bench.settle();
  return { bench, log };
}

describe('planning', () => {
  test('ranges and limits', () => {
    const { bench, log } = filled(10);
    expect(bench.read(log, -1)).toBe(ReadStatus.OUT_OF_RANGE);
    expect(bench.read(log, 21)).toBe(ReadStatus.OUT_OF_RANGE);
    expect(bench.read(log, 20)).toBe(ReadStatus.EMPTY);
    expect(bench.read(log, 4, 1e6, 4)).toBe(ReadStatus.EMPTY);
    expect(batchRanges(bench.read(log, 5, 1e6, 8) as Uint8Array)).toEqual([
      [4, 5],
      [6, 7],
    ]);
    expect(bench.read(log, 0, 0, Infinity, false)).toBe(ReadStatus.EMPTY);
    // A first batch that does not fit: whole if it must be, else not at all.
    expect(bench.read(log, 0, 10, Infinity, false)).toBe(ReadStatus.EMPTY);
    expect(batchRanges(bench.read(log, 0, 10, Infinity, true) as Uint8Array)).toEqual([[0, 1]]);
  });

  test('a reader going through history sees every batch once, with one header read a plan', () => {
    const { bench, log } = filled(2000);
    expect(log.segments.length).toBeGreaterThan(5);
    let offset = 0;
    let plans = 0;
    const before = bench.ring.reads;
    while (offset < 4000) {
      const ranges = batchRanges(bench.read(log, offset, 3000) as Uint8Array);
      expect(ranges[0]![0]).toBe(offset);
      offset = ranges.at(-1)![1] + 1;
      plans++;
    }
    expect(plans).toBeLessThan(160);
    expect(bench.ring.reads - before).toBeLessThanOrEqual(plans);
  });

  test('without the page cache reads go off the thread and the log is told', () => {
    const { bench, log } = filled(500);
    const plan = new ReadPlan();
    bench.ring.cold = true;
    const middle = log.segments[1]!.baseOffset + 101;
    expect(planRead(bench.table, log, middle, 1000, Infinity, true, plan)).toBe(ReadStatus.WAIT_IO);
    expect(bench.table.isBusy).toBe(true);
    bench.events.length = 0;
    bench.ring.submit();
    bench.ring.drain(bench.table);
    expect(bench.events).toEqual(['readable topic-0']);
    for (let offset = 0; offset < 1000; offset += 7) {
      const ranges = batchRanges(bench.read(log, offset, 1000) as Uint8Array);
      expect(ranges[0]![0]).toBe(offset - (offset % 2));
    }
    expect(bench.table.isBusy).toBe(false);
  });

  test('a read that fails off the thread is answered, not tried for ever', () => {
    const { bench, log } = filled(500);
    bench.read(log, 1);
    bench.ring.cold = true;
    bench.fs.fault = (operation) => (operation === 'read' ? 'EIO' : null);
    expect(bench.read(log, log.segments[0]!.baseOffset + 55)).toBe(ReadStatus.FAILED);
  });

  test('an index that leads astray is made anew', () => {
    const { bench, log } = filled(400);
    bench.table.close(log);
    const name = `${DIR}/00000000000000000000.index`;
    const index = bench.fs.bytesOf(name);
    const view = new DataView(index.buffer);
    for (let at = 0; at < index.length - 8; at += 8) view.setInt32(at + 4, view.getInt32(at + 4) + 3);
    bench.fs.putFile(name, index);
    const after = new LogBench(bench.config, bench.fs);
    const again = after.open({ clean: true, recoveryPoint: 800 });
    for (let offset = 0; offset < 300; offset += 3) {
      expect(batchRanges(after.read(again, offset, 1000) as Uint8Array)[0]![0]).toBe(offset - (offset % 2));
    }
  });

  test('bytes gone bad under a running log are answered CORRUPT where they are', () => {
    const { bench, log } = filled(400);
    bench.table.close(log);
    const name = `${DIR}/00000000000000000000.log`;
    const bytes = bench.fs.bytesOf(name);
    const size = batchRanges(bytes).length;
    const each = bytes.length / size;
    bytes.fill(0, each * 20, each * 24);
    bench.fs.putFile(name, bytes);
    bench.fs.remove(`${DIR}/00000000000000000000.index`);
    const after = new LogBench(bench.config, bench.fs);
    const again = after.open({ clean: true, recoveryPoint: 800 });
    expect(batchRanges(after.read(again, 0) as Uint8Array)).toHaveLength(20);
    for (let offset = 40; offset < 48; offset++) expect(after.read(again, offset)).toBe(ReadStatus.CORRUPT);
    expect(batchRanges(after.read(again, 48) as Uint8Array)[0]).toEqual([48, 49]);
    expect(batchRanges(after.read(again, again.segments[1]!.baseOffset) as Uint8Array).length).toBeGreaterThan(1);
  });
});

test('a leased segment outlives its deletion', () => {
  const { bench, log } = filled(400, { retentionBytes: 1 });
  const plan = new ReadPlan();
  expect(planRead(bench.table, log, 0, 1000, Infinity, true, plan)).toBe(ReadStatus.OK);
  const ticket = lease(bench.table, plan);
  expect(retainLog(bench.table, log, NOW, log.writtenOffset)).toBeGreaterThan(0);
  expect(log.startOffset).toBeGreaterThan(0);
  expect(bench.fs.read(plan.fd, new Uint8Array(plan.length), 0, plan.length, plan.position)).toBe(plan.length);
  bench.table.onSent(ticket);
  expect(() => bench.fs.size(plan.fd)).toThrow();
});
