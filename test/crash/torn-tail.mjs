// What a machine that stopped in the middle of a write may leave at the end of a partition's active files.

import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BATCH_OVERHEAD = 12;

function firstBatch(path) {
  const bytes = readFileSync(path);
  return bytes.subarray(0, BATCH_OVERHEAD + bytes.readInt32BE(8));
}

const damages = {
  'random bytes': (random) => Buffer.from(Array.from({ length: 1 + Math.floor(random() * 5000) }, () => Math.floor(random() * 256))),
  zeros: (random) => Buffer.alloc(1 + Math.floor(random() * 8192)),
  'the start of a batch': (random, path) => {
    const batch = firstBatch(path);
    return batch.subarray(0, 1 + Math.floor(random() * (batch.length - 1)));
  },
  'a batch with a wrong bit': (random, path) => {
    const batch = Buffer.from(firstBatch(path));
    batch[batch.length - 1 - Math.floor(random() * 20)] ^= 1 << Math.floor(random() * 8);
    return batch;
  },
};

/** Appends garbage to the active .log of one partition that holds something; returns what was done, for the report. */
export function tearTail(dataDir, random) {
  const candidates = readdirSync(dataDir, { withFileTypes: true })
    .filter((folder) => folder.isDirectory() && /^(crash|__consumer_offsets).*-\d+$/.test(folder.name))
    .map(({ name }) => ({
      name,
      active: readdirSync(join(dataDir, name))
        .filter((file) => file.endsWith('.log'))
        .sort()
        .at(-1),
    }))
    .filter(({ name, active }) => active && statSync(join(dataDir, name, active)).size > BATCH_OVERHEAD);
  const { name, active } = candidates[Math.floor(random() * candidates.length)];
  const kinds = Object.keys(damages);
  const kind = kinds[Math.floor(random() * kinds.length)];
  const path = join(dataDir, name, active);
  const garbage = damages[kind](random, path);
  appendFileSync(path, garbage);
  return `${name}/${active} + ${garbage.length} B: ${kind}`;
}
