// CRC-32C by tables against one bit at a time, and the addon's form where it is installed.
import { afterEach, expect, test } from 'vitest';
import { crc32c, portableCrc32c, signedCrc32c, useNativeCrc32c } from '../../../src/engine/base/crc32c.ts';

function bitwise(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

const bytes = Uint8Array.from({ length: 1200 }, (_, i) => (i * 73 + (i >> 3)) & 0xff);

afterEach(() => useNativeCrc32c(undefined));

test('the check value', () => {
  expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
  expect(signedCrc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283 | 0);
  expect(crc32c(bytes, 5, 0)).toBe(0);
});

test('every length and alignment', () => {
  for (let offset = 0; offset < 9; offset++) {
    for (let length = 0; length < 300; length++) {
      const crc = crc32c(bytes, offset, length);
      if (crc !== bitwise(bytes.subarray(offset, offset + length))) expect.fail(`offset ${offset}, length ${length}: ${crc}`);
    }
  }
});

test('long inputs go to the addon when it is installed, short ones stay', () => {
  const asked: number[] = [];
  useNativeCrc32c((given, offset, length) => {
    asked.push(length);
    return portableCrc32c(given, offset, length) >>> 0;
  });
  for (const length of [0, 10, 255, 256, 1000]) expect(crc32c(bytes, 3, length)).toBe(bitwise(bytes.subarray(3, 3 + length)));
  expect(asked).toEqual([256, 1000]);
});
