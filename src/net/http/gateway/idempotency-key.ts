// Idempotency keys, kept in the log itself: a key is a producer id. Owner: pure. Warm: once a batch that has a key.
//
// A log remembers the last batches of every producer id, in its snapshots and from the batches themselves, and answers one
// that comes again with where it is stored. So a batch whose producer id is made of the idempotency key is stored together
// with its key, in one write, and known again after a restart or a crash: there is no second log that could say otherwise,
// and no window between the two. Per partition, which is what makes a request that was stored in some partitions and not in
// others whole when it is sent again.
//
// Ids given out to clients count up from zero; these are the 2^52 above 2^52. The first sequence is made of the content: two
// keys that share an id (one pair in 2^52), or a key that is used again for something else, are told apart by it, and
// refused rather than taken for the same. Each costs the log the memory of a producer for the window
// (ringlog.http.idempotency.window.ms).

import { createHash } from 'node:crypto';
import { GATEWAY_PRODUCER_ID_MIN } from '../../../engine/log/producer-state.ts';
import type { NewRecord } from '../../../engine/record/batch-builder.ts';

export const IDEMPOTENCY_KEY_BYTES_MAX = 256;

const NOTHING = Buffer.alloc(4).fill(0xff);

export interface ProducerNumbers {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

/** Who stores a batch, by how many batches and records of the request went to its partition before it. */
export type ProducerIdentity = (batchesBefore: number, recordsBefore: number, records: readonly NewRecord[]) => ProducerNumbers;

/** Each batch of the request is known by itself. */
export function keyIdentity(key: string): ProducerIdentity {
  return (batchesBefore, _, records) => ({
    producerId: producerIdOf(`key ${batchesBefore}`, key),
    producerEpoch: 0,
    baseSequence: sequenceOf(records),
  });
}

/** A client that numbers its records, in each partition from 0: one id for all it sends, and the log tells a gap. */
export function sessionIdentity(session: string, sequence: number): ProducerIdentity {
  const producerId = producerIdOf('session', session);
  return (_, recordsBefore) => ({ producerId, producerEpoch: 0, baseSequence: (sequence + recordsBefore) % 2 ** 31 });
}

/** @param scope what tells keys of one kind, and batches of one key, from each other */
function producerIdOf(scope: string, key: string): number {
  const hash = createHash('sha256').update(`${scope}\0${key}`).digest();
  // 52 bits.
  return GATEWAY_PRODUCER_ID_MIN + hash.readUIntBE(0, 6) * 16 + (hash[6]! >> 4);
}

/** Times that the gateway gave are no part of the content: they differ when it is sent again. */
function sequenceOf(records: readonly NewRecord[]): number {
  const hash = createHash('sha256');
  const length = Buffer.alloc(4);
  const add = (bytes: Uint8Array | null): void => {
    if (bytes === null) hash.update(NOTHING);
    else {
      length.writeUInt32BE(bytes.length);
      hash.update(length).update(bytes);
    }
  };
  for (const { key, value, headers = [], timestamp } of records) {
    add(key);
    add(value);
    for (const header of headers) {
      add(Buffer.from(header.key));
      add(header.value);
    }
    hash.update(`;${timestamp ?? ''};`);
  }
  return hash.digest().readUInt32BE(0) & 0x7fff_ffff;
}
