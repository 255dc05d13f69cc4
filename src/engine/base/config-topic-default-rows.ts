// Broker configs that give topics their defaults. Owner: any thread; no state. Not hot.
// config-topic-rows.ts says which topic config falls back to which of these.

import { CLEANUP_POLICIES, COMPRESSION_TYPES, STORAGE_MODES, TIMESTAMP_TYPES, TOPIC_INERT } from './config-topic-rows.ts';
import { UNLIMITED, bool, double, int, list, long, string } from './config-row.ts';
import type { ConfigUpdate } from './config-row.ts';

/** Topic defaults follow a change at once: logs read them from the image. */
const update: ConfigUpdate = 'cluster-wide';

export const topicDefaultRows = [
  int('compression.gzip.level', '-1', 'Default of topics: level used when records are compressed again as gzip.', {
    min: -1,
    max: 9,
    update,
    inert: TOPIC_INERT.recompression,
  }),
  int('compression.lz4.level', '9', 'Default of topics: level used when records are compressed again as lz4.', {
    min: 1,
    max: 17,
    update,
    inert: TOPIC_INERT.recompression,
  }),
  string('compression.type', 'producer', 'Default of topics: codec of stored batches.', {
    oneOf: COMPRESSION_TYPES,
    update,
    inert: TOPIC_INERT.recompression,
  }),
  int('compression.zstd.level', '3', 'Default of topics: level used when records are compressed again as zstd.', {
    min: -131072,
    max: 22,
    update,
    inert: TOPIC_INERT.recompression,
  }),
  long('log.cleaner.delete.retention.ms', '86400000', 'Default of topics: how long a compacted log shows the deletion of a key.', {
    min: 0,
    update,
  }),
  long('log.cleaner.max.compaction.lag.ms', UNLIMITED, 'Default of topics: longest time a record may stay uncompacted.', {
    min: 1,
    update,
  }),
  double('log.cleaner.min.cleanable.ratio', '0.5', 'Default of topics: share of not yet compacted bytes at which compaction starts.', {
    min: 0,
    max: 1,
    update,
  }),
  long('log.cleaner.min.compaction.lag.ms', '0', 'Default of topics: shortest time before compaction may drop a record.', {
    min: 0,
    update,
  }),
  list('log.cleanup.policy', 'delete', 'Default of topics: what happens to old records.', { oneOf: CLEANUP_POLICIES, update }),
  long('log.flush.interval.messages', UNLIMITED, 'Default of topics: records after which a log is made durable.', { min: 1, update }),
  long('log.flush.interval.ms', null, 'Default of topics: time after which records are made durable.', { min: 0, update }),
  long('log.flush.scheduler.interval.ms', UNLIMITED, 'Stands in for log.flush.interval.ms where that is unset.', { min: 0 }),
  int('log.index.interval.bytes', '4096', 'Default of topics: bytes of log between two index entries.', { min: 0, update }),
  int('log.index.size.max.bytes', '10485760', 'Default of topics: size of an index at which its log starts a new file.', {
    min: 4,
    update,
  }),
  long('log.message.timestamp.after.max.ms', '3600000', "Default of topics: how far a timestamp may lie ahead of the broker's clock.", {
    min: 0,
    update,
  }),
  long('log.message.timestamp.before.max.ms', UNLIMITED, "Default of topics: how far a timestamp may lie behind the broker's clock.", {
    min: 0,
    update,
  }),
  string('log.message.timestamp.type', 'CreateTime', 'Default of topics: whose clock stamps a record.', { oneOf: TIMESTAMP_TYPES, update }),
  bool('log.preallocate', 'false', 'Default of topics: whether the disk space of a segment is claimed at once.', {
    update,
    inert: TOPIC_INERT.preallocate,
  }),
  long('log.retention.bytes', '-1', 'Default of topics: bytes of each partition that are kept; -1 keeps all.', {
    min: -1,
    update,
    importance: 'high',
  }),
  int('log.retention.hours', '168', 'Hours records are kept where neither minutes nor milliseconds are set; -1 keeps all.', {
    min: -1,
    importance: 'high',
  }),
  int('log.retention.minutes', null, 'Minutes records are kept where milliseconds are not set; -1 keeps all.', {
    min: -1,
    importance: 'high',
  }),
  long('log.retention.ms', null, 'Default of topics: how long records are kept; -1 keeps all.', { min: -1, update, importance: 'high' }),
  int('log.roll.hours', '168', 'Hours after which a log starts a new file where log.roll.ms is not set.', { min: 1, importance: 'high' }),
  int('log.roll.jitter.hours', '0', 'Hours of random time off a roll where log.roll.jitter.ms is not set.', {
    min: 0,
    inert: TOPIC_INERT.jitter,
  }),
  long('log.roll.jitter.ms', null, 'Default of topics: largest random time off a roll.', { min: 0, update, inert: TOPIC_INERT.jitter }),
  long('log.roll.ms', null, 'Default of topics: age of its first batch at which a log starts a new file.', {
    min: 1,
    update,
    importance: 'high',
  }),
  int('log.segment.bytes', '1073741824', 'Default of topics: size at which a log starts a new file.', {
    min: 1,
    update,
    importance: 'high',
  }),
  long('log.segment.delete.delay.ms', '60000', 'Default of topics: how long the files of a removed segment stay on disk.', {
    min: 0,
    update,
  }),
  int('message.max.bytes', '1048588', 'Default of topics: largest record batch that is accepted.', { min: 0, update, importance: 'high' }),
  int('min.insync.replicas', '1', 'Default of topics: in-sync copies an acks=all produce needs.', {
    min: 1,
    update,
    importance: 'high',
    inert: TOPIC_INERT.copies,
  }),
  string('ringlog.storage', 'page-cache', 'Default of topics: where the tail of a log is buffered.', { oneOf: STORAGE_MODES, update }),
  bool('unclean.leader.election.enable', 'false', 'Default of topics: whether a copy that is behind may lead.', {
    update,
    importance: 'high',
    inert: TOPIC_INERT.copies,
  }),
] as const;
