// Scrubbing: rot is found, isolated, told once and kept; what is whole stays readable; nothing is cut off.

import { describe, expect, test } from 'vitest';
import { ReadStatus } from '../../../src/engine/log/log-read.ts';
import { retainLog, truncateTo } from '../../../src/engine/log/retention.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { batch, batchRanges, DIR, LogBench, NOW } from './log-bench.ts';

const SEGMENTS = 4;
const RATE = 100_000_000;

/** Closed segments of several batches, and an active one, all on the disk. */
function written(bench = new LogBench({ segmentBytes: 3000, indexIntervalBytes: 200 })): { bench: LogBench; log: Log } {
  const log = bench.open();
  while (log.segments.length < SEGMENTS) {
    bench.append(log, batch(2, 150));
    bench.settle();
  }
  for (let i = 0; i < 4; i++) bench.append(log, batch(2, 150));
  bench.table.requireDurable(log);
  bench.settle();
  expect(log.durableOffset).toBe(log.endOffset);
  return { bench, log };
}

/** Looks until `rounds` more rounds are over. */
function scrub(bench: LogBench, rounds = 1): void {
  const { scrub: scrubbing } = bench.table;
  scrubbing.bytesPerSecond = RATE;
  const until = scrubbing.stats.rounds + rounds;
  for (let look = 0; scrubbing.stats.rounds < until; look++) {
    expect(look).toBeLessThan(1000);
    scrubbing.look(look * 1000);
    for (let i = 0; bench.table.isBusy && i < 1000; i++) {
      bench.ring.submit();
      bench.ring.drain(bench.table);
    }
  }
}

/** Flip a bit of the `index`-th batch of a segment on the disk. @returns its offsets */
function rot(bench: LogBench, log: Log, segmentIndex: number, index: number, at = 70): [number, number] {
  const segment = log.segments[segmentIndex]!;
  const { fs } = bench;
  const fd = fs.open(`${DIR}/${String(segment.baseOffset).padStart(20, '0')}.log`, 'r+');
  const bytes = new Uint8Array(segment.writtenBytes);
  fs.read(fd, bytes, 0, bytes.length, 0);
  const view = new DataView(bytes.buffer);
  let position = 0;
  for (let i = 0; i < index; i++) position += 12 + view.getInt32(position + 8);
  const offset = Number(view.getBigInt64(position));
  bytes[position + at]! ^= 0x10;
  fs.write(fd, bytes, position + at, 1, position + at);
  fs.close(fd);
  return [offset, offset + 1];
}

function rots(bench: LogBench): string[] {
  return bench.events.filter((event) => event.startsWith('rot'));
}

/** The first offset that a read at each offset gives, or its refusal. */
function readable(bench: LogBench, log: Log): (number | string)[] {
  return Array.from({ length: log.endOffset }, (_, offset) => {
    const got = bench.read(log, offset, 500);
    if (typeof got === 'number') return got === ReadStatus.CORRUPT ? 'corrupt' : `status ${got}`;
    return batchRanges(got)[0]![0]!;
  });
}

describe('scrubbing', () => {
  test('a whole log is gone through, segment by segment, and nothing is said', () => {
    const { bench, log } = written();
    scrub(bench, 2);
    expect(rots(bench)).toEqual([]);
    expect(bench.table.scrub.stats.goodBytes).toBe(2 * log.sizeBytes);
    expect(bench.table.isBusy).toBe(false);
  });

  for (const [where, segment] of [
    ['a closed segment', 1],
    ['the active segment', SEGMENTS - 1],
  ] as const) {
    for (const [what, at] of [
      ['a record', 70],
      ['the magic', 16],
      ['the length', 8],
      ['the base offset', 0],
      ['the base offset, a little', 7],
    ] as const) {
      for (const place of ['first', 'middle', 'last'] as const) {
        test(`${what} rots in the ${place} batch of ${where}: CORRUPT there, served before and after, told once`, () => {
          // With an index entry a batch, and with none but the first.
          const indexIntervalBytes = place === 'middle' ? 5000 : 200;
          const { bench, log } = written(new LogBench({ segmentBytes: 3000, indexIntervalBytes }));
          const batches = (log.segments[segment]!.endOffset - log.segments[segment]!.baseOffset) / 2;
          const index = { first: 0, middle: 2, last: batches - 1 }[place];
          const before = readable(bench, log);
          const [bad] = rot(bench, log, segment, index, at);
          const size = log.sizeBytes;
          scrub(bench, 3);
          expect(rots(bench)).toHaveLength(1);
          expect(rots(bench)[0]).toContain(`offsets ${bad} to ${bad + 1}: `);
          expect(bench.table.scrub.stats.damagedRanges).toBe(1);
          const expected = before.map((first, offset) => (offset === bad || offset === bad + 1 ? 'corrupt' : first));
          expect(readable(bench, log)).toEqual(expected);
          expect(log.sizeBytes).toBe(size);
          // A fetch that begins before it ends there.
          const upTo = bad === 0 ? null : bench.read(log, bad - 1, 1_000_000);
          if (upTo !== null) expect(batchRanges(upTo as Uint8Array).at(-1)![1]).toBe(bad - 1);
          // More is appended behind it, and it stays where it is.
          const next = bench.append(log, batch(1, 10));
          bench.settle();
          expect(readable(bench, log)).toEqual([...expected, next]);
        });
      }
    }
  }

  test('damage is kept over a clean stop, and forgotten when the bytes are good again', () => {
    const { bench, log } = written();
    const whole = readable(bench, log);
    const [bad] = rot(bench, log, 1, 3);
    scrub(bench);
    const found = readable(bench, log);
    expect(found[bad]).toBe('corrupt');
    const { endOffset, sizeBytes } = log;
    bench.table.close(log);
    const again = new LogBench(bench.config, bench.fs);
    const reopened = again.open({ clean: true, recoveryPoint: endOffset });
    expect([reopened.endOffset, reopened.sizeBytes]).toEqual([endOffset, sizeBytes]);
    expect(readable(again, reopened)).toEqual(found);
    // Known: not told again.
    scrub(again);
    expect(rots(again)).toEqual([]);
    rot(again, reopened, 1, 3);
    again.table.close(reopened);
    const healed = new LogBench(bench.config, bench.fs);
    expect(readable(healed, healed.open({ clean: true, recoveryPoint: endOffset }))).toEqual(whole);
  });

  test('a file of damage that makes no sense is as none', () => {
    const { bench, log } = written();
    bench.fs.replaceText(`${DIR}/damaged-ranges`, '0\n1\n0 0 99999 0 5 bad-checksum\n');
    bench.table.close(log);
    for (const text of ['rubbish', '0\n2\n0 0 1 0\n', '0\n1\n7777 0 50 0 5 bad-magic\n']) {
      const again = new LogBench(bench.config, bench.fs);
      const reopened = again.open({ clean: true, recoveryPoint: log.endOffset });
      expect(reopened.segments.some((segment) => segment.damage !== null)).toBe(false);
      again.table.close(reopened);
      bench.fs.replaceText(`${DIR}/damaged-ranges`, text);
    }
  });

  test('rot that only one read saw is none', () => {
    const { bench } = written();
    let spoiled = 0;
    bench.ring.verifyFault = (bytes) => {
      if (spoiled++ === 1) bytes[100]! ^= 1;
    };
    scrub(bench);
    expect([rots(bench), bench.table.scrub.stats.damagedRanges]).toEqual([[], 0]);
  });

  test('several bad batches in a row are one range; apart, they are two', () => {
    const { bench, log } = written();
    const [first] = rot(bench, log, 1, 2);
    rot(bench, log, 1, 3);
    const [other] = rot(bench, log, 1, 5);
    scrub(bench, 2);
    expect(rots(bench)).toHaveLength(2);
    expect(rots(bench)[0]).toContain(`offsets ${first} to ${first + 3}`);
    const seen = readable(bench, log);
    for (const bad of [first, first + 3, other, other + 1]) expect(seen[bad]).toBe('corrupt');
    expect([seen[first - 1], seen[first + 4], seen[other + 2]]).toEqual([first - 2, first + 4, other + 2]);
  });

  test('what is deleted or cut meanwhile is left alone, and its file is closed', () => {
    const { bench, log } = written();
    rot(bench, log, 0, 1);
    bench.table.scrub.bytesPerSecond = RATE;
    bench.table.scrub.look(0);
    bench.table.scrub.look(1000);
    expect(bench.table.scrub.isBusy).toBe(true);
    log.config = { ...log.config, retentionBytes: 1 };
    expect(retainLog(bench.table, log, NOW, log.endOffset)).toBeGreaterThan(0);
    bench.ring.submit();
    bench.ring.drain(bench.table);
    scrub(bench);
    expect(rots(bench)).toEqual([]);
    truncateTo(bench.table, log, log.startOffset);
    scrub(bench);
    bench.table.remove(log);
    scrub(bench);
    expect(rots(bench)).toEqual([]);
  });

  test('the rate is kept to, and 0 reads nothing', () => {
    const { bench, log } = written();
    const { scrub: scrubbing } = bench.table;
    for (let look = 0; look < 100; look++) scrubbing.look(look * 1000);
    expect(scrubbing.isBusy).toBe(false);
    scrubbing.bytesPerSecond = 10;
    let read = 0;
    bench.ring.verifyFault = (bytes) => (read += bytes.length);
    for (let look = 100; look < 2000; look++) {
      scrubbing.look(look * 1000);
      bench.ring.submit();
      bench.ring.drain(bench.table);
    }
    // A window is taken whole, and paid for afterwards.
    expect(read).toBeLessThan(1900 * 10 + log.sizeBytes);
    expect(read).toBeGreaterThan(1900 * 10 - log.sizeBytes);
  });
});
