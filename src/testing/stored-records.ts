// What a topic holds, record by record, for a test to look at. Owner: the test's thread. Not hot.

import { FetchedChunk } from '../engine/record/fetched-chunk.ts';
import { checkCode, RinglogError } from '../embed/ringlog-error.ts';
import type { Caller } from '../workers/caller/caller.ts';

export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

const FETCH_BYTES = 16 * 1024 * 1024;

/** Partition by partition, in order; decompressed. @throws RinglogError UNKNOWN_TOPIC_OR_PARTITION */
export async function storedRecords(caller: Caller, topic: string, only: number | null): Promise<StoredRecord[]> {
  const image = caller.image.topic(topic);
  if (image === undefined) throw new RinglogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${topic}`);
  const count = image.partitions.length;
  if (only !== null && !(Number.isInteger(only) && only >= 0 && only < count)) {
    throw new RinglogError('UNKNOWN_TOPIC_OR_PARTITION', `${topic} has no partition ${only}: it has ${count}`);
  }
  const found: StoredRecord[] = [];
  const partitions = only === null ? Array.from({ length: count }, (_, partition) => partition) : [only];
  for (const partition of partitions) await readPartition(caller, topic, partition, found);
  return found;
}

async function readPartition(caller: Caller, topic: string, partition: number, into: StoredRecord[]): Promise<void> {
  const [start] = await caller.partitions.listOffsets([{ topic, partition, currentLeaderEpoch: -1, timestamp: -2, readCommitted: false }]);
  checkCode(start!.errorCode, `the start of ${topic}-${partition}`);
  for (let position = start!.offset; ;) {
    const answer = await caller.fetch(topic, partition, position, FETCH_BYTES, 0);
    checkCode(answer.errorCode, `${topic}-${partition} at ${position}`);
    const chunk = new FetchedChunk(answer.records, position);
    for (let record = chunk.next(); record !== null; record = chunk.next()) {
      const { offset, timestamp, key, value } = record;
      const headers = record.headers.map((header) => ({ key: header.key, value: buffer(header.value) }));
      into.push({ topic, partition, offset, timestamp, key: buffer(key), value: buffer(value), headers });
    }
    if (chunk.nextOffset === position) return;
    position = chunk.nextOffset;
  }
}

function buffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
