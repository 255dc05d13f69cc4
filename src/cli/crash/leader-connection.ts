// Connections of the crash check to whoever leads a partition, and the few questions it asks. Owner: the calling thread.
// Not hot. Everything fails with KafkaConnectionError while the broker is down; callers try again.

import { ErrorCode, errorName } from '../../engine/base/error-code.ts';
import { recordsIn } from '../../engine/record/log-records.ts';
import { KafkaConnection, KafkaError } from '../../net/kafka/client/kafka-connection.ts';
import { createTopicsApi } from '../../net/kafka/schema/generated/create-topics.ts';
import { fetchApi } from '../../net/kafka/schema/generated/fetch.ts';
import { listOffsetsApi } from '../../net/kafka/schema/generated/list-offsets.ts';
import { metadataApi } from '../../net/kafka/schema/generated/metadata.ts';
import type { ReadRecord } from './partition-checker.ts';

const HOST = '127.0.0.1';
/** The last version that names topics rather than giving their ids. */
const FETCH_VERSION_MAX = 12;
const FETCH_BYTES = 4 * 1024 * 1024;
const LATEST = -1;
const EARLIEST = -2;
export const RETRY_MS = 20;

const RETRIABLE: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.KAFKA_STORAGE_ERROR,
]);

export const isRetriable = (error: number): boolean => RETRIABLE.has(error);

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export function openBroker(port: number): Promise<KafkaConnection> {
  return KafkaConnection.open(HOST, port);
}

/** @throws when the partition has no leader, or nobody answers */
export async function openLeader(port: number, topic: string, partition: number): Promise<KafkaConnection> {
  const seed = await openBroker(port);
  try {
    const { brokers, topics } = await seed.call(metadataApi, { topics: [{ name: topic }], allowAutoTopicCreation: false });
    const leaderId = topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId;
    const broker = brokers.find(({ nodeId }) => nodeId === leaderId);
    if (broker === undefined) throw new KafkaError(topics[0]?.errorCode ?? 0, `${topic}-${partition}`, 'no leader');
    return await KafkaConnection.open(broker.host, broker.port);
  } finally {
    seed.close();
  }
}

/** Resolves when every partition has its leader. */
export async function createTopic(
  port: number,
  name: string,
  partitions: number,
  configs: Readonly<Record<string, string>>,
): Promise<void> {
  const connection = await openBroker(port);
  try {
    const wanted = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const { topics } = await connection.call(createTopicsApi, {
      topics: [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: wanted }],
    });
    const { errorCode, errorMessage } = topics[0]!;
    if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `topic ${name}`, errorMessage);
  } finally {
    connection.close();
  }
}

/** The error code of a topic's metadata; NONE when it is there. */
export async function topicError(port: number, name: string): Promise<number> {
  const connection = await openBroker(port);
  try {
    const { topics } = await connection.call(metadataApi, { topics: [{ name }], allowAutoTopicCreation: false });
    return topics[0]!.errorCode;
  } finally {
    connection.close();
  }
}

/** Where a partition ends. @throws KafkaError */
export function endOffset(port: number, topic: string, partition: number): Promise<number> {
  return offsetAt(LATEST, port, topic, partition);
}

/** Where it begins. @throws KafkaError */
export function startOffset(port: number, topic: string, partition: number): Promise<number> {
  return offsetAt(EARLIEST, port, topic, partition);
}

async function offsetAt(timestamp: number, port: number, topic: string, partition: number): Promise<number> {
  const leader = await openLeader(port, topic, partition);
  try {
    const answer = await leader.call(listOffsetsApi, {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
    });
    const { errorCode, offset } = answer.topics[0]!.partitions[0]!;
    if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `${timestamp === LATEST ? 'end' : 'start'} of ${topic}-${partition}`);
    return offset;
  } finally {
    leader.close();
  }
}

/** Records from `offset` on, every checksum checked; none when nothing came within `maxWaitMs`. @throws KafkaError */
export async function fetchRecords(
  leader: KafkaConnection,
  topic: string,
  partition: number,
  offset: number,
  maxWaitMs: number,
): Promise<ReadRecord[]> {
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: FETCH_BYTES }];
  const request = { maxWaitMs, minBytes: 1, maxBytes: FETCH_BYTES, topics: [{ topic, partitions }], forgottenTopicsData: [] };
  const answer = await leader.call(fetchApi, request, Math.min(leader.versionOf(fetchApi), FETCH_VERSION_MAX));
  const { errorCode, records } = answer.responses[0]!.partitions[0]!;
  if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `${topic}-${partition} at ${offset}: ${errorName(errorCode)}`);
  if (records === null || records.length === 0) return [];
  const text = (bytes: Uint8Array | null): string => (bytes === null ? '' : Buffer.from(bytes).toString());
  const found: ReadRecord[] = [];
  for (const record of recordsIn(records)) {
    // A batch is answered whole, also when the offset asked for lies inside it.
    if (record.offset >= offset) found.push({ offset: record.offset, id: text(record.key), value: text(record.value) });
  }
  if (found.length === 0)
    throw new Error(`corrupted: ${topic}-${partition} at offset ${offset} holds ${records.length} bytes that are no batch`);
  return found;
}
