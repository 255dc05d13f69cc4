// A coordinator's log: batches built here, appended through the partition like any other, resolved when they are as
// durable as an acks=all Produce. Owner: the shard's thread. Not hot.
//
// append() may be called outside a tick, so the bytes wait in a block of their own until the next submit has written them.

import { assert } from '../base/assert.ts';
import { ErrorCode } from '../base/error-code.ts';
import { AppendRefused, type CoordinatorRecord, type PartitionReader, type PartitionWriter } from '../coordinator/partition-log.ts';
import { append } from '../log/log-append.ts';
import { openSegment } from '../log/segment-files.ts';
import { DurableNode, type DurableWaiter } from '../partition/durable-queue.ts';
import type { Partition } from '../partition/partition.ts';
import { BatchHeader } from '../record/batch-header.ts';
import { buildBatch } from '../record/batch-builder.ts';
import { BatchWalker, WalkStatus } from '../record/batch-walker.ts';
import type { ShardBroker } from './shard-broker.ts';

const READ_CHUNK_BYTES = 1024 * 1024;

class PendingWrite implements DurableWaiter {
  readonly partition: Partition;
  readonly endOffset: number;
  /** Arena block that holds the batch until it is written; -1 afterwards. */
  block: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;

  constructor(partition: Partition, endOffset: number, block: number, resolve: () => void, reject: (error: Error) => void) {
    this.partition = partition;
    this.endOffset = endOffset;
    this.block = block;
    this.resolve = resolve;
    this.reject = reject;
  }

  onDurable(_entry: number, ok: boolean): void {
    if (ok) this.resolve();
    else this.reject(new AppendRefused(ErrorCode.KAFKA_STORAGE_ERROR));
  }
}

/** Writes of all coordinators of a shard. */
export class PartitionWrites {
  private readonly broker: ShardBroker;
  /** Makes a tick happen soon. */
  private readonly schedule: () => void;
  private unwritten: PendingWrite[] = [];

  constructor(broker: ShardBroker, schedule: () => void) {
    this.broker = broker;
    this.schedule = schedule;
  }

  writerFor(partition: Partition): PartitionWriter {
    return { append: (records) => this.append(partition, records) };
  }

  /** At the end of a tick, when its appends have been carried out. */
  endTick(): void {
    if (this.unwritten.length === 0) return;
    const round = this.unwritten;
    this.unwritten = [];
    for (const write of round) this.settle(write);
  }

  private append(partition: Partition, records: readonly CoordinatorRecord[]): Promise<void> {
    if (partition.gone) return Promise.reject(new AppendRefused(ErrorCode.NOT_LEADER_OR_FOLLOWER));
    const { broker } = this;
    const batch = buildBatch(records, { timestampMs: broker.clock.wallMs() });
    const block = broker.ring.takeBlock(batch.length);
    if (block < 0) return Promise.reject(new AppendRefused(ErrorCode.COORDINATOR_NOT_AVAILABLE));
    broker.ring.arena.set(batch, block);
    const baseOffset = this.stage(partition, block, batch.length);
    if (baseOffset < 0) {
      broker.ring.giveBlock(block);
      return Promise.reject(new AppendRefused(ErrorCode.KAFKA_STORAGE_ERROR));
    }
    const endOffset = baseOffset + records.length;
    return new Promise((resolve, reject) => {
      this.unwritten.push(new PendingWrite(partition, endOffset, block, resolve, reject));
      this.schedule();
    });
  }

  private stage(partition: Partition, block: number, length: number): number {
    const { broker } = this;
    const { facts, ring } = broker;
    const header = new BatchHeader(ring.view, block);
    facts.arenaOffset = block;
    facts.address = ring.arenaAddress + block;
    facts.lengthBytes = length;
    facts.attributes = header.attributes;
    facts.lastOffsetDelta = header.lastOffsetDelta;
    facts.recordCount = header.recordCount;
    facts.baseTimestamp = header.baseTimestamp;
    facts.maxTimestamp = header.maxTimestamp;
    facts.producerId = -1;
    facts.producerEpoch = -1;
    facts.baseSequence = -1;
    facts.nowMs = broker.clock.wallMs();
    return append(broker.logs, partition.log, facts);
  }

  private settle(write: PendingWrite): void {
    const { broker } = this;
    const { log } = write.partition;
    assert(write.block >= 0, 'a write is settled once');
    broker.ring.giveBlock(write.block);
    write.block = -1;
    if (log.failed || write.partition.gone || write.endOffset > log.writtenOffset) {
      write.reject(new AppendRefused(ErrorCode.KAFKA_STORAGE_ERROR));
      return;
    }
    if (broker.fsync !== 'before-ack' || write.endOffset <= log.durableOffset) {
      write.resolve();
      return;
    }
    write.partition.durable.push(new DurableNode(write, 0, write.endOffset));
    broker.logs.requireDurable(log);
  }
}

/** Everything a partition holds, read from its files: a coordinator loads by replaying it. */
export function partitionReader(broker: ShardBroker, partition: Partition): PartitionReader {
  return {
    async read(visit) {
      const { fs } = broker.logs;
      const { log } = partition;
      log.holds++;
      try {
        for (const segment of [...log.segments]) {
          openSegment(fs, segment);
          readBatches((into, position) => fs.read(segment.fd, into, 0, into.length, position), segment.writtenBytes, visit);
          // Other partitions of the shard get their turn between segments.
          await new Promise(setImmediate);
        }
      } finally {
        log.holds--;
      }
    },
  };
}

type ReadAt = (into: Uint8Array, position: number) => number;

function readBatches(readAt: ReadAt, endPosition: number, visit: (batch: Uint8Array) => void): void {
  const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });
  let chunk = new Uint8Array(READ_CHUNK_BYTES);
  let position = 0;
  while (position < endPosition) {
    const length = Math.min(readAt(chunk, position), endPosition - position);
    walker.minOffset = 0;
    walker.wrap(chunk, 0, length, position);
    while (walker.next() === WalkStatus.BATCH) visit(chunk.subarray(walker.offset, walker.offset + walker.sizeBytes));
    if (walker.status === WalkStatus.END && length > 0) {
      position += length;
      continue;
    }
    assert(walker.status === WalkStatus.SHORT && length > 0, 'a coordinator reads whole, valid batches', walker.status, walker.position);
    // One batch may be larger than the chunk.
    if (walker.position === position) chunk = new Uint8Array(Math.max(walker.neededBytes, chunk.length * 2));
    position = walker.position;
  }
}
