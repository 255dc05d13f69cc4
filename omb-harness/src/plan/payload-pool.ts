// The values a run sends: OMB's payload file, its randomized pool, or a fixed text. Owner: pure. Not hot.
//
// OMB repeats one identical message of a payload file, which any batch compression sees through; so does this, because the
// file asks for it. Stamps make the first 32 bytes differ.

import type { PayloadPlan } from '../contracts/load-plan.ts';
import type { SizeWeight, Workload } from '../contracts/workload.ts';
import { middleOf } from '../formats/message-sizes.ts';
import { SeededRandom } from '../stats/seeded-random.ts';

const STAMP_BYTES = 32;
const HEX = '0123456789abcdef';
/** Records after which the sizes come round again. */
const TURNS = 10_000;
/** Of the payloads of one size. */
const POOL_BYTES_MAX = 1 << 20;

/** `file`: bytes of payloadFile. @returns a word of what is wrong, else the plan */
export function payloadPlan(workload: Workload, file: Uint8Array | null, seed: number): PayloadPlan | string {
  const { messageSize, messageSizeDistribution, useRandomizedPayloads, randomBytesRatio, randomizedPayloadPoolSize } = workload;
  if (messageSizeDistribution !== null) return drawnSizes(workload, messageSizeDistribution, seed);
  const random = new SeededRandom(seed);
  const stampIn = messageSize >= STAMP_BYTES ? 'value' : 'header';
  const plan = (pool: readonly Uint8Array[]): PayloadPlan => ({
    messageBytes: messageSize,
    pool: pool.map((bytes) => Buffer.from(bytes).toString('base64')),
    stampIn,
  });
  if (useRandomizedPayloads) {
    const randomBytes = Math.floor(messageSize * randomBytesRatio);
    return plan(Array.from({ length: randomizedPayloadPoolSize }, () => randomHead(messageSize, randomBytes, random)));
  }
  if (file === null) return plan([hexText(messageSize, random)]);
  if (file.length !== messageSize) return `payloadFile holds ${file.length} bytes, messageSize is ${messageSize}: they must be the same`;
  return plan([file]);
}

/** Sizes come in the shares of their weights, shuffled by the seed: as good as drawn, and the same in every language. */
function drawnSizes(workload: Workload, sizes: readonly SizeWeight[], seed: number): PayloadPlan {
  const { messageSize, useRandomizedPayloads, randomBytesRatio, randomizedPayloadPoolSize } = workload;
  const random = new SeededRandom(seed);
  const weights = sizes.reduce((sum, { weight }) => sum + weight, 0);
  const pool: string[] = [];
  const order: number[] = [];
  let smallest = Infinity;
  for (const size of sizes) {
    const turns = Math.round((TURNS * size.weight) / weights);
    if (turns === 0) continue;
    const bytes = middleOf(size);
    smallest = Math.min(smallest, bytes);
    const wanted = useRandomizedPayloads ? Math.min(turns, randomizedPayloadPoolSize, Math.ceil(POOL_BYTES_MAX / Math.max(1, bytes))) : 1;
    for (let turn = 0; turn < turns; turn++) order.push(pool.length + (turn % wanted));
    for (let i = 0; i < wanted; i++) {
      const made = useRandomizedPayloads ? randomHead(bytes, Math.floor(bytes * randomBytesRatio), random) : hexText(bytes, random);
      pool.push(Buffer.from(made).toString('base64'));
    }
  }
  for (let i = order.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other]!, order[i]!];
  }
  return { messageBytes: messageSize, pool, order, stampIn: smallest >= STAMP_BYTES ? 'value' : 'header' };
}

/** Random bytes first, zeros behind. */
function randomHead(bytes: number, randomBytes: number, random: SeededRandom): Uint8Array {
  const made = new Uint8Array(bytes);
  random.fill(made.subarray(0, randomBytes));
  return made;
}

/** What OMB's own payload files are made of. */
function hexText(bytes: number, random: SeededRandom): Uint8Array {
  return Buffer.from(Array.from({ length: bytes }, () => HEX[random.below(16)]!).join(''));
}
