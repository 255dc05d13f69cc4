// One Produce request from decoding to answer: what each of its partitions came to. Owner: the shard's thread.
// Hot: pooled, arrays grow to the largest request seen and stay.
//
// Life: begin → one addEntry per partition → each entry is decided (error, written, durable) → settled → answer → pool.
// A pooled operation may still have nodes linked in durable queues after a timeout; it is reused only when they are out.

import { ErrorCode } from '../base/error-code.ts';
import { DurableNode, type DurableWaiter } from '../partition/durable-queue.ts';
import type { Partition } from '../partition/partition.ts';
import type { TopicEntry } from '../partition/topic-table.ts';
import { PendingRequest } from '../purgatory/request-line.ts';

export abstract class ProduceOperation extends PendingRequest implements DurableWaiter {
  acks = 0;
  count = 0;
  readonly topics: (TopicEntry | null)[] = [];
  readonly partitions: (Partition | null)[] = [];
  /** Name (or 16 id bytes) to echo where the topic is unknown; set for such entries only. */
  readonly unknownNames: (Uint8Array | null)[] = [];
  partitionIndexes = new Int32Array(4);
  errors = new Int16Array(4);
  /** 1 on the first entry of each topic, as in the request. */
  topicStarts = new Uint8Array(4);
  baseOffsets = new Float64Array(4);
  /** Offset after the entry's last record. */
  endOffsets = new Float64Array(4);
  appendTimesMs = new Float64Array(4);
  logStartOffsets = new Float64Array(4);
  /** Why an entry was refused, where there is more to say than its code. */
  readonly messages: (string | null)[] = [];
  /** Entries not decided yet. */
  undecided = 0;
  /** Entries that a durable queue, another shard's answer or the line for the arena still refers to. */
  linked = 0;
  private readonly nodes: DurableNode[] = [];
  private decided = new Uint8Array(4);

  begin(acks: number): void {
    this.acks = acks;
    this.count = 0;
    this.undecided = 0;
  }

  /** @returns the new entry's index */
  addEntry(topic: TopicEntry | null, partitionIndex: number, topicStart: boolean): number {
    const entry = this.count++;
    if (entry === this.errors.length) this.grow();
    this.topics[entry] = topic;
    this.partitions[entry] = null;
    this.unknownNames[entry] = null;
    this.messages[entry] = null;
    this.partitionIndexes[entry] = partitionIndex;
    this.errors[entry] = ErrorCode.NONE;
    this.topicStarts[entry] = topicStart ? 1 : 0;
    this.baseOffsets[entry] = -1;
    this.endOffsets[entry] = -1;
    this.appendTimesMs[entry] = -1;
    this.logStartOffsets[entry] = -1;
    this.decided[entry] = 0;
    this.undecided++;
    return entry;
  }

  /** The entry's outcome is known. The last one settles the request. */
  decide(entry: number, error: number): void {
    if (this.decided[entry] === 1) return;
    this.decided[entry] = 1;
    this.errors[entry] = error;
    if (error !== ErrorCode.NONE) this.baseOffsets[entry] = -1;
    else if (this.partitions[entry] !== null) this.logStartOffsets[entry] = this.partitions[entry]!.log.startOffset;
    if (--this.undecided === 0 && this.line !== null) this.line.settle(this);
  }

  isDecided(entry: number): boolean {
    return this.decided[entry] === 1;
  }

  waitDurable(entry: number, partition: Partition): void {
    let node = this.nodes[entry];
    if (node === undefined) this.nodes[entry] = node = new DurableNode(this, entry);
    this.linked++;
    node.requiredOffset = this.endOffsets[entry]!;
    partition.durable.push(node);
  }

  /** What an entry waited for has come. False: the request is answered already, by its timeout, and may be in the pool. */
  unlink(): boolean {
    this.linked--;
    if (this.line !== null) return true;
    // Kept from the pool only by its links.
    if (this.linked === 0) this.recycle();
    return false;
  }

  onDurable(entry: number, ok: boolean): void {
    if (this.unlink()) this.decide(entry, ok ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR);
  }

  /** The shard that leads the entry's partition has answered. */
  onRemoteAppended(entry: number, error: number, baseOffset: number, appendTimeMs: number, logStartOffset: number): void {
    if (!this.unlink()) return;
    this.baseOffsets[entry] = baseOffset;
    this.appendTimesMs[entry] = appendTimeMs;
    this.logStartOffsets[entry] = error === ErrorCode.NONE ? logStartOffset : -1;
    this.decide(entry, error);
  }

  /** timeout.ms passed: what is not decided yet is answered REQUEST_TIMED_OUT; its records stay in the log. */
  override onDeadline(): void {
    for (let entry = 0; entry < this.count; entry++) this.decide(entry, ErrorCode.REQUEST_TIMED_OUT);
  }

  /** Back to the pool: called when the answer is out and no durable queue refers to the operation any more. */
  protected abstract recycle(): void;

  private grow(): void {
    const size = this.errors.length * 2;
    this.partitionIndexes = copyInto(new Int32Array(size), this.partitionIndexes);
    this.errors = copyInto(new Int16Array(size), this.errors);
    this.topicStarts = copyInto(new Uint8Array(size), this.topicStarts);
    this.decided = copyInto(new Uint8Array(size), this.decided);
    this.baseOffsets = copyInto(new Float64Array(size), this.baseOffsets);
    this.endOffsets = copyInto(new Float64Array(size), this.endOffsets);
    this.appendTimesMs = copyInto(new Float64Array(size), this.appendTimesMs);
    this.logStartOffsets = copyInto(new Float64Array(size), this.logStartOffsets);
  }
}

/** The tick's appends are done: an entry is good when its records are below its log's written end. */
export function decideWrittenEntries(operation: ProduceOperation): void {
  // Deciding the last entry answers and may recycle the operation, so the count is read once.
  const count = operation.count;
  for (let entry = 0; entry < count; entry++) {
    const partition = operation.partitions[entry];
    if (partition == null || operation.isDecided(entry)) continue;
    const written = !partition.log.failed && operation.endOffsets[entry]! <= partition.log.writtenOffset;
    operation.decide(entry, written ? ErrorCode.NONE : ErrorCode.KAFKA_STORAGE_ERROR);
  }
}

function copyInto<T extends Int32Array | Int16Array | Uint8Array | Float64Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
