// murmur2 against the values Kafka's clients agree on.
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { keyPartition, murmur2 } from '../../../../src/net/kafka/client/key-partition.ts';

test.each([
  ['', 275646681],
  ['21', -973932308],
  ['abc', 479470107],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
])('murmur2 of %j', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test('any key goes where kafkajs sends it', () => {
  const kafkajs = Partitioners.DefaultPartitioner();
  const all = Array.from({ length: 101 }, (_, partitionId) => ({ partitionId, partitionErrorCode: 0, leader: 1, replicas: [], isr: [] }));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.integer({ min: 1, max: all.length }), (bytes, count) => {
      const key = Buffer.from(bytes);
      const partitionMetadata = all.slice(0, count);
      expect(keyPartition(key, count)).toBe(kafkajs({ topic: 't', partitionMetadata, message: { key, value: null } }));
    }),
  );
});
