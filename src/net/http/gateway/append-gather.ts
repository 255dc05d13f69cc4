// Records of all requests and sockets that came in one turn of the event loop, as few batches: one a partition, where what
// they hold can be refused by nobody's fault but all of theirs. Owner: the supervisor's thread. Hot: an object a batch.
//
// A batch is answered as a whole, so only what fails for reasons that all share goes into one with others: a record that the
// topic may refuse for itself (no key where it compacts, a time far from now), and a batch with a producer's numbers, goes
// alone. Batches of a partition leave in the order in which their parts came.

import type { TopicImage } from '../../../engine/metadata/metadata-image.ts';
import { ErrorCode } from '../../../engine/base/error-code.ts';
import { buildBatch, type NewRecord } from '../../../engine/record/batch-builder.ts';
import { BATCH_HEADER_BYTES } from '../../../engine/record/batch-header.ts';
import { faultOf, type GatewayFault, STOPPING } from './gateway-error.ts';
import type { GatewayLog, TopicLimits } from './gateway-log.ts';
import type { ProducerNumbers } from './idempotency-key.ts';

/** What one request has for one partition, as much as one batch takes. */
export interface AppendPart {
  readonly records: readonly NewRecord[];
  /** Of its records in a batch, at most. */
  readonly bytes: number;
  /** Null: what comes again is stored again. */
  readonly producer: ProducerNumbers | null;
  /** @param offset of its first record; -1 with acks=0 */
  onStored(offset: number): void;
  onFault(fault: GatewayFault): void;
}

/** Batches are not longer, save for one record that is: a shard takes what is in flight of others in between. */
export const BATCH_BYTES = 256 * 1024;
/** How long a batch waits for room in the memory that is shared with the shards. */
const ROOM_MS = 2000;

/** A shard takes nothing for now. */
const PUSHED_BACK: GatewayFault = {
  status: 503,
  error: `no room on the way to the shard within ${ROOM_MS / 1000} s: it is behind; try again later, with the same idempotency key`,
  code: 'PUSHED_BACK',
};

interface OpenBatch {
  readonly log: GatewayLog;
  readonly topic: TopicImage;
  readonly partition: number;
  readonly acks: number;
  readonly parts: AppendPart[];
  bytes: number;
  /** Nothing joins it. */
  readonly alone: boolean;
}

export class AppendGather {
  private readonly wallMs: () => number;
  /** What leaves at the end of this turn, by partition. */
  private readonly open = new Map<TopicImage, Map<number, OpenBatch>>();
  private turn = 0;
  private planned = false;

  constructor(wallMs: () => number) {
    this.wallMs = wallMs;
  }

  /** Where records without a key and a partition go: for a turn the same, so that they are one batch. */
  keylessPartition({ partitions }: TopicImage): number {
    return this.turn % partitions.length;
  }

  add(log: GatewayLog, topic: TopicImage, partition: number, acks: number, part: AppendPart): void {
    let batches = this.open.get(topic);
    if (batches === undefined) this.open.set(topic, (batches = new Map()));
    const limits = log.limits(topic);
    const alone = part.producer !== null || this.isRisky(part, limits);
    const batch = batches.get(partition);
    const bytesMax = Math.min(BATCH_BYTES, limits.maxBatchBytes);
    if (batch !== undefined && !alone && !batch.alone && batch.acks === acks && batch.bytes + part.bytes <= bytesMax) {
      batch.parts.push(part);
      batch.bytes += part.bytes;
      return;
    }
    if (batch !== undefined) void this.send(batch);
    batches.set(partition, { log, topic, partition, acks, parts: [part], bytes: BATCH_HEADER_BYTES + part.bytes, alone });
    if (this.planned) return;
    this.planned = true;
    setImmediate(() => this.flush());
  }

  /** The topic may refuse what others beside it may send. */
  private isRisky({ records }: AppendPart, { compacts, timestampSpanMs }: TopicLimits): boolean {
    for (const { key, timestamp } of records) {
      if (compacts && key === null) return true;
      // Half of it: the shard looks at its clock later.
      if (timestamp !== undefined && Math.abs(timestamp - this.wallMs()) > timestampSpanMs / 2) return true;
    }
    return false;
  }

  private flush(): void {
    this.planned = false;
    this.turn++;
    const open = [...this.open.values()];
    this.open.clear();
    for (const batches of open) for (const batch of batches.values()) void this.send(batch);
  }

  private async send({ log, topic, partition, acks, parts }: OpenBatch): Promise<void> {
    const records = parts.length === 1 ? parts[0]!.records : parts.flatMap((part) => part.records);
    const room = new AbortController();
    const limit = setTimeout(() => room.abort(), ROOM_MS);
    let fault: GatewayFault | null = null;
    let offset = -1;
    try {
      const batch = buildBatch(records, { timestampMs: this.wallMs(), ...parts[0]!.producer });
      const answer = await log.produce(topic.name, partition, batch, acks, room.signal);
      offset = answer.baseOffset;
      if (answer.errorCode !== ErrorCode.NONE) fault = faultOf(answer.errorCode, `${topic.name}-${partition}`);
    } catch {
      fault = room.signal.aborted ? PUSHED_BACK : STOPPING;
    }
    clearTimeout(limit);
    for (const part of parts) {
      if (fault !== null) part.onFault(fault);
      else part.onStored(offset);
      if (offset >= 0) offset += part.records.length;
    }
  }
}
