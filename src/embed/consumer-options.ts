// What a consumer can be told, and what of it makes no sense. Owner: the calling thread. Not hot.

import type { OffsetSpec } from './admin.ts';
import { checkArgument, checkCodec, checkNumber, checkOptions, checkPlace, type Known } from './check-options.ts';
import type { Codec } from './codec.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ConsumerOptions<K, V> {
  /** Of a group: these topics. Without a group: all their partitions. */
  readonly topics?: readonly string[];
  /** Exactly these; a group then only keeps the offsets. */
  readonly partitions?: readonly TopicPartition[];
  readonly group?: string;
  /** A static member: its partitions wait for it while it restarts, for the session time-out. */
  readonly instanceId?: string;
  /** Where nothing is committed, or what was is gone. 'earliest' when absent. */
  readonly from?: OffsetSpec;
  /**
   * after-processing: as soon as the loop comes for more. auto: every commitIntervalMs. manual: by commit(). Of a group only;
   * 'after-processing' when absent.
   */
  readonly commit?: 'after-processing' | 'auto' | 'manual';
  readonly commitIntervalMs?: number;
  /** Records of one batch at most. 500 when absent. */
  readonly maxRecords?: number;
  /** Read ahead of all partitions together. 8 MiB when absent. */
  readonly bufferBytes?: number;
  readonly sessionTimeoutMs?: number;
  readonly heartbeatMs?: number;
  /** How long the group waits in a rebalance for a batch that is being processed. */
  readonly rebalanceTimeoutMs?: number;
  readonly key?: Codec<K>;
  readonly value?: Codec<V>;
  /** Ends the consumer; the loop throws its reason. */
  readonly signal?: AbortSignal;
}

const OPTIONS: Known<ConsumerOptions<unknown, unknown>> = {
  topics: true,
  partitions: true,
  group: true,
  instanceId: true,
  from: true,
  commit: true,
  commitIntervalMs: true,
  maxRecords: true,
  bufferBytes: true,
  sessionTimeoutMs: true,
  heartbeatMs: true,
  rebalanceTimeoutMs: true,
  key: true,
  value: true,
  signal: true,
};
const NUMBERS = ['commitIntervalMs', 'maxRecords', 'bufferBytes', 'sessionTimeoutMs', 'heartbeatMs', 'rebalanceTimeoutMs'] as const;

/** @throws RinglogError INVALID_ARGUMENT */
export function checkConsumerOptions<K, V>(options: ConsumerOptions<K, V>): void {
  checkOptions('consumer()', options, OPTIONS);
  const { topics, partitions, group, commit = 'after-processing', from = 'earliest' } = options;
  checkArgument((topics === undefined) !== (partitions === undefined), 'a consumer reads topics or partitions: give one of them');
  checkArgument(topics === undefined || Array.isArray(topics), "topics is an array of names: ['clicks']");
  checkArgument(partitions === undefined || Array.isArray(partitions), 'partitions is an array of { topic, partition }');
  checkArgument(group === undefined || (typeof group === 'string' && group !== ''), 'group is a name, and not empty');
  checkArgument(['after-processing', 'auto', 'manual'].includes(commit), "commit is 'after-processing', 'auto' or 'manual'");
  checkPlace('from', from);
  checkCodec('key', options.key);
  checkCodec('value', options.value);
  for (const name of NUMBERS) if (options[name] !== undefined) checkNumber(name, options[name], 1);
}
