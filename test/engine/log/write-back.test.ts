// Write-back pacing: which ranges are handed to the disk, when, and what a failure of one means.

import { describe, expect, test } from 'vitest';
import { truncateTo } from '../../../src/engine/log/retention.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { WRITE_BACK_MIN_BYTES, WRITE_BACK_STEP_BYTES } from '../../../src/engine/log/write-back.ts';
import { batch, LogBench } from './log-bench.ts';

const MIB = 1024 * 1024;
const EIO = 5;
const ENOSYS = 38;

function paced(limitBytes: number): LogBench {
  const bench = new LogBench();
  bench.table.writeBack.limitBytes = limitBytes;
  // Only pacing shall write here.
  bench.table.recoveryStepBytes = Infinity;
  return bench;
}

/** A tick that appends about `bytes`, written when it returns. */
function grow(bench: LogBench, log: Log, bytes = MIB / 2): void {
  bench.append(log, batch(1, bytes));
  bench.ring.submit();
  bench.ring.drain(bench.table);
  bench.table.flush();
  bench.ring.submit();
  bench.ring.drain(bench.table);
  bench.ring.tick();
}

describe('write-back', () => {
  test('a growing log is handed over in order, without gaps, and never more than the limit is left', () => {
    const bench = paced(2 * MIB);
    const log = bench.open();
    const { writeBack } = bench.table;
    for (let i = 0; i < 40; i++) {
      grow(bench, log);
      expect(writeBack.dirtyBytes).toBeLessThanOrEqual(2 * MIB);
      expect(log.active.writtenBytes - log.active.pacedBytes).toBeLessThanOrEqual(2 * MIB);
    }
    const { writeBacks } = bench.ring;
    let end = 0;
    for (const step of writeBacks) {
      expect(step.position).toBe(end);
      end = step.position + step.length;
      // The page that the log ends in is still written to.
      expect(end % (64 * 1024)).toBe(0);
      expect(step.length).toBeLessThanOrEqual(WRITE_BACK_STEP_BYTES);
    }
    expect(end).toBe(log.active.pacedBytes);
    expect([writeBack.steps, writeBack.stepBytes]).toEqual([writeBacks.length, end]);
    expect(bench.table.isBusy).toBe(false);
    // Nothing became durable by it.
    expect([log.durableOffset, bench.ring.syncs]).toEqual([0, 0]);
  });

  test('one step at a time: the next one goes when the disk has taken it, as much as has gathered', () => {
    const bench = paced(MIB);
    bench.ring.holdWriteBacks = true;
    const log = bench.open();
    for (let i = 0; i < 30; i++) grow(bench, log);
    expect(bench.ring.writeBacks).toHaveLength(1);
    expect([bench.table.isBusy, log.active.pins]).toEqual([true, 1]);
    bench.table.onWrittenBack(0);
    bench.table.flush();
    bench.ring.submit();
    expect(bench.ring.writeBacks[1]!.length).toBe(WRITE_BACK_STEP_BYTES);
    bench.table.onWrittenBack(0);
    expect(log.active.pins).toBe(0);
  });

  test('the oldest of many goes first, and each gets its turn', () => {
    const bench = paced(2 * MIB);
    const logs = [0, 1, 2, 3].map((i) => bench.open({}, `/data/topic-${i}`));
    for (let round = 0; round < 8; round++) for (const log of logs) grow(bench, log);
    const order = bench.ring.writeBacks.map(({ fd }) => logs.findIndex((log) => log.active.fd === fd));
    expect(order.slice(0, 8)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(bench.table.writeBack.dirtyBytes).toBeLessThanOrEqual(2 * MIB);
  });

  test('small logs are left to the kernel, and off is off', () => {
    const bench = paced(1);
    const logs = Array.from({ length: 20 }, (_, i) => bench.open({}, `/data/topic-${i}`));
    for (const log of logs) grow(bench, log, WRITE_BACK_MIN_BYTES / 2);
    expect([bench.ring.writeBacks, bench.table.writeBack.dirtyBytes]).toEqual([[], 0]);
    const off = paced(0);
    const log = off.open();
    for (let i = 0; i < 20; i++) grow(off, log);
    expect(off.ring.writeBacks).toEqual([]);
  });

  test('what a sync has put on the disk is not handed over again', () => {
    const bench = paced(4 * MIB);
    const log = bench.open();
    for (let i = 0; i < 6; i++) grow(bench, log);
    bench.table.requireDurable(log);
    bench.settle();
    const synced = log.active.syncedBytes;
    expect(synced).toBe(log.active.writtenBytes);
    for (let i = 0; i < 20; i++) grow(bench, log);
    expect(bench.ring.writeBacks.length).toBeGreaterThan(0);
    expect(bench.ring.writeBacks[0]!.position).toBe(synced);
  });

  test('after a cut, the bytes written again are handed over again', () => {
    const bench = paced(MIB);
    const log = bench.open();
    for (let i = 0; i < 20; i++) grow(bench, log);
    const before = bench.ring.writeBacks.length;
    truncateTo(bench.table, log, 2);
    for (let i = 0; i < 20; i++) grow(bench, log);
    const again = bench.ring.writeBacks.slice(before);
    expect(again[0]!.position).toBeLessThanOrEqual(2 * MIB);
    expect(again.at(-1)!.position + again.at(-1)!.length).toBe(log.active.pacedBytes);
    expect(bench.table.writeBack.dirtyBytes).toBeLessThanOrEqual(MIB);
  });

  test('a failed step fails the directory: a later sync would not tell', () => {
    const bench = paced(MIB);
    const log = bench.open();
    const other = bench.open({}, '/data/topic-1');
    bench.ring.writeBackFault = EIO;
    for (let i = 0; i < 4; i++) grow(bench, log);
    expect([log.failed, other.failed]).toEqual([true, true]);
    expect(bench.events.filter((event) => event.startsWith('failed'))).toEqual([`failed ${EIO}`, `failed ${EIO}`]);
  });

  test('where nobody can be asked, it is given up without harm', () => {
    const bench = paced(MIB);
    const log = bench.open();
    bench.ring.writeBackFault = ENOSYS;
    for (let i = 0; i < 20; i++) grow(bench, log);
    expect([log.failed, bench.ring.writeBacks.length, bench.table.writeBack.dirtyBytes]).toEqual([false, 1, 0]);
  });

  test('a segment deleted meanwhile keeps its descriptor until the step has ended', () => {
    const bench = paced(MIB);
    const log = bench.open();
    bench.ring.holdWriteBacks = true;
    for (let i = 0; i < 4; i++) grow(bench, log);
    const { fd } = log.active;
    bench.table.remove(log);
    expect(bench.fs.size(fd)).toBeGreaterThan(0);
    bench.table.onWrittenBack(0);
    expect(() => bench.fs.size(fd)).toThrow(/EBADF/);
  });
});
