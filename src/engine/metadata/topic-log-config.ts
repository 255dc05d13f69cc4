// From a topic's configs to the knobs of its logs. Owner: any thread; no state. Not hot: once a log and a change.

import type { LogConfig } from '../log/log-config.ts';
import type { TopicConfig } from '../base/config-schema.ts';

export function toLogConfig(config: TopicConfig): LogConfig {
  return {
    segmentBytes: config['segment.bytes'],
    segmentMs: config['segment.ms'],
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
    cleanupCompact: config['cleanup.policy'].includes('compact'),
    cleanupDelete: config['cleanup.policy'].includes('delete'),
    preallocate: config['preallocate'],
  };
}
