// What `import … from 'ringlog'` gives. Owner: the calling thread. The one place that gathers: a package has one face.

import { Acks, type AppendAnswer, type FetchAnswer, type LogAccess } from '../engine/broker/log-access.ts';
import type { BrokerLog } from '../workers/supervisor/broker-log.ts';
import type { AbortOptions } from './abortable.ts';
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
import { type Codec, codec } from './codec.ts';
import type { ConsumedBatch, ConsumedRecord, Consumer } from './consumer.ts';
import type { ConsumerOptions, TopicPartition } from './consumer-options.ts';
import type { EmbeddedLog } from './embedded-log.ts';
import { type HttpGateway, type KafkaListener, open, type OpenOptions } from './open.ts';
import type { Partitioner } from './partitioner.ts';
import type { PartitionLag } from './partition-reader.ts';
import type { Producer, ProducerOptions, ProducerRecord } from './producer.ts';
import { openProducer, type ProducerHandle } from './producer-handle.ts';
import { RinglogError } from './ringlog-error.ts';
import type { BatchResult, Durability, SendResult, StoredRange } from './senders.ts';

export { Acks, codec, open, openProducer, RinglogError };
export type {
  AbortOptions,
  Admin,
  AppendAnswer,
  BatchResult,
  BrokerLog,
  Codec,
  CommittedOffset,
  ConfigValue,
  ConsumedBatch,
  ConsumedRecord,
  Consumer,
  ConsumerOptions,
  Durability,
  EmbeddedLog,
  FetchAnswer,
  GroupDescription,
  GroupSummary,
  HttpGateway,
  KafkaListener,
  LogAccess,
  OffsetSpec,
  OpenOptions,
  Partitioner,
  PartitionLag,
  PartitionOffset,
  Producer,
  ProducerHandle,
  ProducerOptions,
  ProducerRecord,
  SendResult,
  StoredRange,
  TopicDescription,
  TopicPartition,
  TopicSpec,
};
