// The numbers of all shards put together with the names that the metadata gives them: topics, partitions, groups and their
// lag. Owner: the reading thread, the supervisor's. Not hot: once a scrape.

import type { HistogramReading, PartitionReading, ShardReading, TopicReading } from '../base/shard-reading.ts';
import { readShard } from '../base/shard-reading.ts';
import type { MetadataImage } from './metadata-image.ts';

interface PartitionState extends PartitionReading {
  readonly topic: string;
  readonly shard: number;
}

export interface TopicState extends Omit<TopicReading, 'topicId'> {
  readonly topic: string;
  readonly internal: boolean;
}

interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Records between it and the high watermark; null while the partition has not been told of. */
  readonly lag: number | null;
}

export interface GroupState {
  readonly groupId: string;
  readonly state: string;
  readonly members: number;
  readonly generation: number;
  readonly offsets: readonly GroupOffset[];
}

export interface BrokerReading {
  readonly wallMs: number;
  /** Of shard i at i; null when it is gone. */
  readonly shards: readonly (ShardReading | null)[];
  /** By topic name. */
  readonly topics: readonly TopicState[];
  readonly partitions: readonly PartitionState[];
  readonly groups: readonly GroupState[];
}

export function readBroker(counters: readonly SharedArrayBuffer[], image: MetadataImage, wallMs: number): BrokerReading {
  const shards = counters.map((memory) => readShard(memory));
  const names = new Map([...image.topicsByName.values()].map(({ id, name, internal }) => [id, { name, internal }]));
  const partitions: PartitionState[] = [];
  const highWatermarks = new Map<string, number>();
  shards.forEach((read, shard) => {
    for (const partition of read?.partitions ?? []) {
      // Deleted since the shard told of it.
      const topic = names.get(partition.topicId)?.name;
      if (topic === undefined) continue;
      partitions.push({ ...partition, topic, shard });
      highWatermarks.set(`${partition.topicId}-${partition.index}`, partition.highWatermark);
    }
  });
  partitions.sort((a, b) => (a.topic === b.topic ? a.index - b.index : a.topic < b.topic ? -1 : 1));
  const groups = shards.flatMap((read) => read?.groups ?? []).map((group) => groupState(group, names, highWatermarks));
  groups.sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
  return { wallMs, shards, topics: sumTopics(shards, names), partitions, groups };
}

type TopicNames = ReadonlyMap<string, { readonly name: string; readonly internal: boolean }>;

function groupState(
  { groupId, state, members, generation, offsets }: ShardReading['groups'][number],
  names: TopicNames,
  highWatermarks: ReadonlyMap<string, number>,
): GroupState {
  const named: GroupOffset[] = [];
  for (const { topicId, index, offset } of offsets) {
    const topic = names.get(topicId)?.name;
    if (topic === undefined) continue;
    const end = highWatermarks.get(`${topicId}-${index}`);
    named.push({ topic, partition: index, offset, lag: end === undefined ? null : Math.max(0, end - offset) });
  }
  return { groupId, state, members, generation, offsets: named };
}

/** Every shard counts what it did for a topic, whoever leads its partitions. */
function sumTopics(shards: readonly (ShardReading | null)[], names: TopicNames): TopicState[] {
  const sums = new Map<string, { -readonly [Key in keyof TopicState]: TopicState[Key] }>();
  for (const read of shards) {
    for (const { topicId, ...counts } of read?.topics ?? []) {
      const named = names.get(topicId);
      if (named === undefined) continue;
      const sum = sums.get(topicId);
      if (sum === undefined) sums.set(topicId, { topic: named.name, internal: named.internal, ...counts });
      else for (const key of Object.keys(counts) as (keyof typeof counts)[]) sum[key] += counts[key];
    }
  }
  return [...sums.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

/** Observations of all shards in one histogram. */
export function sumHistograms(readings: readonly HistogramReading[]): HistogramReading {
  const buckets = new Float64Array(readings[0]?.buckets.length ?? 0);
  for (const reading of readings) for (let i = 0; i < buckets.length; i++) buckets[i] = buckets[i]! + reading.buckets[i]!;
  return {
    buckets,
    count: readings.reduce((sum, { count }) => sum + count, 0),
    sum: readings.reduce((total, { sum }) => total + sum, 0),
  };
}
