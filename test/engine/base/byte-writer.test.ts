// ByteWriter: the encodings by hand, sizes, growth, and the values it refuses. Owner: tests; pure.

import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter, UnencodableField, uvarintSize, varintSize, varlongSize } from '../../../src/engine/base/byte-writer.ts';

const written = (write: (w: ByteWriter) => void): string => {
  const w = new ByteWriter(16);
  write(w);
  return Buffer.from(w.view()).toString('hex');
};

describe('encodings', () => {
  test('integers', () => {
    expect(written((w) => w.int8(-1))).toBe('ff');
    expect(written((w) => w.int16(-2))).toBe('fffe');
    expect(written((w) => w.uint16(0xfffe))).toBe('fffe');
    expect(written((w) => w.int32(-2))).toBe('fffffffe');
    expect(written((w) => w.uint32(0xffff_fffe))).toBe('fffffffe');
    expect(written((w) => w.int64(-2))).toBe('fffffffffffffffe');
    expect(written((w) => w.int64(2 ** 32 + 3))).toBe('0000000100000003');
    expect(written((w) => w.int64(Number.MIN_SAFE_INTEGER))).toBe('ffe0000000000001');
    expect(written((w) => w.float64(1.5))).toBe('3ff8000000000000');
    expect(written((w) => w.bool(true))).toBe('01');
    expect(written((w) => w.uvarint(300))).toBe('ac02');
    expect(written((w) => w.uvarint(0xffff_ffff))).toBe('ffffffff0f');
    expect(written((w) => w.varint(-1))).toBe('01');
    expect(written((w) => w.varlong(-(2 ** 40)))).toBe('ffffffffff3f');
  });

  test('text, bytes and counts', () => {
    expect(written((w) => w.string('é'))).toBe('0002c3a9');
    expect(written((w) => w.nullableString(null))).toBe('ffff');
    expect(written((w) => w.compactString('é'))).toBe('03c3a9');
    expect(written((w) => w.compactNullableString(null))).toBe('00');
    expect(written((w) => w.bytes(Uint8Array.of(7)))).toBe('0000000107');
    expect(written((w) => w.nullableBytes(null))).toBe('ffffffff');
    expect(written((w) => w.compactBytes(Uint8Array.of(7)))).toBe('0207');
    expect(written((w) => w.compactNullableBytes(null))).toBe('00');
    expect(written((w) => w.uuid('AAAAAAAAAAAAAAAAAAAAAQ'))).toBe(`${'00'.repeat(15)}01`);
    expect(written((w) => w.arrayLength(-1))).toBe('ffffffff');
    expect(written((w) => w.compactArrayLength(-1))).toBe('00');
    expect(written((w) => w.compactArrayLength(127))).toBe('8001');
  });

  test('a tagged field has its size before it, however long it becomes', () => {
    for (const size of [0, 1, 127, 128, 16_383, 16_384, 70_000]) {
      const payload = Uint8Array.from({ length: size }, (_, i) => i);
      const w = new ByteWriter(16);
      const at = w.beginTag(3);
      w.raw(payload);
      w.endTag(at);
      const expected = new ByteWriter();
      expected.uvarint(3);
      expected.uvarint(size);
      expected.raw(payload);
      expect(Buffer.compare(w.view(), expected.view()), String(size)).toBe(0);
    }
  });

  test('a size can be filled in afterwards', () => {
    const patched = written((w) => {
      w.int32(0);
      w.int8(1);
      w.patchInt32(0, w.position - 4);
    });
    expect(patched).toBe('0000000101');
    expect(() => written((w) => w.patchInt32(0, 1))).toThrow(RangeError);
  });
});

test('sizes are what is written', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.integer(), fc.maxSafeInteger(), fc.nat(52), (u, i, long, shift) => {
      const value = Math.trunc(long / 2 ** shift);
      expect(uvarintSize(u)).toBe(written((w) => w.uvarint(u)).length / 2);
      expect(varintSize(i)).toBe(written((w) => w.varint(i)).length / 2);
      expect(varlongSize(value)).toBe(written((w) => w.varlong(value)).length / 2);
    }),
  );
});

test('growing keeps what was written, resetting forgets it', () => {
  const w = new ByteWriter(16);
  for (let i = 0; i < 1000; i++) w.int32(i);
  expect(w.position).toBe(4000);
  const view = Buffer.from(w.view());
  for (let i = 0; i < 1000; i++) expect(view.readInt32BE(i * 4)).toBe(i);
  const copy = w.copy();
  expect(w.reset().position).toBe(0);
  w.int32(77);
  expect(Buffer.from(copy).readInt32BE(0)).toBe(0);
  expect(w.view().length).toBe(4);
});

test('values that do not fit are refused', () => {
  const refused: ((w: ByteWriter) => void)[] = [
    (w) => w.int8(128),
    (w) => w.int16(-0x8001),
    (w) => w.uint16(-1),
    (w) => w.int32(0x8000_0000),
    (w) => w.uint32(-1),
    (w) => w.int64(2 ** 53),
    (w) => w.int64(0.5),
    (w) => w.int32(Number.NaN),
    (w) => w.uvarint(-1),
    (w) => w.varlong(2 ** 53),
    (w) => w.string('x'.repeat(0x8000)),
    (w) => w.compactString('x'.repeat(0x8000)),
    (w) => w.uuid('too short'),
    (w) => w.uuid('!'.repeat(22)),
  ];
  for (const write of refused) expect(() => written(write)).toThrow(UnencodableField);
});
