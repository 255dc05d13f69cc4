// What is left of a managed segment's reserved space: by a roll, and by a crash, of which recovery makes the best. The writes are modelled as the native store makes
// them: whole blocks, the last one padded with zeros and written again, any sector of what was not synced on the disk or not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { FENCE_STEP_BYTES, fenceBlock } from '../../../src/engine/log/fence-block.ts';
import { HOLE_BYTES_MAX } from '../../../src/engine/log/managed-segment.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { encodeBatch } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { batch, DIR, LogBench, NOW } from './log-bench.ts';

const BLOCK = 4096;
const SECTOR = 512;

const pathOf = (base: number): string => `${DIR}/${String(base).padStart(20, '0')}.log`;

interface Batches {
  readonly bytes: Uint8Array;
  /** Where each batch ends, with the offset after it. */
  readonly ends: readonly { readonly position: number; readonly offset: number }[];
}

function batchesOf(sizes: readonly number[], firstOffset = 0): Batches {
  const pieces: Uint8Array[] = [];
  const ends: { position: number; offset: number }[] = [];
  let position = 0;
  let offset = firstOffset;
  for (const size of sizes) {
    const bytes = encodeBatch({ ...batch(2, size, NOW + offset), baseOffset: offset });
    pieces.push(bytes);
    position += bytes.length;
    offset += 2;
    ends.push({ position, offset });
  }
  return { bytes: Buffer.concat(pieces), ends };
}

/** Old batches, as a recycled file holds them when it is used again, fenced. */
function earlierLife(fileBytes: number): Uint8Array {
  const sizes = Array.from({ length: Math.ceil(fileBytes / 5000) }, (_, i) => 5000 + ((i * 733) % 2000));
  const file = batchesOf(sizes).bytes.slice(0, fileBytes);
  for (let at = 0; at + BLOCK <= file.length; at += FENCE_STEP_BYTES) file.set(fenceBlock(at), at);
  return file;
}

/** `file` after the writes that end at `writeEnds`; `reaches` decides for each sector of those behind `synced`. */
function image(file: Uint8Array, bytes: Uint8Array, writeEnds: readonly number[], synced: number, reaches: () => boolean): Uint8Array {
  let start = 0;
  for (const end of writeEnds) {
    const from = Math.floor(start / BLOCK) * BLOCK;
    const to = Math.ceil(end / BLOCK) * BLOCK;
    const written = new Uint8Array(to - from);
    written.set(bytes.subarray(from, end));
    for (let sector = 0; sector < written.length; sector += SECTOR) {
      if (end <= synced || reaches()) file.set(written.subarray(sector, sector + SECTOR), from + sector);
    }
    start = end;
  }
  return file;
}

function recover(files: ReadonlyMap<number, Uint8Array>, recoveryPoint = 0): { fs: MemoryFileSystem; bench: LogBench; log: Log } {
  const made = new LogBench();
  made.table.close(made.open());
  const fs = made.fs;
  fs.putFile(`${DIR}/ringlog.managed`, new Uint8Array(0));
  if (!files.has(0)) fs.remove(pathOf(0));
  for (const [base, bytes] of files) fs.putFile(pathOf(base), bytes);
  const bench = new LogBench({}, fs, new FakeTickRing(fs, 4 * 1024 * 1024));
  return { fs, bench, log: bench.open({ recoveryPoint }) };
}

const inNewFile = { life: 'a new file', base: 0, blank: (bytes: number) => new Uint8Array(bytes) };
// What was there before has the offsets below.
const inRecycledFile = { life: 'a recycled file', base: 1_000_000, blank: earlierLife };

test.each([inNewFile, inRecycledFile])(
  'a crash in the middle of any writes to $life leaves all that was synced, then whole batches in order, and no damage',
  ({ base, blank }) => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 12_000 })), {
      minLength: 1,
      maxLength: 40,
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 12 });
    const shape = {
      sizes,
      cuts,
      syncedWrites: fc.nat(12),
      reserved: fc.nat(40),
      seed: fc.integer(),
      share: fc.integer({ min: 0, max: 100 }),
    };
    fc.assert(
      fc.property(fc.record(shape), ({ sizes, cuts, syncedWrites, reserved, seed, share }) => {
        const { bytes, ends } = batchesOf(sizes, base);
        const writeEnds: number[] = [];
        for (const cut of cuts) writeEnds.push(Math.min((writeEnds.at(-1) ?? 0) + cut, bytes.length));
        const synced = syncedWrites === 0 ? 0 : writeEnds[Math.min(syncedWrites, writeEnds.length) - 1]!;
        const fileBytes = Math.ceil(writeEnds.at(-1)! / BLOCK) * BLOCK + reserved * BLOCK;
        let random = seed >>> 0;
        const reaches = (): boolean => {
          random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
          return random % 100 < share;
        };
        const { fs, bench, log } = recover(new Map([[base, image(blank(fileBytes), bytes, writeEnds, synced, reaches)]]));
        const atLeast = ends.findLast(({ position }) => position <= synced)?.offset ?? base;
        expect(log.endOffset).toBeGreaterThanOrEqual(atLeast);
        const end = ends.find(({ offset }) => offset === log.endOffset)?.position ?? 0;
        expect(Buffer.compare(fs.bytesOf(pathOf(base)), bytes.subarray(0, end))).toBe(0);
        expect(log.recovery!.damage).toEqual([]);
        expect(bench.append(log, batch(2))).toBe(log.endOffset - 2);
        bench.settle();
        bench.table.close(log);
        expect(dumpFaults(fs, DIR)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  },
);

describe('managed segments after a crash', () => {
  test('space that was only reserved is nothing to tell of', () => {
    const { bytes } = batchesOf([10, 20, 30]);
    const { log, fs } = recover(new Map([[0, Buffer.concat([bytes, new Uint8Array(3 * 1024 * 1024)])]]));
    expect(log.endOffset).toBe(6);
    expect([log.recovery!.truncatedBytes, log.recovery!.deletedSegments, log.recovery!.damage.length]).toEqual([0, 0, 0]);
    expect(fs.bytesOf(pathOf(0)).length).toBe(bytes.length);
  });

  test('what a recycled file held before is nothing to tell of, and is not looked through', () => {
    const { bytes } = batchesOf([10, 20, 30], 1000);
    const file = earlierLife(3 * FENCE_STEP_BYTES);
    file.set(bytes);
    file.fill(0, bytes.length, BLOCK);
    const { log, fs } = recover(new Map([[1000, file]]));
    expect(log.endOffset).toBe(1006);
    expect([log.recovery!.truncatedBytes, log.recovery!.deletedSegments, log.recovery!.damage.length]).toEqual([0, 0, 0]);
    expect(fs.bytesOf(pathOf(1000)).length).toBe(bytes.length);
    expect(log.recovery!.readBytes).toBeLessThan(FENCE_STEP_BYTES);
  });

  test('nor one that was begun with and never written', () => {
    const { bytes } = batchesOf([10, 20]);
    const { log } = recover(
      new Map([
        [0, bytes],
        [4, earlierLife(2 * FENCE_STEP_BYTES)],
      ]),
    );
    expect([log.endOffset, log.segments.length, log.active.baseOffset, log.active.writtenBytes]).toEqual([4, 2, 4, 0]);
    expect(log.recovery!.damage).toEqual([]);
  });

  test('batches behind a fence that was written over count, and damage before them is damage', () => {
    const size = 1024 * 1024;
    const { bytes, ends } = batchesOf(
      Array.from({ length: 10 }, () => size),
      1000,
    );
    const file = earlierLife(4 * FENCE_STEP_BYTES);
    file.set(bytes);
    file.fill(0, bytes.length, Math.ceil(bytes.length / BLOCK) * BLOCK);
    file[200] ^= 0xff;
    const { log } = recover(new Map([[1000, file]]));
    expect([log.endOffset, log.recovery!.truncatedBytes]).toEqual([ends.at(-1)!.offset, 0]);
    expect(log.recovery!.damage.map(({ startOffset, endOffset }) => [startOffset, endOffset])).toEqual([[1000, 1002]]);
  });

  test('a new segment that was reserved and never written stays', () => {
    const { bytes } = batchesOf([10, 20]);
    const { log } = recover(
      new Map([
        [0, Buffer.concat([bytes, new Uint8Array(BLOCK)])],
        [4, new Uint8Array(1024 * 1024)],
      ]),
    );
    expect([log.endOffset, log.segments.length, log.active.baseOffset]).toEqual([4, 2, 4]);
    expect(log.recovery!.damage).toEqual([]);
  });

  test('a hole before batches that were on their way ends the log there', () => {
    const { bytes, ends } = batchesOf([3000, 3000, 3000, 3000]);
    const holed = bytes.slice();
    holed.fill(0, ends[1]!.position, ends[2]!.position);
    const { log } = recover(new Map([[0, holed]]));
    expect([log.endOffset, log.recovery!.damage.length]).toEqual([4, 0]);
    expect(log.recovery!.truncatedBytes).toBe(bytes.length - ends[1]!.position);
  });

  test('a hole at a roll takes the segment behind it along, with what its producers sent', () => {
    const first = batchesOf([500, 500]);
    const behind = encodeBatch({ ...batch(2, 100, NOW), baseOffset: 4, producerId: 9, producerEpoch: 0, baseSequence: 0 });
    const holed = first.bytes.slice();
    holed.fill(0, first.ends[0]!.position);
    const { log } = recover(
      new Map([
        [0, holed],
        [4, Buffer.concat([behind, new Uint8Array(BLOCK)])],
      ]),
    );
    expect([log.endOffset, log.segments.length, log.recovery!.deletedSegments]).toEqual([2, 1, 1]);
    expect(log.recovery!.damage).toEqual([]);
    expect(log.producers.list()).toEqual([]);
  });

  test('a bad spot further back than writes under way reach is damage: what follows it stays', () => {
    const size = 1024 * 1024;
    const { bytes, ends } = batchesOf(Array.from({ length: HOLE_BYTES_MAX / size }, () => size));
    const rotten = bytes.slice();
    rotten[ends[1]!.position + 200] ^= 0xff;
    const { log } = recover(new Map([[0, rotten]]));
    expect(log.endOffset).toBe(ends.at(-1)!.offset);
    expect(log.recovery!.truncatedBytes).toBe(0);
    expect(log.recovery!.damage.map(({ startOffset, endOffset }) => [startOffset, endOffset])).toEqual([[4, 6]]);
  });
});

describe('a rolled segment is cut to its batches when they are on the disk', () => {
  function rolled(whileRolling: (bench: LogBench, log: Log) => void): { bench: LogBench; log: Log } {
    const bench = new LogBench({ segmentBytes: 2000 });
    const log = bench.open();
    log.active.managed = true;
    log.active.padded = true;
    bench.fs.truncate(log.active.fd, 1024 * 1024);
    while (log.segments.length < 2) {
      whileRolling(bench, log);
      bench.append(log, batch(1, 600));
    }
    return { bench, log };
  }

  const expectCut = (bench: LogBench, log: Log): void => {
    const [first] = log.segments;
    expect([first!.padded, bench.fs.bytesOf(pathOf(0)).length]).toEqual([false, first!.writtenBytes]);
  };

  test('which they were before the roll', () => {
    const { bench, log } = rolled((early) => early.settle());
    bench.settle();
    expectCut(bench, log);
  });

  test('not while some are on their way', () => {
    const { bench, log } = rolled(() => undefined);
    expect(log.segments[0]!.padded).toBe(true);
    bench.settle();
    expectCut(bench, log);
  });

  test('also when one of the page cache has been rolled since', () => {
    const { bench, log } = rolled(() => undefined);
    while (log.segments.length < 3) bench.append(log, batch(1, 600));
    bench.settle();
    expectCut(bench, log);
  });
});
