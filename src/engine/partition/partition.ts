// A partition this shard leads: its log, its epoch, and who waits for it. Owner: the shard's thread.
// State only; what is done with it stands in engine/broker.

import type { Log } from '../log/log.ts';
import type { DurableQueue } from './durable-queue.ts';
import type { WatchList } from './watch-list.ts';

export interface Partition {
  readonly topicName: string;
  readonly topicId: string;
  readonly index: number;
  readonly log: Log;
  leaderEpoch: number;
  /** Fetches parked until something is appended here. */
  readonly watchers: WatchList;
  /** Produces that wait for the disk. */
  readonly durable: DurableQueue;
  /** Already noted among the partitions written in this tick. */
  touched: boolean;
  /** Deleted or moved: everything that waits is woken with an error. */
  gone: boolean;
}

/** What consumers may read up to, exclusive. With one replica every written record is committed. */
export function highWatermark(partition: Partition): number {
  return partition.log.writtenOffset;
}

/** What read_committed consumers may read up to: the high watermark while no transaction can be open. */
export function lastStableOffset(partition: Partition): number {
  return partition.log.writtenOffset;
}
