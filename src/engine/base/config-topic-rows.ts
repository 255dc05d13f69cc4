// The configs of a topic, with the broker keys that give their defaults. Owner: any thread; no state. Not hot.
// Names and defaults are Kafka 4.x's; own ones start with `ringlog.`.

import { UNLIMITED, bool, double, int, list, long, string } from './config-row.ts';

export const COMPRESSION_TYPES = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd', 'producer'] as const;
export const CLEANUP_POLICIES = ['delete', 'compact'] as const;
export const TIMESTAMP_TYPES = ['CreateTime', 'LogAppendTime'] as const;
export const STORAGE_MODES = ['page-cache', 'managed'] as const;

/** Why some keys, and the broker keys that give their defaults, are without effect. */
export const TOPIC_INERT = {
  recompression: 'batches are kept as they came',
  copies: 'one process keeps one copy of each partition',
  preallocate: 'files grow by appending',
  jitter: 'logs roll at segment.ms',
} as const;

export const topicRows = [
  list(
    'cleanup.policy',
    'delete',
    'What happens to old records: delete drops whole segments, compact keeps the last one of each key; empty keeps all.',
    { oneOf: CLEANUP_POLICIES },
  ),
  int('compression.gzip.level', '-1', "Level used when records are compressed again as gzip; -1 is the codec's own choice.", {
    min: -1,
    max: 9,
    inert: TOPIC_INERT.recompression,
  }),
  int('compression.lz4.level', '9', 'Level used when records are compressed again as lz4.', {
    min: 1,
    max: 17,
    inert: TOPIC_INERT.recompression,
  }),
  string('compression.type', 'producer', 'Codec of stored batches; producer keeps each batch as it came.', {
    oneOf: COMPRESSION_TYPES,
    inert: TOPIC_INERT.recompression,
  }),
  int('compression.zstd.level', '3', 'Level used when records are compressed again as zstd.', {
    min: -131072,
    max: 22,
    inert: TOPIC_INERT.recompression,
  }),
  long('delete.retention.ms', '86400000', 'How long a compacted log still shows the deletion of a key to readers.', {
    min: 0,
  }),
  long('file.delete.delay.ms', '60000', 'How long the files of a removed segment stay on disk.', { min: 0 }),
  long('flush.messages', UNLIMITED, 'Records after which a log is made durable.', { min: 1 }),
  long('flush.ms', UNLIMITED, 'Time after which appended records are made durable.', { min: 0 }),
  int('index.interval.bytes', '4096', 'Bytes of log between two entries of the sparse offset index.', { min: 0 }),
  long('max.compaction.lag.ms', UNLIMITED, 'Longest time a record of a compacted log may stay uncompacted.', {
    min: 1,
  }),
  int('max.message.bytes', '1048588', 'Largest record batch that is accepted.', { min: 0 }),
  long('message.timestamp.after.max.ms', '3600000', "How far a record's timestamp may lie ahead of the broker's clock.", { min: 0 }),
  long('message.timestamp.before.max.ms', UNLIMITED, "How far a record's timestamp may lie behind the broker's clock.", { min: 0 }),
  string('message.timestamp.type', 'CreateTime', "Whose clock stamps a record: the producer's or the broker's at append.", {
    oneOf: TIMESTAMP_TYPES,
  }),
  double('min.cleanable.dirty.ratio', '0.5', 'Share of not yet compacted bytes at which compaction starts.', {
    min: 0,
    max: 1,
  }),
  long('min.compaction.lag.ms', '0', 'Shortest time a record stays as it is before compaction may drop it.', {
    min: 0,
  }),
  int('min.insync.replicas', '1', 'In-sync copies an acks=all produce needs.', { min: 1, inert: TOPIC_INERT.copies }),
  bool('preallocate', 'false', 'Whether the disk space of a segment is claimed when it is created.', { inert: TOPIC_INERT.preallocate }),
  long('retention.bytes', '-1', 'Bytes of each partition that are kept; -1 keeps all.', { min: -1 }),
  long('retention.ms', '604800000', 'How long records are kept; -1 keeps all.', { min: -1 }),
  string(
    'ringlog.storage',
    'page-cache',
    "Where the tail of the log is buffered, from the next segment on: the kernel's page cache, or memory that Ringlog manages (direct IO; acks=1 does not survive a kill).",
    { oneOf: STORAGE_MODES },
  ),
  int('segment.bytes', '1073741824', 'Size at which a log starts a new file.', { min: 1 }),
  int('segment.index.bytes', '10485760', 'Size of an index at which its log starts a new file.', { min: 4 }),
  long('segment.jitter.ms', '0', 'Largest random time taken off segment.ms, so that logs do not all roll at once.', {
    min: 0,
    inert: TOPIC_INERT.jitter,
  }),
  long('segment.ms', '604800000', 'Age of its first batch at which a log starts a new file.', { min: 1 }),
  bool(
    'unclean.leader.election.enable',
    'false',
    'Whether a copy that is behind may lead when no other is left, at the price of records.',
    { inert: TOPIC_INERT.copies },
  ),
] as const;

export type TopicConfigName = (typeof topicRows)[number]['name'];

/** A broker key that gives a topic's default, and the factor between their units. */
export interface BrokerSynonym {
  readonly name: string;
  readonly scale: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Strongest first. `retention.ms=-1` has no unit, so a scale leaves negative numbers alone. */
export const topicSynonyms: Readonly<Record<TopicConfigName, readonly BrokerSynonym[]>> = {
  'cleanup.policy': [{ name: 'log.cleanup.policy', scale: 1 }],
  'compression.gzip.level': [{ name: 'compression.gzip.level', scale: 1 }],
  'compression.lz4.level': [{ name: 'compression.lz4.level', scale: 1 }],
  'compression.type': [{ name: 'compression.type', scale: 1 }],
  'compression.zstd.level': [{ name: 'compression.zstd.level', scale: 1 }],
  'delete.retention.ms': [{ name: 'log.cleaner.delete.retention.ms', scale: 1 }],
  'file.delete.delay.ms': [{ name: 'log.segment.delete.delay.ms', scale: 1 }],
  'flush.messages': [{ name: 'log.flush.interval.messages', scale: 1 }],
  'flush.ms': [
    { name: 'log.flush.interval.ms', scale: 1 },
    { name: 'log.flush.scheduler.interval.ms', scale: 1 },
  ],
  'index.interval.bytes': [{ name: 'log.index.interval.bytes', scale: 1 }],
  'max.compaction.lag.ms': [{ name: 'log.cleaner.max.compaction.lag.ms', scale: 1 }],
  'max.message.bytes': [{ name: 'message.max.bytes', scale: 1 }],
  'message.timestamp.after.max.ms': [{ name: 'log.message.timestamp.after.max.ms', scale: 1 }],
  'message.timestamp.before.max.ms': [{ name: 'log.message.timestamp.before.max.ms', scale: 1 }],
  'message.timestamp.type': [{ name: 'log.message.timestamp.type', scale: 1 }],
  'min.cleanable.dirty.ratio': [{ name: 'log.cleaner.min.cleanable.ratio', scale: 1 }],
  'min.compaction.lag.ms': [{ name: 'log.cleaner.min.compaction.lag.ms', scale: 1 }],
  'min.insync.replicas': [{ name: 'min.insync.replicas', scale: 1 }],
  preallocate: [{ name: 'log.preallocate', scale: 1 }],
  'retention.bytes': [{ name: 'log.retention.bytes', scale: 1 }],
  'retention.ms': [
    { name: 'log.retention.ms', scale: 1 },
    { name: 'log.retention.minutes', scale: MINUTE_MS },
    { name: 'log.retention.hours', scale: HOUR_MS },
  ],
  'ringlog.storage': [{ name: 'ringlog.storage', scale: 1 }],
  'segment.bytes': [{ name: 'log.segment.bytes', scale: 1 }],
  'segment.index.bytes': [{ name: 'log.index.size.max.bytes', scale: 1 }],
  'segment.jitter.ms': [
    { name: 'log.roll.jitter.ms', scale: 1 },
    { name: 'log.roll.jitter.hours', scale: HOUR_MS },
  ],
  'segment.ms': [
    { name: 'log.roll.ms', scale: 1 },
    { name: 'log.roll.hours', scale: HOUR_MS },
  ],
  'unclean.leader.election.enable': [{ name: 'unclean.leader.election.enable', scale: 1 }],
};
