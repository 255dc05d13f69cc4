// `ringlog consume`: print records of a topic, from all partitions side by side. Owner: the main thread.

import { ErrorCode } from '../engine/base/error-code.ts';
import { type LogRecord, recordsIn } from '../engine/record/log-records.ts';
import { type ClusterClient, EARLIEST, LATEST } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { fetchApi, type FetchResponse } from '../net/kafka/schema/generated/fetch.ts';
import type { MetadataResponseTopic } from '../net/kafka/schema/generated/metadata.ts';
import { CommandFailed } from './command-failed.ts';
import { type CommonOptions, print, withCluster } from './output.ts';

/** The last version that names topics rather than giving their ids. */
const FETCH_VERSION_MAX = 12;
const MAX_WAIT_MS = 500;
const MAX_BYTES = 8 * 1024 * 1024;

export interface ConsumeOptions extends CommonOptions {
  readonly from: string;
  readonly partition?: number;
  readonly count?: number;
  readonly untilEnd?: boolean;
}

interface Position {
  readonly partition: number;
  readonly leaderId: number;
  offset: number;
  /** With --until-end: where to stop. */
  readonly end: number;
}

export async function consume(name: string, options: ConsumeOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(name);
    const positions = await startPositions(cluster, topic, options);
    let left = options.count ?? Infinity;
    while (left > 0) {
      const open = positions.filter(({ offset, end }) => options.untilEnd !== true || offset < end);
      if (open.length === 0) return;
      const leaders = [...new Set(open.map(({ leaderId }) => leaderId))];
      const batches = await Promise.all(leaders.map((leaderId) => fetchFrom(cluster, name, leaderId, open)));
      for (const { position, record } of batches.flat()) {
        if (left <= 0 || record.offset < position.offset || (options.untilEnd === true && record.offset >= position.end)) continue;
        position.offset = record.offset + 1;
        left--;
        printRecord(position.partition, record, options.json);
      }
    }
  });
}

async function startPositions(cluster: ClusterClient, topic: MetadataResponseTopic, options: ConsumeOptions): Promise<Position[]> {
  const ends = await cluster.offsets(topic, LATEST);
  const starts = await startOffsets(cluster, topic, options.from, ends);
  const wanted = topic.partitions.filter(({ partitionIndex }) => options.partition === undefined || partitionIndex === options.partition);
  if (wanted.length === 0) throw new CommandFailed(`${topic.name} has no partition ${options.partition}`);
  return wanted.map(({ partitionIndex, leaderId }) => {
    const end = ends.get(partitionIndex)!;
    return { partition: partitionIndex, leaderId, offset: starts.get(partitionIndex) ?? end, end };
  });
}

async function startOffsets(
  cluster: ClusterClient,
  topic: MetadataResponseTopic,
  from: string,
  ends: Map<number, number>,
): Promise<Map<number, number>> {
  if (from === 'end') return ends;
  if (from === 'beginning') return cluster.offsets(topic, EARLIEST);
  if (/^\d+$/.test(from)) return new Map([...ends.keys()].map((partition) => [partition, Number(from)]));
  const time = Date.parse(from);
  if (Number.isNaN(time)) throw new CommandFailed(`--from takes beginning, end, an offset or a time: '${from}' is none`);
  const found = await cluster.offsets(topic, time);
  // No record that late: wait for the next one.
  return new Map([...found].map(([partition, offset]) => [partition, offset < 0 ? ends.get(partition)! : offset]));
}

async function fetchFrom(cluster: ClusterClient, topic: string, leaderId: number, positions: readonly Position[]) {
  const own = positions.filter((position) => position.leaderId === leaderId);
  const node = await cluster.node(leaderId);
  const response: FetchResponse = await node.call(
    fetchApi,
    {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      topics: [
        { topic, partitions: own.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes: MAX_BYTES })) },
      ],
      forgottenTopicsData: [],
    },
    Math.min(node.versionOf(fetchApi), FETCH_VERSION_MAX),
  );
  const found: { position: Position; record: LogRecord }[] = [];
  for (const { partitionIndex, errorCode, records } of response.responses.flatMap(({ partitions }) => partitions)) {
    if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `${topic}-${partitionIndex}`);
    const position = own.find(({ partition }) => partition === partitionIndex)!;
    if (records !== null) for (const record of recordsIn(records)) found.push({ position, record });
  }
  return found;
}

function printRecord(partition: number, { offset, timestamp, key, value, headers }: LogRecord, asJson: boolean | undefined): void {
  const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());
  if (asJson !== true) {
    print(key === null ? (text(value) ?? '') : `${text(key)}\t${text(value) ?? ''}`);
    return;
  }
  const named = headers.map((header) => [header.key, text(header.value)]);
  print(JSON.stringify({ partition, offset, timestamp, key: text(key), value: text(value), headers: Object.fromEntries(named) }));
}
