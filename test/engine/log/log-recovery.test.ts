import { describe, expect, test } from 'vitest';
import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { ReadStatus } from '../../../src/engine/log/log-read.ts';
import { encodeBatch } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { batch, batchRanges, DIR, LogBench, NOW } from './log-bench.ts';

const FIRST = `${DIR}/00000000000000000000.log`;

/** Batches of 2 records each, written but not closed: what kill -9 leaves. */
function crashed(batches: number, config = {}): LogBench {
  const bench = new LogBench(config);
  const log = bench.open({ leaderEpoch: 3 });
  for (let i = 0; i < batches; i++) {
    const spec = { ...batch(2, 40, NOW + i), producerId: 5, producerEpoch: 0, baseSequence: i * 2 };
    expect(bench.append(log, spec)).toBe(i * 2);
  }
  bench.settle();
  bench.fs.kill();
  return bench;
}

function reopened(fs: MemoryFileSystem, config = {}, recoveryPoint = 0): { bench: LogBench; log: ReturnType<LogBench['open']> } {
  const bench = new LogBench(config, fs, new FakeTickRing(fs, 1024 * 1024));
  return { bench, log: bench.open({ recoveryPoint, leaderEpoch: 3 }) };
}

describe('a torn tail', () => {
  const tails: [string, (tail: Uint8Array, keep: number) => Uint8Array][] = [
    ['cut short', (tail, keep) => tail.slice(0, keep)],
    ['filled with zeros', (tail, keep) => tail.fill(0, keep)],
    ['filled with rubbish', (tail, keep) => tail.map((byte, i) => (i < keep ? byte : (byte * 31 + i * 7 + 1) & 0xff))],
  ];
  for (const [name, tear] of tails) {
    test(`${name} at every byte of the last batch is cut off, and nothing else`, () => {
      const bench = crashed(4);
      const whole = bench.fs.bytesOf(FIRST);
      const start = (whole.length / 4) * 3;
      for (let keep = 0; keep < whole.length - start; keep++) {
        const torn = new Uint8Array([...whole.slice(0, start), ...tear(whole.slice(start), keep)]);
        if (Buffer.compare(torn, whole) === 0) continue;
        const fs = bench.fs.clone();
        fs.putFile(FIRST, torn);
        const { bench: after, log } = reopened(fs);
        // The batch's own first 21 bytes but the length are outside its checksum, so rubbish there may go unnoticed.
        if (log.endOffset === 8) {
          expect(keep).toBeLessThan(16);
          continue;
        }
        expect([keep, log.endOffset, log.recovery!.damage.length]).toEqual([keep, 6, 0]);
        // A new end is on the disk before anything is appended there; what was whole follows.
        if (keep > 0) expect(log.durableOffset).toBe(6);
        after.settle();
        expect(log.durableOffset).toBe(6);
        expect(log.recovery!.truncatedBytes).toBe(torn.length - start);
        expect(log.producers.list()[0]!.lastSequence).toBe(5);
        expect(after.append(log, { ...batch(2), producerId: 5, producerEpoch: 0, baseSequence: 6 })).toBe(6);
        after.settle();
        after.table.close(log);
        expect(dumpFaults(fs, DIR)).toEqual([]);
      }
    });
  }

  test('empty segments behind it are deleted', () => {
    const bench = crashed(6, { segmentBytes: 400 });
    const names = bench.fs.list(DIR).filter((name) => name.endsWith('.log'));
    expect(names.length).toBeGreaterThan(2);
    const last = names.sort().at(-1)!;
    const before = names.at(-2)!;
    bench.fs.putFile(`${DIR}/${last}`, new Uint8Array(100));
    const bytes = bench.fs.bytesOf(`${DIR}/${before}`);
    bench.fs.putFile(`${DIR}/${before}`, bytes.slice(0, bytes.length - 3));
    const { bench: after, log } = reopened(bench.fs, { segmentBytes: 400 });
    expect(log.recovery!.deletedSegments).toBe(1);
    expect(log.recovery!.damage).toEqual([]);
    expect(log.active.baseOffset).toBe(Number(before.slice(0, 20)));
    after.table.close(log);
    expect(dumpFaults(bench.fs, DIR)).toEqual([]);
  });
});

describe('damage with valid batches behind it', () => {
  test('at any byte of a batch in the middle is isolated, reported, and everything else is read', () => {
    const bench = crashed(5);
    const whole = bench.fs.bytesOf(FIRST);
    const size = whole.length / 5;
    for (let at = size; at < 2 * size; at += 1) {
      const inEpoch = at - size >= 12 && at - size < 16;
      // A bit that makes the offset larger than any can be tells by itself.
      const inHighOffset = at - size >= 2 && at - size < 8;
      if (inEpoch) continue;
      const fs = bench.fs.clone();
      const bytes = whole.slice();
      bytes[at] = bytes[at]! ^ 0x81;
      fs.putFile(FIRST, bytes);
      const { bench: after, log } = reopened(fs);
      if (inHighOffset) {
        // Another offset than it had: outside the checksum, so only its order tells.
        expect(log.endOffset).toBeGreaterThanOrEqual(10);
        continue;
      }
      expect([at, log.endOffset, log.recovery!.truncatedBytes]).toEqual([at, 10, 0]);
      expect(log.recovery!.damage).toMatchObject([
        { segment: 0, startPosition: size, endPosition: 2 * size, startOffset: 2, endOffset: 4 },
      ]);
      expect(batchRanges(after.read(log, 0) as Uint8Array)).toEqual([[0, 1]]);
      expect(after.read(log, 2)).toBe(ReadStatus.CORRUPT);
      expect(after.read(log, 3)).toBe(ReadStatus.CORRUPT);
      expect(batchRanges(after.read(log, 4) as Uint8Array)).toHaveLength(3);
      expect(after.append(log, batch(1))).toBe(10);
      after.settle();
    }
  });

  test('in an older segment keeps the newer ones', () => {
    const config = { segmentBytes: 400 };
    const bench = crashed(8, config);
    const bytes = bench.fs.bytesOf(FIRST);
    bench.fs.putFile(FIRST, bytes.slice(0, bytes.length - 5));
    const second = bench.fs
      .list(DIR)
      .filter((name) => name.endsWith('.log'))
      .sort()[1]!;
    const { bench: after, log } = reopened(bench.fs, config, Number(second.slice(0, 20)) - 1);
    expect(log.endOffset).toBe(16);
    expect(log.recovery!.damage).toHaveLength(1);
    expect(log.recovery!.damage[0]!.endOffset).toBe(log.segments[1]!.baseOffset);
    expect(after.read(log, log.segments[1]!.baseOffset - 1)).toBe(ReadStatus.CORRUPT);
    expect(batchRanges(after.read(log, log.segments[1]!.baseOffset) as Uint8Array).length).toBeGreaterThan(0);
  });

  test('a batch inside a torn batch is not taken for a record', () => {
    const bench = new LogBench();
    const log = bench.open();
    const inner = encodeBatch({ ...batch(1), baseOffset: 50 });
    bench.append(log, { values: [new Uint8Array([...inner, 1, 2, 3, ...new Uint8Array(90)])], timestamps: [NOW] });
    bench.settle();
    bench.fs.kill();
    const whole = bench.fs.bytesOf(FIRST);
    bench.fs.putFile(FIRST, whole.slice(0, whole.length - 1));
    const { log: after } = reopened(bench.fs);
    expect([after.endOffset, after.recovery!.damage.length]).toEqual([0, 0]);
  });
});

test('what can be rebuilt is rebuilt: indexes, epochs, snapshots, each one missing or rubbish', () => {
  const config = { segmentBytes: 2000, indexIntervalBytes: 200 };
  const bench = new LogBench(config);
  const log = bench.open({ leaderEpoch: 3 });
  for (let i = 0; i < 60; i++) bench.append(log, { ...batch(2, 40, NOW + i), producerId: 5, producerEpoch: 0, baseSequence: i * 2 });
  bench.settle();
  bench.table.close(log);
  const stable = (fs: MemoryFileSystem): string[] =>
    fs
      .list(DIR)
      .filter((name) => !name.endsWith('.snapshot'))
      .sort();
  for (const name of bench.fs.list(DIR)) {
    if (name.endsWith('.log')) continue;
    for (const harm of [null, new Uint8Array(0), new Uint8Array(36).fill(0x5a), new Uint8Array(13)]) {
      const fs = bench.fs.clone();
      if (harm === null) fs.remove(`${DIR}/${name}`);
      else fs.putFile(`${DIR}/${name}`, harm);
      const { bench: after, log: again } = reopened(fs, config);
      expect([name, again.endOffset, again.leaderEpochs.epochs]).toEqual([name, 120, [3]]);
      expect(again.producers.list()[0]!.lastSequence).toBe(119);
      expect(again.recovery!.damage).toEqual([]);
      after.table.close(again);
      expect(dumpFaults(fs, DIR)).toEqual([]);
      for (const file of stable(bench.fs)) {
        expect([file, Buffer.compare(fs.bytesOf(`${DIR}/${file}`), bench.fs.bytesOf(`${DIR}/${file}`))]).toEqual([file, 0]);
      }
    }
  }
});

test('a clean stop scans nothing, and an index that lost its end is completed on the way', () => {
  const config = { segmentBytes: 2000, indexIntervalBytes: 200 };
  const bench = new LogBench(config);
  const log = bench.open({ leaderEpoch: 3 });
  for (let i = 0; i < 60; i++) bench.append(log, batch(2, 40, NOW + i));
  bench.settle();
  bench.table.close(log);
  for (const name of bench.fs.list(DIR).filter((file) => file.endsWith('index'))) {
    for (const cut of [0, 8, 12, 5]) {
      const fs = bench.fs.clone();
      fs.putFile(`${DIR}/${name}`, fs.bytesOf(`${DIR}/${name}`).slice(0, cut));
      const after = new LogBench(config, fs);
      const again = after.open({ clean: true, recoveryPoint: 120, leaderEpoch: 3 });
      expect([again.recovery!.scannedBytes, again.endOffset, again.durableOffset]).toEqual([0, 120, 120]);
      for (let offset = 0; offset < 120; offset++) {
        const [first] = batchRanges(after.read(again, offset, 300) as Uint8Array);
        expect(first![0]).toBe(offset - (offset % 2));
      }
      after.table.close(again);
      expect(dumpFaults(fs, DIR)).toEqual([]);
    }
  }
});

test('only segments from the recovery point on are scanned', () => {
  const config = { segmentBytes: 1000 };
  const bench = crashed(40, config);
  const { log: all } = reopened(bench.fs.clone(), config);
  const { log } = reopened(bench.fs, config, 70);
  expect(log.recovery!.scannedBytes).toBe(all.recovery!.scannedBytes / 4);
  expect(log.endOffset).toBe(80);
  expect(log.producers.list()[0]!.lastSequence).toBe(79);
});

test('recovering twice gives the same log', () => {
  const bench = crashed(7, { segmentBytes: 500 });
  const bytes = bench.fs.bytesOf(FIRST);
  bytes[200] = bytes[200]! ^ 1;
  bench.fs.putFile(FIRST, bytes);
  const { log: once } = reopened(bench.fs, { segmentBytes: 500 });
  bench.fs.kill();
  const { log: twice } = reopened(bench.fs, { segmentBytes: 500 });
  expect(twice.recovery!.damage).toEqual(once.recovery!.damage);
  expect(twice.endOffset).toBe(once.endOffset);
  expect(twice.producers.list()).toEqual(once.producers.list());
});

test('a log that ends below its start offset begins anew there', () => {
  const bench = crashed(2);
  const after = new LogBench({}, bench.fs);
  const log = after.open({ logStartOffset: 100 });
  expect([log.startOffset, log.endOffset]).toEqual([100, 100]);
  expect(after.append(log, batch(1))).toBe(100);
  after.settle();
  after.table.close(log);
  expect(dumpFaults(bench.fs, DIR)).toEqual([]);
});
