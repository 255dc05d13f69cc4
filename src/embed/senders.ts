// Who waits for records of a producer: one record's promise, or that of many. Owner: the calling thread. Warm.

import type { Sender } from './send-batch.ts';

/**
 * What an answer means. disk: power may fail. written: in the page cache, the process may die (with managed storage it may
 * not). sent: handed to the shard.
 */
export type Durability = 'disk' | 'written' | 'sent';

export interface SendResult {
  readonly topic: string;
  readonly partition: number;
  /** -1 with acks 0. */
  readonly offset: number;
  readonly durability: Durability;
}

/** Records that lie in a row. */
export interface StoredRange {
  readonly partition: number;
  readonly firstOffset: number;
  readonly count: number;
}

export interface BatchResult {
  readonly topic: string;
  readonly count: number;
  /** In the order they were stored; records of one partition keep their order. */
  readonly ranges: readonly StoredRange[];
  readonly durability: Durability;
}

export class OneSender implements Sender {
  private readonly topic: string;
  private readonly durability: Durability;
  private readonly resolve: (result: SendResult) => void;
  private readonly reject: (reason: unknown) => void;

  constructor(topic: string, durability: Durability, resolve: (result: SendResult) => void, reject: (reason: unknown) => void) {
    this.topic = topic;
    this.durability = durability;
    this.resolve = resolve;
    this.reject = reject;
  }

  onStored(partition: number, offset: number): void {
    this.resolve({ topic: this.topic, partition, offset, durability: this.durability });
  }

  onFailed(error: Error): void {
    this.reject(error);
  }
}

export class BatchSender implements Sender {
  private readonly topic: string;
  private readonly durability: Durability;
  private readonly count: number;
  private readonly resolve: (result: BatchResult) => void;
  private readonly reject: (reason: unknown) => void;
  private readonly ranges: StoredRange[] = [];
  private left: number;

  constructor(
    topic: string,
    durability: Durability,
    count: number,
    resolve: (result: BatchResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.topic = topic;
    this.durability = durability;
    this.count = count;
    this.left = count;
    this.resolve = resolve;
    this.reject = reject;
    if (count === 0) this.end();
  }

  onStored(partition: number, firstOffset: number, count: number): void {
    this.ranges.push({ partition, firstOffset, count });
    this.left -= count;
    if (this.left === 0) this.end();
  }

  /** The rest is of no interest any more. */
  onFailed(error: Error): void {
    this.reject(error);
  }

  private end(): void {
    const { topic, count, ranges, durability } = this;
    this.resolve({ topic, count, ranges, durability });
  }
}
