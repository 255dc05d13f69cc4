// Compaction of a log whose disk is not what it should be: rot is never compacted away, holes of a power cut are stepped over,
// and a disk that refuses leaves the log as it was.

import { describe, expect, test } from 'vitest';
import type { DiskOperation, MemoryFileSystem } from '../../../../src/engine/io/memory-file-system.ts';
import { cleanLog } from '../../../../src/engine/log/cleaner/clean-log.ts';
import { cleanableRange } from '../../../../src/engine/log/cleaner/cleanable-range.ts';
import { CleanRun } from '../../../../src/engine/log/cleaner/clean-run.ts';
import { ReadStatus } from '../../../../src/engine/log/log-read.ts';
import type { Log } from '../../../../src/engine/log/log.ts';
import { FakeTickRing } from '../../../support/fake-tick-ring.ts';
import { DIR, LogBench, NOW } from '../log-bench.ts';
import { batchesOf, clean, cleaned, keyed, recordsIn } from './cleaner-bench.ts';

const CONFIG = { cleanupCompact: true, cleanupDelete: false, segmentBytes: 1000, deleteRetentionMs: 1000 };
const LATER = NOW + 100_000;

/** Batches of one record over six closed segments; k0 is deleted in the last of them. */
function filled(fs?: MemoryFileSystem): { bench: LogBench; log: Log } {
  const bench = fs === undefined ? new LogBench(CONFIG) : new LogBench(CONFIG, fs, new FakeTickRing(fs, 1024 * 1024));
  const log = bench.open();
  bench.fs.syncDirectory('/data');
  for (let i = 0; log.segments.length < 7; i++) {
    const deletes = log.segments.length === 6 && i % 5 === 0;
    bench.appendBytes(log, keyed([[`k${i % 5}`, deletes ? null : `${i}`.padEnd(200, '.')]]));
    bench.table.requireDurable(log);
    bench.settle();
  }
  return { bench, log };
}

function pathOf(log: Log, index: number): string {
  return `${DIR}/${String(log.segments[index]!.baseOffset).padStart(20, '0')}.log`;
}

function rot(fs: MemoryFileSystem, path: string, at = 100): Uint8Array {
  const bytes = fs.bytesOf(path);
  bytes[at]! ^= 0x20;
  fs.putFile(path, bytes);
  return bytes;
}

/** What a reader gets at each offset: the batch that holds it or the next one, or that it is damaged. */
function readable(bench: LogBench, log: Log): (number | string)[] {
  return Array.from({ length: log.endOffset }, (_, offset) => {
    const got = bench.read(log, offset, 1);
    if (typeof got !== 'number') return Number(new DataView(got.buffer, got.byteOffset).getBigInt64(0));
    return got === ReadStatus.CORRUPT ? 'corrupt' : `status ${got}`;
  });
}

/** As the shard's LogCleaner does. */
function pass(bench: LogBench, log: Log, nowMs = NOW): string {
  const outcome = clean(bench, log, { nowMs });
  if (outcome?.kind === 'corrupt') log.uncleanableBase = outcome.baseOffset;
  return outcome?.kind ?? 'nothing to do';
}

describe('rot', () => {
  test('is found by the checksum: what is before it is compacted, it and what is behind it stay byte for byte', () => {
    const { bench, log } = filled();
    const { segments } = log;
    const base = segments[3]!.baseOffset;
    const rotten = pathOf(log, 3);
    rot(bench.fs, rotten);
    const behind = [3, 4, 5].map((index) => pathOf(log, index));
    const before = behind.map((path) => Buffer.from(bench.fs.bytesOf(path)));
    expect(pass(bench, log)).toBe('corrupt');
    expect(log.segments).toEqual(segments);
    expect(pass(bench, log)).toBe('cleaned');
    expect(log.firstDirtyOffset).toBe(base);
    // A tombstone behind the rot does not go though its time has come: what it deletes may be in the rotten segment.
    expect([pass(bench, log, LATER), pass(bench, log, LATER)]).toEqual(['nothing to do', 'nothing to do']);
    expect(behind.map((path) => Buffer.from(bench.fs.bytesOf(path)).equals(before[behind.indexOf(path)]!))).toEqual([true, true, true]);
    // Flipped back: somebody put a copy in its place.
    rot(bench.fs, rotten);
    const keys = batchesOf(bench, log)
      .filter(({ lastOffset }) => lastOffset < base)
      .flatMap(({ records }) => records.map(({ key }) => key));
    expect(keys.sort()).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
  });

  test('that scrubbing or recovery knows of is not gone near', () => {
    const { bench, log } = filled();
    const range = { startPosition: 0, endPosition: 50, startOffset: 0, endOffset: 1, reason: 'bad checksum' };
    log.segments[2]!.damage = [range];
    expect(cleanableRange(bench.table, log, log.writtenOffset, NOW)).toMatchObject({
      segmentCount: 2,
      endOffset: log.segments[2]!.baseOffset,
    });
    log.segments[0]!.damage = [range];
    expect(cleanableRange(bench.table, log, log.writtenOffset, NOW)).toBeNull();
    // Once the segment is gone compaction goes on.
    log.segments[0]!.damage = null;
    log.segments[2]!.damage = null;
    log.uncleanableBase = 12345;
    expect(cleanableRange(bench.table, log, log.writtenOffset, NOW)).toMatchObject({ segmentCount: 6 });
  });

  test('that is found while a pass runs keeps the segment where it is', () => {
    const { bench, log } = filled();
    const { fs } = bench;
    const range = cleanableRange(bench.table, log, log.writtenOffset, NOW)!;
    const run = new CleanRun(bench.table, log, range, NOW);
    const outcome = cleaned(cleanLog(fs, run.job, { mapBytes: 1e6, bufferBytes: 4096 }, { spend: () => undefined }));
    const names = fs.list(DIR).filter((name) => !name.endsWith('.cleaned'));
    log.segments[1]!.damage = [{ startPosition: 0, endPosition: 50, startOffset: 4, endOffset: 5, reason: 'bad checksum' }];
    expect(run.swapIn(outcome)).toBe(false);
    run.end();
    expect(fs.list(DIR).sort()).toEqual(names.sort());
    log.segments[1]!.damage = null;
    cleaned(clean(bench, log));
  });
});

test('what a power cut left out is stepped over, in the segments and in what stands for them, over restarts', () => {
  const { bench, log } = filled();
  const { fs } = bench;
  const path = pathOf(log, 1);
  const batches = batchesOf(bench, log).filter(({ baseOffset }) => baseOffset >= log.segments[1]!.baseOffset);
  const bytes = fs.bytesOf(path);
  const size = new DataView(bytes.buffer).getInt32(8) + 12;
  // Its first batch.
  fs.putFile(path, bytes.fill(0, 0, size));
  fs.kill();
  const reopen = (clean = false): { bench: LogBench; log: Log } => {
    const next = new LogBench(CONFIG, fs, new FakeTickRing(fs, 1024 * 1024));
    const opened = { bench: next, log: next.open({ clean }) };
    // A log found whole is synced once it is open, and what is not on the disk is not compacted.
    next.settle();
    return opened;
  };
  let again = reopen();
  const lost = batches[0]!.baseOffset;
  expect(again.log.recovery).toMatchObject({ damage: [], unflushed: [{ startOffset: lost, endOffset: lost + 1 }] });
  const expected = new Map(recordsIn(again.bench, again.log).map(({ key, value, offset }) => [key, `${offset} ${value}`]));
  cleaned(clean(again.bench, again.log));
  for (let start = 0; start < 2; start++) {
    const records = recordsIn(again.bench, again.log);
    expect(new Map(records.map(({ key, value, offset }) => [key, `${offset} ${value}`]))).toEqual(expected);
    expect(readable(again.bench, again.log)).not.toContain('corrupt');
    expect(again.log.segments.filter(({ damage }) => damage !== null)).toEqual([]);
    again.bench.table.close(again.log);
    again = reopen(true);
  }
});

describe.each(['EIO', 'ENOSPC'])('%s at the n-th operation of a pass', (code) => {
  test.each<DiskOperation>(['open', 'read', 'write', 'fdatasync', 'rename'])('%s', (operation) => {
    let struck = true;
    for (let n = 1; struck; n++) {
      expect(n).toBeLessThan(200);
      const { bench, log } = filled();
      const { fs } = bench;
      const last = new Map(recordsIn(bench, log).map(({ key, value }) => [key, value]));
      const { endOffset } = log;
      struck = false;
      let count = 0;
      fs.fault = (one) => {
        if (one !== operation || ++count !== n) return null;
        struck = true;
        return code;
      };
      const where = `${operation} ${n}`;
      try {
        clean(bench, log);
      } catch {
        // The pass is over; a swap that failed takes the directory offline, so that nobody trusts what is in memory.
      }
      fs.fault = null;
      const offline = bench.table.isOffline('/data');
      if (!offline) {
        expect(
          fs.list(DIR).filter((name) => /\.(cleaned|swap)$/.test(name)),
          where,
        ).toEqual([]);
        expect(['cleaned', undefined], where).toContain(clean(bench, log)?.kind);
      }
      expect(offline, where).toBe(struck && operation === 'rename');
      fs.kill();
      const next = new LogBench(CONFIG, fs, new FakeTickRing(fs, 1024 * 1024));
      const again = next.open({ recoveryPoint: endOffset });
      expect(again.endOffset, where).toBe(endOffset);
      expect(new Map(recordsIn(next, again).map(({ key, value }) => [key, value])), where).toEqual(last);
      cleaned(
        clean(next, again) ?? { kind: 'cleaned', cleanedToOffset: 0, segments: [], readBytes: 0, writtenBytes: 0, droppedRecords: 0 },
      );
    }
  });
});
