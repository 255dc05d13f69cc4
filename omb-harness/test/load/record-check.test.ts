// Stamps and sets of sequences: what is written is read, and any one bit that changes is noticed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from '../../src/load/crc32c.ts';
import { keySource } from '../../src/load/key-pool.ts';
import { bodyChecksum, readStamp, STAMP_BYTES, type Stamp, writeStamp } from '../../src/load/record-stamp.ts';
import { SequenceSet } from '../../src/load/sequence-set.ts';

const RUN = 0x1234abcd;
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const stamps = fc.record({ lane: uint32, sequence: uint32, sendDelayUs: uint32, dueNs: fc.integer({ min: 0, max: 2 ** 53 - 1 }) });

test('CRC-32C gives the known check value', () => {
  expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa);
});

test.each(['value', 'header'])('a stamp in the %s is read as written, and one changed bit makes it corrupt', (where) => {
  fc.assert(
    fc.property(stamps, fc.uint8Array({ maxLength: 100 }), fc.nat(), ({ sendDelayUs, ...rest }, body, bit) => {
      const inValue = where === 'value';
      const value = inValue ? Buffer.concat([Buffer.alloc(STAMP_BYTES), body]) : Buffer.from(body);
      const header = inValue ? null : Buffer.alloc(STAMP_BYTES);
      const written: Stamp = { runId: RUN, ...rest, sendDelayNs: sendDelayUs * 1000 };
      writeStamp(header ?? value, written, bodyChecksum(value, inValue));
      const read: Stamp = { runId: 0, lane: 0, sequence: 0, sendDelayNs: 0, dueNs: 0 };
      expect(readStamp(value, header, RUN, read)).toBeNull();
      expect(read).toEqual(written);
      expect(readStamp(value, header, RUN + 1, read)).toBe('foreign');
      const all = header === null ? [value] : [header, value];
      const total = all.reduce((sum, { length }) => sum + length, 0);
      let at = bit % (total * 8);
      const target = all.find(({ length }) => {
        if (at < length * 8) return true;
        at -= length * 8;
        return false;
      })!;
      target[at >> 3]! ^= 1 << (at & 7);
      expect(readStamp(value, header, RUN, read)).toBe('corrupt');
    }),
  );
});

test('bytes without room for a stamp are nobody of ours', () => {
  const read: Stamp = { runId: 0, lane: 0, sequence: 0, sendDelayNs: 0, dueNs: 0 };
  expect(readStamp(new Uint8Array(STAMP_BYTES - 1), null, RUN, read)).toBe('foreign');
});

test('a set of sequences is a set', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }), (sequences) => {
      const set = new SequenceSet();
      const model = new Set<number>();
      for (const sequence of sequences) {
        expect(set.add(sequence)).toBe(!model.has(sequence));
        model.add(sequence);
      }
      const { ranges } = set;
      expect(ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(
        [...model].sort((a, b) => a - b),
      );
      for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThan(ranges[i - 1]![1]);
    }),
  );
});

test("keys are OMB's: ten characters, ten thousand of them, in turn or at random", () => {
  expect(keySource('NO_KEY', 1)()).toBeNull();
  const next = keySource('KEY_ROUND_ROBIN', 1);
  const keys = Array.from({ length: 20_000 }, () => Buffer.from(next()!).toString());
  expect(new Set(keys).size).toBe(10_000);
  expect(keys.slice(10_000)).toEqual(keys.slice(0, 10_000));
  for (const key of keys.slice(0, 100)) expect(key).toMatch(/^[\w-]{10}$/);
});
