// One partition of a fetch: what is asked for, and what the last attempt found. Owner: the shard's thread.
// A fetch session keeps its targets between requests; a fetch without a session uses its operation's own.

import { ErrorCode } from '../base/error-code.ts';
import { ReadPlan } from '../log/log-read.ts';
import type { Partition } from '../partition/partition.ts';
import type { TopicEntry } from '../partition/topic-table.ts';

export class FetchTarget {
  /** As last resolved; null while unknown. */
  topic: TopicEntry | null = null;
  /** Name (versions below 13) or text id the client used, to resolve again and to answer with. */
  topicName = '';
  topicId = '';
  partitionIndex = 0;
  fetchOffset = 0;
  maxBytes = 0;
  /** -1: not checked. */
  currentLeaderEpoch = -1;

  // What the last attempt found.
  partition: Partition | null = null;
  error: number = ErrorCode.NONE;
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
  readonly plan = new ReadPlan();
  /** Bytes of the plan; 0 when there is nothing to send. */
  plannedBytes = 0;

  /** Led by another shard: the plan came, or will come, by ring. */
  remote = false;
  /** An answer of that shard is on its way. */
  awaited = false;
  /** Number of the question, or -1. */
  question = -1;
  /** Lease on that shard, or -1. */
  remoteLease = -1;

  // What the session's client has been told, so that an unchanged partition can be left out.
  toldHighWatermark = -1;
  toldLogStartOffset = -1;
}
