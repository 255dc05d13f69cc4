// Every generated codec, in every version, against random messages, the table-driven oracle and hostile bytes.
// Owner: tests; pure.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, MalformedBytes } from '../../../../src/engine/base/byte-reader.ts';
import { ByteWriter } from '../../../../src/engine/base/byte-writer.ts';
import { messageCodecs, versionsOf, type MessageCodec } from './message-codecs.ts';
import { arbitraryMessage } from './table-arbitrary.ts';
import { oracleDecode, oracleEncode } from './table-oracle.ts';

const codecs = await messageCodecs();
/** Messages a codec and version: 400 codecs' versions make many of a few. */
const RUNS = Number(process.env['CODEC_RUNS'] ?? 5);
const STRANGE_TAGS = [77, 20_000];
// Some bytes before the message: a reader that ignored its start would be seen.
const OFFSET = 5;

function encode(codec: MessageCodec, value: unknown, version: number): Uint8Array {
  const writer = new ByteWriter(16);
  codec.encode(writer, value, version);
  return writer.copy();
}

function decode(codec: MessageCodec, bytes: Uint8Array, version: number): unknown {
  const padded = new Uint8Array(OFFSET + bytes.length + 3).fill(0xee);
  padded.set(bytes, OFFSET);
  const reader = new ByteReader(padded, OFFSET, OFFSET + bytes.length);
  const value = codec.decode(reader, version);
  expect(reader.remaining).toBe(0);
  return value;
}

/** The value, or null when the bytes were refused; anything thrown but MalformedBytes fails the test. */
function tryDecode(codec: MessageCodec, bytes: Uint8Array, version: number): { value: unknown } | null {
  try {
    return { value: codec.decode(new ByteReader(bytes), version) };
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}

/** Array elements and bytes in a decoded value: none can come from nothing. */
function weight(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 1 + weight(item), 0);
  if (typeof value === 'object' && value !== null) return Object.values(value).reduce((sum: number, one) => sum + weight(one), 0);
  return 0;
}

test('there is a codec for every message', () => {
  expect(codecs.length).toBe(37 * 2 + 2 + 2 + 9 * 2 + 1);
  for (const { message, decode: decoder, encode: encoder } of codecs) {
    expect(typeof decoder, message.name).toBe('function');
    expect(typeof encoder, message.name).toBe('function');
  }
});

describe.each(codecs.map((codec) => [codec.message.name, codec] as const))('%s', (_name, codec) => {
  const { message } = codec;

  test('gives back what was encoded, and agrees with the oracle byte for byte', () => {
    for (const version of versionsOf(message)) {
      const property = fc.property(arbitraryMessage(message, version), (value) => {
        const bytes = encode(codec, value, version);
        expect(decode(codec, bytes, version)).toEqual(value);
        expect(bytes).toEqual(oracleEncode(message, value, version));
        expect(oracleDecode(message, bytes, version)).toEqual({ value, used: bytes.length });
      });
      fc.assert(property, { numRuns: RUNS, seed: version + 1 });
    }
  });

  test('skips tags it does not know, in every struct', () => {
    for (const version of versionsOf(message).filter((one) => one >= message.flexibleSince)) {
      const property = fc.property(arbitraryMessage(message, version), (value) => {
        expect(decode(codec, oracleEncode(message, value, version, STRANGE_TAGS), version)).toEqual(value);
      });
      fc.assert(property, { numRuns: Math.ceil(RUNS / 2), seed: version + 1 });
    }
  });

  test('refuses the message cut at any byte', () => {
    for (const version of versionsOf(message)) {
      const [value] = fc.sample(arbitraryMessage(message, version), { numRuns: 1, seed: version + 7 });
      const bytes = encode(codec, value, version);
      for (let size = 0; size < bytes.length; size++) {
        expect(tryDecode(codec, bytes.subarray(0, size), version)).toBeNull();
      }
    }
  });

  test('answers mutated bytes with a value no bigger than they are, or MalformedBytes', () => {
    for (const version of versionsOf(message)) {
      const mutations = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x0f)), { minLength: 1, maxLength: 6 });
      const property = fc.property(arbitraryMessage(message, version), mutations, (value, changes) => {
        const bytes = encode(codec, value, version);
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        const result = tryDecode(codec, bytes, version);
        if (result !== null) expect(weight(result.value)).toBeLessThanOrEqual(bytes.length);
      });
      fc.assert(property, { numRuns: RUNS, seed: version + 1 });
    }
  });

  test('survives noise', () => {
    for (const version of versionsOf(message)) {
      const property = fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        tryDecode(codec, bytes, version);
      });
      fc.assert(property, { numRuns: RUNS, seed: version + 1 });
    }
  });

  test('knows only its own versions', () => {
    const { from, to } = message.valid;
    for (const version of [from - 1, to + 1]) {
      expect(() => codec.decode(new ByteReader(new Uint8Array(64)), version)).toThrow(RangeError);
    }
  });
});
