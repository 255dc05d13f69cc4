// What the console's page shows, from one reading: shards, latencies, topics, partitions, groups and their lag.
// Owner: pure; the supervisor's thread. Not hot: once a second and page.

import { HISTOGRAM_BUCKETS, histogramBound } from '../../../engine/base/counter-layout.ts';
import type { HistogramReading, ShardReading } from '../../../engine/base/shard-reading.ts';
import { type BrokerReading, type GroupState, sumHistograms } from '../../../engine/metadata/broker-reading.ts';
import { apiNames } from '../api-names.ts';
import type { BrokerView } from '../broker-view.ts';

/** A page with more rows would not be read; /metrics has them all. */
const PARTITIONS_SHOWN = 2000;
const GROUPS_SHOWN = 500;

const bounds = Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => histogramBound(bucket));

export function consoleState(view: BrokerView): object {
  const reading = view.read();
  const facts = view.facts();
  return {
    wallMs: reading.wallMs,
    ready: view.ready(),
    version: facts?.version ?? '',
    clusterId: facts?.clusterId ?? '',
    addresses: facts?.addresses.map(({ host, port }) => `${host}:${port}`) ?? [],
    /** Greatest number of each bucket of every histogram. */
    bounds,
    shards: reading.shards.flatMap((shard, i) => (shard === null ? [] : [shardState(shard, i, facts?.cores[i] ?? null, reading.wallMs)])),
    apis: apiStates(reading),
    topics: topicStates(reading),
    partitionCount: reading.partitions.length,
    partitions: reading.partitions.slice(0, PARTITIONS_SHOWN),
    groups: reading.groups.slice(0, GROUPS_SHOWN).map(groupState),
  };
}

function plain({ buckets, count, sum }: HistogramReading): object {
  return { buckets: [...buckets], count, sum };
}

function shardState(shard: ShardReading, index: number, core: number | null, wallMs: number): object {
  return {
    shard: index,
    core,
    silentMs: Math.max(0, wallMs - shard.writtenWallMs),
    connections: shard.connections,
    partitions: shard.partitions.length,
    tickRing: shard.tickRing,
    mailRing: shard.mailRing,
    arena: shard.arena,
    tickUs: plain(shard.tickUs),
    commitUs: plain(shard.commitUs),
    commitBytes: plain(shard.commitBytes),
    commitPartitions: plain(shard.commitPartitions),
    reads: { memory: shard.readsMemory, file: shard.readsFile, disk: shard.readsCold },
  };
}

function apiStates({ shards }: BrokerReading): object[] {
  const alive = shards.filter((shard) => shard !== null);
  const keys = new Set(alive.flatMap(({ requestUs }) => [...requestUs.keys()]));
  return [...keys].map((key) => ({
    name: apiNames.get(key) ?? String(key),
    ...plain(sumHistograms(alive.flatMap(({ requestUs }) => requestUs.get(key) ?? []))),
  }));
}

function topicStates({ topics, partitions }: BrokerReading): object[] {
  return topics.map(({ topic, ...counts }) => {
    const own = partitions.filter((one) => one.topic === topic);
    return {
      name: topic,
      ...counts,
      partitions: own.length,
      records: own.reduce((sum, { startOffset, highWatermark }) => sum + highWatermark - startOffset, 0),
      sizeBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  });
}

function groupState({ groupId, state, members, offsets }: GroupState): object {
  const names = [...new Set(offsets.map(({ topic }) => topic))].sort();
  return {
    groupId,
    state,
    members,
    topics: names.map((topic) => {
      const lags = offsets
        .filter((one) => one.topic === topic)
        .sort((a, b) => a.partition - b.partition)
        .map(({ lag }) => lag);
      return { topic, lag: lags.reduce<number>((sum, lag) => sum + (lag ?? 0), 0), lags };
    }),
  };
}
