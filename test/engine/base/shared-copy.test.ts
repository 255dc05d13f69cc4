// Copies into shared memory: the bytes arrive, and nothing beside them changes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sharedCopy } from '../../../src/engine/base/shared-copy.ts';

test('what is copied is there, at every length and alignment, and what lies beside it is as before', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 16 }), fc.uint8Array({ minLength: 150, maxLength: 400, size: 'max' }));
  fc.assert(
    fc.property(bytes, fc.nat(16), fc.boolean(), (given, at, isBuffer) => {
      const into = Buffer.from(new SharedArrayBuffer(512));
      const expected = Buffer.alloc(512, 0xee);
      into.fill(0xee);
      sharedCopy(into, at, isBuffer ? Buffer.from(given) : given);
      given.forEach((byte, i) => (expected[at + i] = byte));
      expect(into.equals(expected)).toBe(true);
    }),
  );
});

test('more than there is room for is refused', () => {
  const into = Buffer.from(new SharedArrayBuffer(256));
  expect(() => sharedCopy(into, 1, new Uint8Array(256))).toThrow(RangeError);
  expect(() => sharedCopy(into, 250, new Uint8Array(7))).toThrow(RangeError);
});
