// Records of one request on their way into the log: a partition for each, parts of a bounded size, and what became of them.
// Owner: the supervisor's thread. Warm: an object a record, as it came out of JSON.

import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { BATCH_HEADER_BYTES } from '../../../engine/record/batch-header.ts';
import { keyPartition } from '../../kafka/client/key-partition.ts';
import { type AppendGather, BATCH_BYTES } from './append-gather.ts';
import type { GatewayFault } from './gateway-error.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { ProducerIdentity, ProducerNumbers } from './idempotency-key.ts';
import type { GivenRecord } from './record-terms.ts';

export interface StoredRange {
  readonly partition: number;
  /** -1 with acks=0. */
  readonly offset: number;
  readonly count: number;
}

export interface AppendTerms {
  readonly log: GatewayLog;
  readonly topic: TopicImage;
  readonly acks: number;
  /** Null: what comes again is stored again. */
  readonly identity: ProducerIdentity | null;
  /** Where records without a key and a partition go is chosen by it; null: anywhere. */
  readonly seed: string | null;
  readonly gather: AppendGather;
  /** As large as the topic takes it. */
  readonly oneBatch?: boolean;
}

/** Of a record beside its key, value and headers, at most. */
const RECORD_OVERHEAD_BYTES = 48;
/** Ranges are told one by one up to here. */
const RANGES_MAX = 1000;

export class RecordAppends {
  /** What is stored, in the order it was answered for; records in a row are one range. */
  readonly ranges: StoredRange[] = [];
  count = 0;
  /** The first that went wrong. */
  fault: GatewayFault | null = null;
  private readonly terms: AppendTerms;
  private readonly batchBytes: number;
  /** Where records without a key and a partition go: one partition for the request, the same when it is sent again. */
  private readonly keyless: number;
  /** By partition. */
  private readonly sent = new Map<number, { batches: number; records: number }>();

  /** Parts without an answer. */
  private under = 0;
  private done: (() => void) | null = null;

  constructor(terms: AppendTerms) {
    const { topic, log, seed, gather } = terms;
    this.terms = terms;
    this.batchBytes = Math.min(terms.oneBatch === true ? Infinity : BATCH_BYTES, log.limits(topic).maxBatchBytes) - BATCH_HEADER_BYTES;
    this.keyless = seed === null ? gather.keylessPartition(topic) : keyPartition(Buffer.from(seed), topic.partitions.length);
  }

  /** Calls `done` when all have their answer, at the earliest in the next turn; `fault` says whether one was refused. */
  append(records: readonly GivenRecord[], done: () => void): void {
    this.done = done;
    if (records.length === 1) this.appendPart(this.partitionOf(records[0]!), records, sizeOf(records[0]!));
    else {
      const byPartition = new Map<number, GivenRecord[]>();
      for (const record of records) {
        const partition = this.partitionOf(record);
        const own = byPartition.get(partition);
        if (own === undefined) byPartition.set(partition, [record]);
        else own.push(record);
      }
      for (const [partition, own] of byPartition) this.cut(partition, own);
    }
    if (this.under === 0) done();
  }

  private partitionOf({ partition, key }: GivenRecord): number {
    return partition ?? (key === null ? this.keyless : keyPartition(key, this.terms.topic.partitions.length));
  }

  private cut(partition: number, records: readonly GivenRecord[]): void {
    let first = 0;
    let bytes = 0;
    for (let i = 0; i < records.length; i++) {
      const size = sizeOf(records[i]!);
      if (i > first && bytes + size > this.batchBytes) {
        this.appendPart(partition, records.slice(first, i), bytes);
        first = i;
        bytes = 0;
      }
      bytes += size;
    }
    this.appendPart(partition, first === 0 ? records : records.slice(first), bytes);
  }

  private appendPart(partition: number, records: readonly GivenRecord[], bytes: number): void {
    const { log, topic, acks, identity, gather } = this.terms;
    if (partition >= topic.partitions.length) {
      this.fault ??= {
        status: 404,
        error: `topic ${topic.name} has partitions 0 to ${topic.partitions.length - 1}, not ${partition}`,
        code: 'UNKNOWN_TOPIC_OR_PARTITION',
      };
      return;
    }
    this.under++;
    gather.add(log, topic, partition, acks, {
      records,
      bytes,
      producer: identity === null ? null : this.producerOf(identity, partition, records),
      onStored: (offset) => {
        this.stored(partition, offset, records.length);
        this.answered();
      },
      onFault: (fault) => {
        this.fault ??= fault;
        this.answered();
      },
    });
  }

  private producerOf(identity: ProducerIdentity, partition: number, records: readonly GivenRecord[]): ProducerNumbers {
    const sent = this.sent.get(partition) ?? { batches: 0, records: 0 };
    this.sent.set(partition, { batches: sent.batches + 1, records: sent.records + records.length });
    return identity(sent.batches, sent.records, records);
  }

  private answered(): void {
    if (--this.under === 0) this.done!();
  }

  private stored(partition: number, offset: number, count: number): void {
    const { ranges } = this;
    this.count += count;
    const before = ranges.findLastIndex((range) => range.partition === partition);
    const last = ranges[before];
    if (last !== undefined && (offset < 0 || last.offset + last.count === offset)) {
      ranges[before] = { partition, offset: last.offset, count: last.count + count };
    } else if (ranges.length < RANGES_MAX) ranges.push({ partition, offset, count });
  }
}

function sizeOf({ key, value, headers = [] }: GivenRecord): number {
  let size = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) size += header.key.length * 3 + (header.value?.length ?? 0) + 10;
  return size;
}
