// Identities in 22 characters and in 16 bytes.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ZERO_UUID, isUuidText, systemUuidSource, uuidFromBytes, uuidSource, uuidToBytes } from '../../../src/engine/base/uuid.ts';

it('reads back what it writes, at any offset', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(8), (id, offset) => {
      const bytes = new Uint8Array(offset + 20);
      bytes.set(id, offset);
      const text = uuidFromBytes(bytes, offset);
      expect(text.length).toBe(22);
      expect(isUuidText(text)).toBe(true);
      expect(uuidToBytes(text)).toEqual(id);
    }),
  );
});

it('knows zero, and what is no uuid', () => {
  expect(uuidToBytes(ZERO_UUID)).toEqual(new Uint8Array(16));
  expect(uuidFromBytes(new Uint8Array(16))).toBe(ZERO_UUID);
  for (const text of ['', 'AAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAB', 'AAAAAAAAAAAAAAAAAAAAA=', `${ZERO_UUID}A`]) {
    expect(isUuidText(text), text).toBe(false);
    expect(() => uuidToBytes(text)).toThrow('not a uuid');
  }
});

it('makes version 4 identities that no command line takes for an option', () => {
  const drawn = [new Uint8Array(16).fill(0xfb), new Uint8Array(16).fill(7)];
  const text = uuidSource(() => drawn.shift()!).next();
  expect(drawn.length).toBe(0);
  const bytes = uuidToBytes(text);
  expect(bytes[6]! >> 4).toBe(4);
  expect(bytes[8]! >> 6).toBe(2);
  expect(bytes[0]).toBe(7);
  expect(systemUuidSource.next()).not.toBe(systemUuidSource.next());
});
