// The commit journal as the configuration asks for it. Owner: pure.

import { randomBytes } from 'node:crypto';
import type { BrokerConfig } from '../../engine/base/config-schema.ts';
import type { JournalOptions } from '../../engine/log/commit-journal.ts';

/** Null: what must be durable is synced in its segments. */
export function journalOptions(config: BrokerConfig, shard: number, direct: boolean): JournalOptions | null {
  if (config['ringlog.commit'] === 'segments') return null;
  return {
    shard,
    direct,
    inPlace: config['ringlog.commit.in.place'],
    maxBytes: config['ringlog.commit.journal.bytes'],
    segmentFromBytes: config['ringlog.commit.segment.bytes'],
    random: (sizeBytes) => randomBytes(sizeBytes),
  };
}
