// murmur2 against the values Kafka's clients agree on.
import { expect, test } from 'vitest';
import { murmur2 } from '../../../../src/net/kafka/client/key-partition.ts';

test.each([
  ['', 275646681],
  ['21', -973932308],
  ['abc', 479470107],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
])('murmur2 of %j', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});
