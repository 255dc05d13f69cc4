// What a topic holds, record by record, for a test to look at. Owner: the test's thread. Not hot.

import { FetchedChunk } from '../engine/record/fetched-chunk.ts';
import type { LogRecord } from '../engine/record/log-records.ts';
import { checkCode, RinglogError } from '../embed/ringlog-error.ts';
import type { Caller } from '../workers/caller/caller.ts';

export interface StoredRecord extends LogRecord {
  readonly topic: string;
  readonly partition: number;
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
      into.push({ topic, partition, ...record });
    }
    if (chunk.nextOffset === position) return;
    position = chunk.nextOffset;
  }
}
