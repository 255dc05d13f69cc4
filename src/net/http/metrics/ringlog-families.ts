// The numbers that only Ringlog has: ticks, rings, arenas, group commits, where reads came from. Owner: pure. Not hot.

import { API_KEYS_MAX } from '../../../engine/base/counter-layout.ts';
import type { HistogramReading, ShardReading } from '../../../engine/base/shard-reading.ts';
import { type BrokerReading, sumHistograms } from '../../../engine/metadata/broker-reading.ts';
import { apiNames } from '../api-names.ts';
import type { BrokerFaceFacts } from '../broker-view.ts';
import { type Bounds, family, histogramFamily, type Labels, type MetricFamily } from './metric-family.ts';

const US_A_SECOND = 1e6;
/** 16 µs to 67 s: a Fetch may wait for its timeout. */
const REQUEST_BOUNDS: Bounds = { from: 4, to: 26, divisor: US_A_SECOND };
/** 1 µs to 1 s. */
const TICK_BOUNDS: Bounds = { from: 0, to: 20, divisor: US_A_SECOND };
/** 16 µs to 8 s. */
const DISK_BOUNDS: Bounds = { from: 4, to: 23, divisor: US_A_SECOND };
/** One block to what a record of the journal holds. */
const COMMIT_BYTES_BOUNDS: Bounds = { from: 12, to: 21, divisor: 1 };
const COMMIT_PARTITIONS_BOUNDS: Bounds = { from: 0, to: 10, divisor: 1 };

interface NumberedShard extends ShardReading {
  readonly shard: number;
}

export function ringlogFamilies(reading: BrokerReading, facts: BrokerFaceFacts | null): MetricFamily[] {
  const shards = reading.shards.flatMap((read, shard) => (read === null ? [] : [{ ...read, shard }]));
  return [
    family(
      'gauge',
      'ringlog_build_info',
      'One, with what runs as labels.',
      facts === null ? [] : [facts],
      ({ version, clusterId, reactor }) => [{ version, cluster: clusterId, reactor }, 1],
    ),
    histogramFamily(
      'ringlog_request_duration_seconds',
      'From the tick that read a request to the end of the one that answered it.',
      REQUEST_BOUNDS,
      requestRows(shards),
    ),
    ...histogramsOf(shards),
    ...fills(shards),
    ...counters(shards),
    family(
      'gauge',
      'ringlog_partition_durable_offset',
      'All below it survives a power cut.',
      reading.partitions,
      ({ topic, index, durableOffset }) => [{ topic, partition: index }, durableOffset],
    ),
  ];
}

function requestRows(shards: readonly NumberedShard[]): { labels: Labels; reading: HistogramReading }[] {
  const rows: { labels: Labels; reading: HistogramReading }[] = [];
  for (let key = 0; key < API_KEYS_MAX; key++) {
    const readings = shards.flatMap(({ requestUs }) => requestUs.get(key) ?? []);
    if (readings.length > 0) rows.push({ labels: { api: apiNames.get(key) ?? String(key) }, reading: sumHistograms(readings) });
  }
  return rows;
}

function histogramsOf(shards: readonly NumberedShard[]): MetricFamily[] {
  const rows = (of: (shard: NumberedShard) => HistogramReading) =>
    shards.map((one) => ({ labels: { shard: one.shard }, reading: of(one) }));
  return [
    histogramFamily(
      'ringlog_tick_duration_seconds',
      'How long the ticks of a shard are.',
      TICK_BOUNDS,
      rows(({ tickUs }) => tickUs),
    ),
    histogramFamily(
      'ringlog_group_commit_duration_seconds',
      'Records of the commit journal, from the tick that wrote one to the tick that saw it on the disk.',
      DISK_BOUNDS,
      rows(({ commitUs }) => commitUs),
    ),
    histogramFamily(
      'ringlog_group_commit_bytes',
      'Bytes of a record of the commit journal.',
      COMMIT_BYTES_BOUNDS,
      rows(({ commitBytes }) => commitBytes),
    ),
    histogramFamily(
      'ringlog_group_commit_partitions',
      'Partitions that one record of the commit journal makes durable.',
      COMMIT_PARTITIONS_BOUNDS,
      rows(({ commitPartitions }) => commitPartitions),
    ),
    histogramFamily(
      'ringlog_segment_sync_duration_seconds',
      'Rounds of syncs of the segments of a log.',
      DISK_BOUNDS,
      rows(({ syncUs }) => syncUs),
    ),
  ];
}

function fills(shards: readonly NumberedShard[]): MetricFamily[] {
  const rings = shards.flatMap(({ shard, tickRing, mailRing }) => [
    { shard, ring: 'tick', ...tickRing },
    ...(mailRing.size > 0 ? [{ shard, ring: 'mail', ...mailRing }] : []),
  ]);
  return [
    family(
      'gauge',
      'ringlog_ring_used_slots',
      'Slots in use of the fullest: of the tick ring the most in the last second.',
      rings,
      ({ shard, ring, used }) => [{ shard, ring }, used],
    ),
    family('gauge', 'ringlog_ring_slots', 'What the ring holds.', rings, ({ shard, ring, size }) => [{ shard, ring }, size]),
    family('gauge', 'ringlog_arena_used_bytes', 'Receive and work memory in use.', shards, ({ shard, arena }) => [{ shard }, arena.used]),
    family('gauge', 'ringlog_arena_bytes', 'Receive and work memory of the shard.', shards, ({ shard, arena }) => [{ shard }, arena.size]),
    family(
      'gauge',
      'ringlog_managed_arena_unwritten_bytes',
      'Bytes of managed logs that wait for the disk, in chunks of 64 KiB; three quarters of the arena stop the sockets.',
      shards,
      ({ shard, managedArena }) => [{ shard }, managedArena.used],
    ),
    family(
      'gauge',
      'ringlog_managed_arena_bytes',
      'Write buffer and tail cache of managed logs; 0 without any.',
      shards,
      ({ shard, managedArena }) => [{ shard }, managedArena.size],
    ),
    family('gauge', 'ringlog_connections', 'Connections open now.', shards, ({ shard, connections }) => [{ shard }, connections]),
    family('gauge', 'ringlog_statement_seconds', 'What the shard last spent on saying all this.', shards, ({ shard, statementMs }) => [
      { shard },
      statementMs / 1000,
    ]),
    family(
      'gauge',
      'ringlog_untold_rows',
      'Partitions, groups and offsets that found no room in the shared block.',
      shards,
      ({ shard, untold }) => [{ shard }, untold],
    ),
  ];
}

function counters(shards: readonly NumberedShard[]): MetricFamily[] {
  const reads = shards.flatMap(({ shard, readsMemory, readsFile, readsCold, readsAhead }) => [
    { shard, from: 'memory', count: readsMemory },
    { shard, from: 'file', count: readsFile },
    { shard, from: 'disk', count: readsCold },
    { shard, from: 'ahead', count: readsAhead },
  ]);
  return [
    family(
      'counter',
      'ringlog_reads_total',
      'Parts of Fetch answers sent from what the tick received (memory) or from files (file); times that the disk was asked for what they wanted (disk), or had been before they came (ahead): 1 - (disk + ahead)/file is about the residency.',
      reads,
      ({ shard, from, count }) => [{ shard, from }, count],
    ),
    family(
      'counter',
      'ringlog_connections_refused_total',
      'Connections closed for a reason of the client.',
      shards,
      ({ shard, connectionsRefused }) => [{ shard }, connectionsRefused],
    ),
    family('counter', 'ringlog_segment_sync_failures_total', 'Rounds of syncs that failed.', shards, ({ shard, syncFailures }) => [
      { shard },
      syncFailures,
    ]),
    family(
      'counter',
      'ringlog_segments_recycled_total',
      'Segments of managed logs that began in the file of a deleted one.',
      shards,
      ({ shard, segmentsRecycled }) => [{ shard }, segmentsRecycled],
    ),
    family(
      'counter',
      'ringlog_managed_arena_stops_total',
      'Rounds that read no sockets: the arena of managed logs was full of bytes not yet written, or half the memory for requests was, of such that waited for it, here or on another shard.',
      shards,
      ({ shard, managedArena }) => [{ shard }, managedArena.stops],
    ),
    family(
      'counter',
      'ringlog_managed_arena_waits_total',
      'Times that the shard stood still until a write of a managed log ended; above 0 only when coordinators fill what is left to them.',
      shards,
      ({ shard, managedArena }) => [{ shard }, managedArena.waits],
    ),
    family(
      'counter',
      'ringlog_mail_ring_full_total',
      'Messages to other threads that found the ring full.',
      shards,
      ({ shard, mailRing }) => [{ shard }, mailRing.full],
    ),
  ];
}
