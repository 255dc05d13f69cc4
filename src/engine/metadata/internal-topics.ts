// The topics that belong to coordinators: how many partitions, which configs. Owner: any thread; no state. Not hot.

import type { BrokerConfig } from '../base/config-schema.ts';

export const CONSUMER_OFFSETS_TOPIC = '__consumer_offsets';

/** Kafka's own metadata log; nobody may have a topic of this name. */
export const CLUSTER_METADATA_TOPIC = '__cluster_metadata';

export interface InternalTopic {
  readonly partitionCount: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** Null for names that no coordinator owns. */
export function internalTopic(name: string, config: BrokerConfig): InternalTopic | null {
  if (name !== CONSUMER_OFFSETS_TOPIC) return null;
  return {
    partitionCount: config['offsets.topic.num.partitions'],
    configs: {
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': String(Math.max(config['offsets.topic.segment.bytes'], config['ringlog.segment.bytes.min'])),
    },
  };
}
