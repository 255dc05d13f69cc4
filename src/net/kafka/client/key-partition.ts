// Which partition a key goes to, as Kafka's Java producer and most clients decide it: 32-bit murmur2 of the key.
// Owner: pure.

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** murmur2 (Austin Appleby) as a signed int32, with Kafka's seed. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    block = Math.imul(block, M);
    block ^= block >>> R;
    hash = Math.imul(hash, M) ^ Math.imul(block, M);
  }
  for (let rest = length - at - 1; rest >= 0; rest--) hash ^= bytes[at + rest]! << (8 * rest);
  if (at < length) hash = Math.imul(hash, M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

export function keyPartition(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}
