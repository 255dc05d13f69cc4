// Records of one request on their way into the log: a partition for each, batches of a bounded size, and what became of
// them. Owner: the supervisor's thread. Warm: an object a record, as it came out of JSON.

import { randomInt } from 'node:crypto';
import { ErrorCode } from '../../../engine/base/error-code.ts';
import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { buildBatch } from '../../../engine/record/batch-builder.ts';
import { BATCH_HEADER_BYTES } from '../../../engine/record/batch-header.ts';
import { keyPartition } from '../../kafka/client/key-partition.ts';
import { faultOf, type GatewayFault, STOPPING } from './gateway-error.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { ProducerIdentity } from './idempotency-key.ts';
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
  readonly wallMs: () => number;
  /** As large as the topic takes it. */
  readonly oneBatch?: boolean;
}

/** Batches are not longer, save for one record that is: a shard takes what is in flight of others in between. */
const BATCH_BYTES = 256 * 1024;
/** Of a record beside its key, value and headers, at most. */
const RECORD_OVERHEAD_BYTES = 48;
/** How long a request waits for room in the memory that is shared with the shards. */
const ROOM_MS = 2000;
/** Ranges are told one by one up to here. */
const RANGES_MAX = 1000;

/** A shard takes nothing for now. */
const PUSHED_BACK: GatewayFault = {
  status: 503,
  error: `no room on the way to the shard within ${ROOM_MS / 1000} s: it is behind; try again later, with the same idempotency key`,
  code: 'PUSHED_BACK',
};

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

  constructor(terms: AppendTerms) {
    const { topic, log, seed } = terms;
    const partitions = topic.partitions.length;
    this.terms = terms;
    this.batchBytes = Math.min(terms.oneBatch === true ? Infinity : BATCH_BYTES, log.maxBatchBytes(topic));
    this.keyless = seed === null ? randomInt(partitions) : keyPartition(Buffer.from(seed), partitions);
  }

  /** Resolves when all have their answer; `fault` says whether one was refused. */
  async append(records: readonly GivenRecord[]): Promise<void> {
    const partitions = this.terms.topic.partitions.length;
    const byPartition = new Map<number, GivenRecord[]>();
    for (const record of records) {
      const partition = record.partition ?? (record.key === null ? this.keyless : keyPartition(record.key, partitions));
      const own = byPartition.get(partition);
      if (own === undefined) byPartition.set(partition, [record]);
      else own.push(record);
    }
    const under: Promise<void>[] = [];
    for (const [partition, own] of byPartition) for (const batch of this.cut(own)) under.push(this.appendBatch(partition, batch));
    await Promise.all(under);
  }

  private *cut(records: readonly GivenRecord[]): Generator<readonly GivenRecord[]> {
    let first = 0;
    let bytes = BATCH_HEADER_BYTES;
    for (let i = 0; i < records.length; i++) {
      const size = sizeOf(records[i]!);
      if (i > first && bytes + size > this.batchBytes) {
        yield records.slice(first, i);
        first = i;
        bytes = BATCH_HEADER_BYTES;
      }
      bytes += size;
    }
    yield first === 0 ? records : records.slice(first);
  }

  private async appendBatch(partition: number, records: readonly GivenRecord[]): Promise<void> {
    const { log, topic, acks, identity, wallMs } = this.terms;
    if (partition >= topic.partitions.length) {
      this.fault ??= {
        status: 404,
        error: `topic ${topic.name} has partitions 0 to ${topic.partitions.length - 1}, not ${partition}`,
        code: 'UNKNOWN_TOPIC_OR_PARTITION',
      };
      return;
    }
    const sent = this.sent.get(partition) ?? { batches: 0, records: 0 };
    const producer = identity === null ? {} : { producerEpoch: 0, ...identity(sent.batches, sent.records, records) };
    this.sent.set(partition, { batches: sent.batches + 1, records: sent.records + records.length });
    const batch = buildBatch(records, { timestampMs: wallMs(), ...producer });
    const room = new AbortController();
    const limit = setTimeout(() => room.abort(), ROOM_MS);
    try {
      const { errorCode, baseOffset } = await log.produce(topic.name, partition, batch, acks, room.signal);
      if (errorCode === ErrorCode.NONE) this.stored(partition, baseOffset, records.length);
      else this.fault ??= faultOf(errorCode, `${topic.name}-${partition}`);
    } catch {
      this.fault ??= room.signal.aborted ? PUSHED_BACK : STOPPING;
    } finally {
      clearTimeout(limit);
    }
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
