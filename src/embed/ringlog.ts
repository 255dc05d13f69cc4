// What `import … from 'ringlog'` gives. Owner: the calling thread. The one place that gathers: a package has one face.

import { Acks, type AppendAnswer, type FetchAnswer, type LogAccess } from '../engine/broker/log-access.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import type {
  Admin,
  CommittedOffset,
  ConfigValue,
  GroupDescription,
  GroupSummary,
  OffsetSpec,
  PartitionOffset,
  TopicDescription,
  TopicSpec,
} from './admin.ts';
import type { EmbeddedLog } from './embedded-log.ts';
import { type KafkaListener, open, type OpenOptions } from './open.ts';
import { RinglogError } from './ringlog-error.ts';

export { Acks, open, RinglogError };
export type {
  Admin,
  AppendAnswer,
  BrokerLog,
  CommittedOffset,
  ConfigValue,
  EmbeddedLog,
  FetchAnswer,
  GroupDescription,
  GroupSummary,
  KafkaListener,
  LogAccess,
  OffsetSpec,
  OpenOptions,
  PartitionOffset,
  TopicDescription,
  TopicSpec,
};
