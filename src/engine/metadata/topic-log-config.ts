// From a topic's configs to the knobs of its logs. Owner: any thread; no state. Not hot: once a log and a change.

import type { LogConfig } from '../log/log-config.ts';
import type { TopicConfig } from '../base/config-schema.ts';

export function toLogConfig(config: TopicConfig): LogConfig {
  const isCompacted = config['cleanup.policy'].includes('compact');
  return {
    segmentBytes: config['segment.bytes'],
    // What lies in the active segment cannot be compacted.
    segmentMs: isCompacted ? Math.min(config['segment.ms'], config['max.compaction.lag.ms']) : config['segment.ms'],
    segmentIndexBytes: config['segment.index.bytes'],
    indexIntervalBytes: config['index.interval.bytes'],
    retentionMs: config['retention.ms'],
    retentionBytes: config['retention.bytes'],
    maxMessageBytes: config['max.message.bytes'],
    timestampType: config['message.timestamp.type'],
    timestampBeforeMaxMs: config['message.timestamp.before.max.ms'],
    timestampAfterMaxMs: config['message.timestamp.after.max.ms'],
    fileDeleteDelayMs: config['file.delete.delay.ms'],
    flushMessages: config['flush.messages'],
    flushMs: config['flush.ms'],
    cleanupCompact: isCompacted,
    cleanupDelete: config['cleanup.policy'].includes('delete'),
    minCleanableDirtyRatio: config['min.cleanable.dirty.ratio'],
    minCompactionLagMs: config['min.compaction.lag.ms'],
    maxCompactionLagMs: config['max.compaction.lag.ms'],
    deleteRetentionMs: config['delete.retention.ms'],
    storage: config['ringlog.storage'],
    preallocate: config['preallocate'],
  };
}
