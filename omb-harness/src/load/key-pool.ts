// Keys as OMB makes them: a pool of 10,000 random 7-byte values written as unpadded URL-safe base64. Owner: pure. Hot.

import type { KeyDistribution } from '../contracts/workload.ts';
import { SeededRandom } from '../stats/seeded-random.ts';

const POOL_KEYS = 10_000;
const KEY_BYTES = 7;

/** The next key, or null where records have none. */
export function keySource(distribution: KeyDistribution, seed: number): () => Uint8Array | null {
  if (distribution === 'NO_KEY') return () => null;
  const random = new SeededRandom(seed);
  const pool = Array.from({ length: POOL_KEYS }, () => {
    const bytes = Buffer.alloc(KEY_BYTES);
    random.fill(bytes);
    return Buffer.from(bytes.toString('base64url'));
  });
  let next = 0;
  if (distribution === 'KEY_ROUND_ROBIN') return () => pool[next++ % POOL_KEYS]!;
  return () => pool[random.below(POOL_KEYS)]!;
}
