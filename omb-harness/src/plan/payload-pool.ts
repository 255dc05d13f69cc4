// The values a run sends: OMB's payload file, its randomized pool, or a fixed text. Owner: pure. Not hot.
//
// OMB repeats one identical message of a payload file, which any batch compression sees through; so does this, because the
// file asks for it. Stamps make the first 32 bytes differ.

import type { PayloadPlan } from '../contracts/load-plan.ts';
import type { Workload } from '../contracts/workload.ts';
import { SeededRandom } from '../stats/seeded-random.ts';

const STAMP_BYTES = 32;
const HEX = '0123456789abcdef';

/** `file`: bytes of payloadFile. @returns a word of what is wrong, else the plan */
export function payloadPlan(workload: Workload, file: Uint8Array | null, seed: number): PayloadPlan | string {
  const { messageSize, useRandomizedPayloads, randomBytesRatio, randomizedPayloadPoolSize } = workload;
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
