// Every codec opens what its own library wrote; snappy in both framings.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { expect, test } from 'vitest';
import { CannotDecompress, Codec, compress, decompress } from '../../../src/engine/record/compression.ts';

const text = Buffer.from('the same words, the same words, the same words. '.repeat(50));

test('gzip, lz4 and snappy', () => {
  expect(Buffer.from(decompress(Codec.NONE, text))).toEqual(text);
  expect(Buffer.from(decompress(Codec.GZIP, gzipSync(text)))).toEqual(text);
  expect(Buffer.from(decompress(Codec.LZ4, compressFrameSync(text)))).toEqual(text);
  expect(Buffer.from(decompress(Codec.SNAPPY, compressSync(text)))).toEqual(text);
});

test('snappy in blocks, as Java writes it', () => {
  const block = (bytes: Buffer): Buffer => {
    const compressed = compressSync(bytes);
    const length = Buffer.alloc(4);
    length.writeInt32BE(compressed.length);
    return Buffer.concat([length, compressed]);
  };
  const header = Buffer.from('82534e41505059000000000100000001', 'hex');
  const framed = Buffer.concat([header, block(text.subarray(0, 1000)), block(text.subarray(1000))]);
  expect(Buffer.from(decompress(Codec.SNAPPY, framed))).toEqual(text);
});

test('zstd', () => {
  // One raw block of "ringlog", written by hand from RFC 8878: magic, single segment, content size, last raw block.
  const frame = Buffer.concat([Buffer.from('28b52ffd2007390000', 'hex'), Buffer.from('ringlog')]);
  expect(Buffer.from(decompress(Codec.ZSTD, frame)).toString()).toBe('ringlog');
});

test('bytes of another kind are refused', () => {
  for (const codec of [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD, 7]) {
    expect(() => decompress(codec, Buffer.from('not compressed at all, whatever the codec')), String(codec)).toThrow(CannotDecompress);
  }
});

const CODECS = [Codec.NONE, Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD];

test('what was compressed here opens again, whatever its size', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.record({ seed: fc.integer(), size: fc.integer({ min: 1, max: 400_000 }) }).map(({ seed, size }) => {
      let state = seed;
      return Uint8Array.from({ length: size }, (_, i) =>
        i % 3 === 0 ? (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 24 : i >> 8,
      );
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...CODECS), bytes, (codec, records) => {
      expect(Buffer.from(decompress(codec, compress(codec, records))).equals(Buffer.from(records))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a bomb is refused before its memory is taken', () => {
  const records = Buffer.alloc(3_000_000);
  const limit = 2_000_000;
  const small = zstdOfZeros(3_000_000);
  const bombs = [
    [Codec.GZIP, gzipSync(records)],
    [Codec.SNAPPY, compressSync(records)],
    [Codec.SNAPPY, compress(Codec.SNAPPY, records)],
    [Codec.LZ4, compressFrameSync(records)],
    [Codec.ZSTD, compress(Codec.ZSTD, records)],
    [Codec.ZSTD, small],
  ] as const;
  for (const [codec, bytes] of bombs) {
    expect(decompress(codec, bytes).length, String(codec)).toBe(records.length);
    expect(() => decompress(codec, bytes, limit), String(codec)).toThrow(CannotDecompress);
  }
});

/** Blocks of one repeated byte (RFC 8878, RLE), in a frame that does not say its size and asks for a small window. */
function zstdOfZeros(size: number): Buffer {
  const parts = [Buffer.from('28b52ffd0038', 'hex')];
  for (let left = size; left > 0;) {
    const length = Math.min(left, 128 * 1024);
    left -= length;
    const header = (length << 3) | 2 | (left === 0 ? 1 : 0);
    parts.push(Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16, 0]));
  }
  return Buffer.concat(parts);
}
