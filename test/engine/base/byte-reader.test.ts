// ByteReader: the encodings by hand, the saturation of 64-bit integers, and every way in which bytes can be wrong.
// Owner: tests; pure.

import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, MalformedBytes } from '../../../src/engine/base/byte-reader.ts';
import { ByteWriter } from '../../../src/engine/base/byte-writer.ts';

const reader = (hex: string): ByteReader => new ByteReader(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
const MAX = Number.MAX_SAFE_INTEGER;
const MIN = Number.MIN_SAFE_INTEGER;

describe('integers', () => {
  test('are big-endian and signed where they say so', () => {
    expect(reader('80').int8()).toBe(-128);
    expect(reader('80').uint8()).toBe(128);
    expect(reader('fffe').int16()).toBe(-2);
    expect(reader('fffe').uint16()).toBe(0xfffe);
    expect(reader('80000000').int32()).toBe(-0x8000_0000);
    expect(reader('80000000').uint32()).toBe(0x8000_0000);
    expect(reader('3ff8000000000000').float64()).toBe(1.5);
    expect(reader('00').bool()).toBe(false);
    expect(reader('07').bool()).toBe(true);
  });

  test('of 64 bits agree with bigint up to 2^53 and saturate beyond', () => {
    const saturated = (value: bigint): number => Number(value > MAX ? MAX : value < MIN ? MIN : value);
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer({ min: 0, max: 63 }), (raw, shift) => {
        const value = raw >> BigInt(shift);
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64BE(value);
        expect(new ByteReader(bytes).int64()).toBe(saturated(value));
        const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
        const groups: number[] = [];
        let left = zigzag;
        for (; left > 127n; left >>= 7n) groups.push(Number(left & 127n) | 128);
        groups.push(Number(left));
        expect(new ByteReader(Uint8Array.from(groups)).varlong()).toBe(saturated(value));
      }),
      { numRuns: 2000 },
    );
  });

  test('the extremes that clients send as "no limit" saturate', () => {
    expect(reader('7fffffffffffffff').int64()).toBe(MAX);
    expect(reader('8000000000000000').int64()).toBe(MIN);
    expect(reader('001fffffffffffff').int64()).toBe(MAX);
    expect(reader('0020000000000000').int64()).toBe(MAX);
    expect(reader('ffe0000000000000').int64()).toBe(MIN);
    expect(reader('ffe0000000000001').int64()).toBe(MIN);
    expect(reader('ffffffffffffffff').int64()).toBe(-1);
  });

  test('varints end', () => {
    expect(reader('ac02').uvarint()).toBe(300);
    expect(reader('ffffffff0f').uvarint()).toBe(0xffff_ffff);
    expect(() => reader('ffffffff1f').uvarint()).toThrow(MalformedBytes);
    expect(() => reader('8080808080').uvarint()).toThrow(MalformedBytes);
    expect(() => reader('80').uvarint()).toThrow(MalformedBytes);
    expect(reader('01').varint()).toBe(-1);
    expect(reader('ffffffff0f').varint()).toBe(-0x8000_0000);
    expect(() => reader('ffffffffffffffffff02').varlong()).toThrow(MalformedBytes);
    expect(() => reader('ffffffffffffffffffff01').varlong()).toThrow(MalformedBytes);
  });
});

describe('text', () => {
  test('a uuid is 22 characters of base64url', () => {
    expect(reader('00'.repeat(16)).uuid()).toBe('AAAAAAAAAAAAAAAAAAAAAA');
    expect(reader('fb'.repeat(16)).uuid()).toBe(Buffer.alloc(16, 0xfb).toString('base64url'));
  });

  test('strings, plain and compact, null and not', () => {
    expect(reader('0003 c3a978').string()).toBe('éx');
    expect(reader('0000').string()).toBe('');
    expect(reader('ffff').nullableString()).toBeNull();
    expect(reader('04 c3a978').compactString()).toBe('éx');
    expect(reader('01').compactNullableString()).toBe('');
    expect(reader('00').compactNullableString()).toBeNull();
    // Bytes that are no UTF-8 are replaced, as in Kafka.
    expect(reader('0001 ff').string()).toBe('\ufffd');
  });

  test('strings of a wrong length', () => {
    expect(() => reader('ffff').string()).toThrow(/string length -1/);
    expect(() => reader('fffe').nullableString()).toThrow(MalformedBytes);
    expect(() => reader('00').compactString()).toThrow(/null string/);
    expect(() => reader('0005 61').string()).toThrow(/5 bytes wanted at 2, 1 left/);
    const long = Buffer.concat([Buffer.from('818002', 'hex'), Buffer.alloc(0x8000)]);
    expect(() => new ByteReader(long).compactString()).toThrow(/string of 32768/);
  });
});

describe('bytes and arrays', () => {
  test('bytes are copied, views are not', () => {
    const memory = Buffer.from('0000000261620000000261620361620361 62'.replace(/\s/g, ''), 'hex');
    const r = new ByteReader(memory);
    const copy = r.bytes();
    const view = r.bytesView();
    const compact = r.compactBytes();
    memory.fill(0x7a, 4);
    expect([copy, view, compact].map((one) => Buffer.from(one).toString())).toEqual(['ab', 'zz', 'ab']);
    expect(copy.buffer).not.toBe(memory.buffer);
    expect(view.buffer).toBe(memory.buffer);
  });

  test('null bytes', () => {
    expect(reader('ffffffff').nullableBytes()).toBeNull();
    expect(reader('ffffffff').nullableBytesView()).toBeNull();
    expect(reader('00').compactNullableBytes()).toBeNull();
    expect(reader('00').compactNullableBytesView()).toBeNull();
    expect(() => reader('ffffffff').bytes()).toThrow(MalformedBytes);
    expect(() => reader('fffffffe').nullableBytes()).toThrow(MalformedBytes);
    expect(() => reader('00').compactBytes()).toThrow(MalformedBytes);
    expect(() => reader('7fffffff 00').bytes()).toThrow(MalformedBytes);
    expect(() => reader('ffffffff0f 00').compactBytesView()).toThrow(MalformedBytes);
  });

  test('a count that the rest cannot hold is refused before anything is allocated', () => {
    expect(() => reader('7fffffff 00').arrayLength()).toThrow(/array of 2147483647, 1 bytes left/);
    expect(() => reader('ffffffff0f 00').compactArrayLength()).toThrow(MalformedBytes);
    expect(reader('00000002 00000000').arrayLength(2)).toBe(2);
    expect(() => reader('00000002 000000').arrayLength(2)).toThrow(MalformedBytes);
    expect(reader('ffffffff').nullableArrayLength(4)).toBe(-1);
    expect(reader('00').compactNullableArrayLength(4)).toBe(-1);
    expect(() => reader('ffffffff').arrayLength()).toThrow(MalformedBytes);
    expect(() => reader('fffffffe').nullableArrayLength()).toThrow(MalformedBytes);
    expect(() => reader('00').compactArrayLength()).toThrow(MalformedBytes);
  });

  test('elements are counted over all arrays, and only as far as a limit was given', () => {
    const bytes = Buffer.from('0000000203040506 ffffffff 00000002'.replaceAll(' ', ''), 'hex');
    const read = (elementsMax?: number): void => {
      const limited = new ByteReader().reset(bytes, 0, bytes.length, elementsMax);
      expect(limited.arrayLength()).toBe(2);
      limited.skip(4);
      expect(limited.nullableArrayLength()).toBe(-1);
      limited.arrayLength(0);
    };
    read();
    read(4);
    expect(() => read(3)).toThrow(MalformedBytes);
    expect(() => read(1)).toThrow(MalformedBytes);
  });

  test('tag sections are skipped by their sizes', () => {
    const r = reader('02 05 02 aabb 06 00 2a');
    r.skipTags();
    expect(r.uint8()).toBe(0x2a);
    expect(() => reader('01 05 03 aabb').skipTags()).toThrow(MalformedBytes);
    expect(() => reader('ffffffff0f').skipTags()).toThrow(MalformedBytes);
    const known = reader('02 aabb');
    const end = known.enterTag();
    known.int8();
    expect(() => known.leaveTag(end)).toThrow(/tagged field ends at 2, not 3/);
  });

  test('a nullable struct is announced by -1 or 1', () => {
    expect(reader('ff').structPresent()).toBe(false);
    expect(reader('01').structPresent()).toBe(true);
    expect(() => reader('00').structPresent()).toThrow(MalformedBytes);
  });
});

describe('the range', () => {
  test('holds, whatever lies beyond it', () => {
    const r = new ByteReader(Buffer.from('00010203040506', 'hex'), 2, 4);
    expect(r.remaining).toBe(2);
    expect(r.int16()).toBe(0x0203);
    expect(() => r.int8()).toThrow(MalformedBytes);
    expect(r.position).toBe(4);
    r.reset(Uint8Array.of(9, 8), 1);
    expect(r.uint8()).toBe(8);
    expect(() => r.reset(Uint8Array.of(1), 0, 2)).toThrow(RangeError);
    expect(() => reader('00').skip(-1)).toThrow(MalformedBytes);
  });

  test('works on an array inside a larger buffer', () => {
    const inner = new Uint8Array(Uint8Array.of(9, 9, 0, 1, 0x41, 9).buffer, 2, 3);
    const r = new ByteReader(inner);
    expect(r.string()).toBe('A');
    expect(new ByteReader(inner, 2).view(1)).toEqual(Uint8Array.of(0x41));
  });
});

test('what the writer writes the reader reads', () => {
  const numbers = { int8: 8, int16: 16, int32: 32, varint: 32 } as const;
  fc.assert(
    fc.property(
      fc.integer(),
      fc.maxSafeInteger(),
      fc.nat(0xffff_ffff),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array(),
      (i, long, u, text, bytes) => {
        const w = new ByteWriter(16);
        for (const [name, bits] of Object.entries(numbers)) w[name as keyof typeof numbers]((i << (32 - bits)) >> (32 - bits));
        w.int64(long);
        w.varlong(long);
        w.uvarint(u);
        w.uint32(u);
        w.float64(long / 3);
        w.string(text);
        w.nullableString(null);
        w.compactNullableString(text);
        w.bytes(bytes);
        w.compactBytes(bytes);
        const r = new ByteReader(w.view());
        for (const [name, bits] of Object.entries(numbers)) {
          expect(r[name as keyof typeof numbers]()).toBe((i << (32 - bits)) >> (32 - bits));
        }
        expect([r.int64(), r.varlong(), r.uvarint(), r.uint32(), r.float64()]).toEqual([long, long, u, u, long / 3]);
        expect([r.string(), r.nullableString(), r.compactNullableString()]).toEqual([text, null, text]);
        expect([r.bytes(), r.compactBytesView()]).toEqual([bytes, bytes]);
        expect(r.remaining).toBe(0);
      },
    ),
  );
});
