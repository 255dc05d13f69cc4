// Every codec opens what its own library wrote; snappy in both framings.
import { gzipSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { expect, test } from 'vitest';
import { CannotDecompress, Codec, decompress } from '../../../src/engine/record/compression.ts';

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
  const header = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex');
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
