// One log's knobs, as its topic's configuration gives them. Owner: the shard's thread; replaced whole when the
// configuration changes. Names are Kafka's topic configs in camelCase with their units.

export interface LogConfig {
  /** segment.bytes: a segment is rolled before it would pass this. */
  readonly segmentBytes: number;
  /** segment.ms: a segment whose first batch is older than the batch to append by more than this is rolled. */
  readonly segmentMs: number;
  /** segment.index.bytes: a full index rolls the segment too. */
  readonly segmentIndexBytes: number;
  /** index.interval.bytes: at least this much log between two index entries. */
  readonly indexIntervalBytes: number;
  /** retention.ms, -1 for no limit. */
  readonly retentionMs: number;
  /** retention.bytes, -1 for no limit. */
  readonly retentionBytes: number;
  /** max.message.bytes: of one batch. */
  readonly maxMessageBytes: number;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** message.timestamp.before.max.ms and message.timestamp.after.max.ms. */
  readonly timestampBeforeMaxMs: number;
  readonly timestampAfterMaxMs: number;
  /** file.delete.delay.ms: how long files renamed for deletion stay. */
  readonly fileDeleteDelayMs: number;
  /** flush.messages and flush.ms: unlimited unless set. */
  readonly flushMessages: number;
  readonly flushMs: number;
  /** cleanup.policy. */
  readonly cleanupCompact: boolean;
  readonly cleanupDelete: boolean;
  /** min.cleanable.dirty.ratio: compaction begins at this share of dirty bytes. */
  readonly minCleanableDirtyRatio: number;
  /** min.compaction.lag.ms and max.compaction.lag.ms. */
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
  /** delete.retention.ms: how long compaction leaves tombstones. */
  readonly deleteRetentionMs: number;
  /** ringlog.storage: of segments opened from now on. */
  readonly storage: 'page-cache' | 'managed';
  /** Accepted, without effect: files grow by appending, and a zero tail would only lengthen recovery. */
  readonly preallocate: boolean;
}

/** Kafka's defaults. */
export const DEFAULT_LOG_CONFIG: LogConfig = {
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 168 * 3_600_000,
  segmentIndexBytes: 10 * 1024 * 1024,
  indexIntervalBytes: 4096,
  retentionMs: 168 * 3_600_000,
  retentionBytes: -1,
  maxMessageBytes: 1024 * 1024 + 12,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  cleanupCompact: false,
  cleanupDelete: true,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 24 * 3_600_000,
  storage: 'page-cache',
  preallocate: false,
};
