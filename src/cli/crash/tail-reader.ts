// A consumer that reads partitions from their beginning while the broker dies and returns: what it was once shown must
// stay, in order and without a gap. Owner: the thread that checks. Not hot.
//
// Where a crash takes what was not synced (the managed mode), it may have been shown more than is left: it waits there,
// since the producer sends again what was not acked, in the same order. At the end it reads all once more and compares.

import { ErrorCode } from '../../engine/base/error-code.ts';
import { KafkaConnectionError, KafkaError } from '../../net/kafka/client/kafka-connection.ts';
import { endOffset, fetchRecords, isRetriable, openLeader, pause, RETRY_MS, startOffset } from './leader-connection.ts';
import type { ReadRecord } from './partition-checker.ts';

const MAX_WAIT_MS = 100;

export interface TailReaderOptions {
  /** After a crash the partitions may end, for a while, before what was shown. */
  readonly mayBeAhead?: boolean;
  /** Retention deletes: reading begins where the partition does. */
  readonly mayBeDeleted?: boolean;
}

export class TailReader {
  readonly topic: string;
  readonly complaints: string[] = [];
  private readonly port: number;
  private readonly mayBeAhead: boolean;
  private readonly mayBeDeleted: boolean;
  private readonly seen: ReadRecord[][];
  private readonly starts: number[];
  private readonly ends: number[];
  private done: Promise<unknown> = Promise.resolve();

  constructor(port: number, topic: string, partitions: number, { mayBeAhead = false, mayBeDeleted = false }: TailReaderOptions = {}) {
    this.port = port;
    this.mayBeAhead = mayBeAhead;
    this.mayBeDeleted = mayBeDeleted;
    this.topic = topic;
    this.seen = Array.from({ length: partitions }, () => []);
    this.starts = this.seen.map(() => 0);
    this.ends = this.seen.map(() => Infinity);
  }

  /** What a partition held, in the order it was shown. */
  read(partition: number): readonly ReadRecord[] {
    return this.seen[partition]!;
  }

  /** Offset of the first of them. */
  startOf(partition: number): number {
    return this.starts[partition]!;
  }

  start(): void {
    this.done = Promise.all(this.seen.map((_, partition) => this.follow(partition)));
    this.done.catch(() => {});
  }

  /** Reads on to where the partitions end now; the broker must be up. */
  async finish(): Promise<void> {
    for (let partition = 0; partition < this.ends.length; partition++)
      this.ends[partition] = await endOffset(this.port, this.topic, partition);
    await this.done;
    if (this.mayBeAhead && this.complaints.length === 0) await this.compare();
  }

  abandon(): void {
    this.ends.fill(0);
  }

  private async compare(): Promise<void> {
    const again = new TailReader(this.port, this.topic, this.seen.length);
    again.start();
    await again.finish();
    this.complaints.push(...again.complaints);
    this.seen.forEach((shown, partition) => {
      const now = again.read(partition);
      const at = shown.findIndex(({ id, value }, i) => id !== now[i]?.id || value !== now[i].value);
      if (at < 0) return;
      this.complaints.push(
        `changed: the consumer of ${this.topic}-${partition} was shown ${shown[at]!.id} at ${at}, now ${now[at]?.id ?? 'nothing'} is there`,
      );
    });
  }

  private async follow(partition: number): Promise<void> {
    const seen = this.seen[partition]!;
    const isShort = (): boolean => this.starts[partition]! + seen.length < this.ends[partition]!;
    while (isShort()) {
      try {
        if (this.mayBeDeleted && seen.length === 0) this.starts[partition] = await startOffset(this.port, this.topic, partition);
        const leader = await openLeader(this.port, this.topic, partition);
        try {
          while (isShort()) await this.next(leader, partition, seen);
        } finally {
          leader.close();
        }
      } catch (error) {
        if (!this.passes(error, partition, seen)) return;
        await pause(RETRY_MS);
      }
    }
  }

  private async next(leader: Parameters<typeof fetchRecords>[0], partition: number, seen: ReadRecord[]): Promise<void> {
    const start = this.starts[partition]!;
    for (const record of await fetchRecords(leader, this.topic, partition, start + seen.length, MAX_WAIT_MS)) {
      if (record.offset !== start + seen.length)
        throw new Error(`offset ${record.offset} follows ${start + seen.length - 1} in ${this.topic}-${partition}`);
      seen.push(record);
    }
  }

  /** Whether to go on after an error. */
  private passes(error: unknown, partition: number, seen: ReadRecord[]): boolean {
    if (error instanceof KafkaConnectionError) return true;
    if (error instanceof KafkaError && error.code === ErrorCode.OFFSET_OUT_OF_RANGE) {
      if (this.mayBeAhead) return true;
      if (this.mayBeDeleted) {
        seen.length = 0;
        return true;
      }
      this.complaints.push(
        `vanished: the consumer of ${this.topic}-${partition} was shown ${seen.length} records, which are no longer there`,
      );
      return false;
    }
    if (error instanceof KafkaError && (isRetriable(error.code) || error.code === ErrorCode.NONE)) return true;
    this.complaints.push((error as Error).message);
    return false;
  }
}
