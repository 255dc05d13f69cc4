// `ringlog produce`: each line of standard input becomes a record. Owner: the main thread.

import { createInterface } from 'node:readline';
import { errorName, ErrorCode } from '../engine/base/error-code.ts';
import { buildBatch, type NewRecord } from '../engine/record/batch-builder.ts';
import type { ClusterClient } from '../net/kafka/client/cluster-client.ts';
import { KafkaError } from '../net/kafka/client/kafka-connection.ts';
import { keyPartition } from '../net/kafka/client/key-partition.ts';
import type { MetadataResponseTopic } from '../net/kafka/schema/generated/metadata.ts';
import { produceApi } from '../net/kafka/schema/generated/produce.ts';
import { CommandFailed } from './command-failed.ts';
import { type CommonOptions, print, withCluster } from './output.ts';

/** The last version that names topics rather than giving their ids. */
const PRODUCE_VERSION_MAX = 12;
const BATCH_RECORDS_MAX = 500;
const BATCH_BYTES_MAX = 512 * 1024;
const TIMEOUT_MS = 30_000;

interface ProduceOptions extends CommonOptions {
  readonly keySeparator?: string;
  readonly partition?: number;
  readonly acks: '0' | '1' | 'all';
}

export async function produceLines(name: string, options: ProduceOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(name, true);
    const { partition } = options;
    if (partition !== undefined && partition >= topic.partitions.length) throw new CommandFailed(`${name} has no partition ${partition}`);
    let batch: NewRecord[] = [];
    let batchBytes = 0;
    let count = 0;
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await send(cluster, topic, batch, options);
      count += batch.length;
      batch = [];
      batchBytes = 0;
    };
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      batch.push(recordOf(line, options.keySeparator));
      batchBytes += line.length;
      if (batch.length >= BATCH_RECORDS_MAX || batchBytes >= BATCH_BYTES_MAX) await flush();
    }
    await flush();
    if (options.json === true) print(JSON.stringify({ topic: name, records: count }));
    else process.stderr.write(`${count} records written to ${name}\n`);
  });
}

function recordOf(line: string, separator: string | undefined): NewRecord {
  const at = separator === undefined ? -1 : line.indexOf(separator);
  if (at < 0) return { key: null, value: Buffer.from(line) };
  return { key: Buffer.from(line.slice(0, at)), value: Buffer.from(line.slice(at + separator!.length)) };
}

/** Keys decide the partition as in Kafka's own producer; records without one stay together, on a partition by turns. */
async function send(
  cluster: ClusterClient,
  topic: MetadataResponseTopic,
  records: readonly NewRecord[],
  options: ProduceOptions,
): Promise<void> {
  const keyless = options.partition ?? Math.floor(Math.random() * topic.partitions.length);
  const byPartition = new Map<number, NewRecord[]>();
  for (const record of records) {
    const partition = options.partition ?? (record.key === null ? keyless : keyPartition(record.key, topic.partitions.length));
    const list = byPartition.get(partition);
    if (list === undefined) byPartition.set(partition, [record]);
    else list.push(record);
  }
  for (const [index, own] of byPartition) {
    const leader = topic.partitions.find(({ partitionIndex }) => partitionIndex === index)!.leaderId;
    const node = await cluster.node(leader);
    const acks = options.acks === 'all' ? -1 : Number(options.acks);
    const partitionData = [{ index, records: buildBatch(own, { timestampMs: Date.now() }) }];
    const request = { acks, timeoutMs: TIMEOUT_MS, topicData: [{ name: topic.name!, partitionData }] };
    const version = Math.min(node.versionOf(produceApi), PRODUCE_VERSION_MAX);
    if (acks === 0) {
      await node.send(produceApi, request, version);
      continue;
    }
    const { errorCode, errorMessage } = (await node.call(produceApi, request, version)).responses[0]!.partitionResponses[0]!;
    if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, `${topic.name}-${index}`, errorMessage ?? errorName(errorCode));
  }
}
