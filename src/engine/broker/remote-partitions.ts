// Partitions that another shard of this process leads, for requests that came in here (`ringlog.listeners=single`).
// Owner: the shard's thread. Hot. Record bytes stay where they are: an append carries their address, a fetch comes back
// as a range of a file whose descriptor is valid in every thread. Implemented over rings by workers/shard.

import type { TopicEntry } from '../partition/topic-table.ts';
import type { BatchFacts } from '../record/batch-facts.ts';
import type { FetchTarget } from './fetch-target.ts';
import type { ProduceOperation } from './produce-operation.ts';

/** Somebody who waits for plans of other shards. */
export interface PlanWaiter {
  /** A plan (or an error) has been put into `target`. */
  onRemotePlan(target: FetchTarget): void;
}

export interface RemotePartitions {
  /**
   * Append the batch in `facts` on the shard that leads the partition. `block` holds its bytes and is retained until the
   * answer. The operation is told by onRemoteAppended(); it has counted the entry as linked.
   */
  append(operation: ProduceOperation, entry: number, topic: TopicEntry, partition: number, facts: BatchFacts, block: number): void;
  /**
   * Ask for a plan: at once (`beyondBytes` -1), or when there are more than so many bytes to read; until then the plan
   * the target has stays as it is. Exactly one onRemotePlan() follows, unless forget() comes first. The plan's range
   * stays readable until giveBack().
   */
  plan(
    waiter: PlanWaiter,
    target: FetchTarget,
    topic: TopicEntry,
    maxBytes: number,
    readCommitted: boolean,
    wholeFirstBatch: boolean,
    beyondBytes: number,
  ): void;
  /** The waiter needs no answer for `target` any more. */
  forget(target: FetchTarget): void;
  /** SEND_FILE's ticket for the plan's range: giving it back when the socket has it. */
  lease(target: FetchTarget): number;
  /** The range of the target's plan is not needed. */
  giveBack(target: FetchTarget): void;
  /** SENT came for a ticket of lease(); false when it is none of those. */
  onSent(ticket: number): boolean;
}
