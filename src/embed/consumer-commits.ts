// What a consumer of a group has processed, and the commits of it, one at a time. Owner: the calling thread. Warm: an object
// a commit.

import { ErrorCode } from '../engine/base/error-code.ts';
import type { GroupCoordinator } from '../engine/coordinator/group-coordinator.ts';
import type { PartitionOffset } from './admin.ts';
import type { TopicPartition } from './consumer-options.ts';
import { checkCode } from './ringlog-error.ts';
import { askUntilLoaded, untilLoaded } from './until-loaded.ts';

/** A rebalance came between: the records come again, to whoever reads the partition now. */
const OVERTAKEN: ReadonlySet<string> = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS']);

export interface CommitTerms {
  readonly groups: GroupCoordinator;
  readonly groupId: string;
  /** As whom: a group that only keeps offsets has no members. */
  identity(): { readonly generationId: number; readonly memberId: string; readonly groupInstanceId: string | null };
  /** A commit that nobody waits for failed. */
  failed(error: unknown): void;
}

export class ConsumerCommits {
  private readonly terms: CommitTerms;
  /** Processed and not committed, by partition. */
  private readonly processed = new Map<string, PartitionOffset>();
  private committing: Promise<void> = Promise.resolve();
  private queued = false;

  constructor(terms: CommitTerms) {
    this.terms = terms;
  }

  /** Up to there it may be committed. */
  mark(position: PartitionOffset): void {
    this.processed.set(keyOf(position), position);
  }

  /** What was processed of it counts no more. */
  forget(partition: TopicPartition): void {
    this.processed.delete(keyOf(partition));
  }

  forgetAll(): void {
    this.processed.clear();
  }

  /** What is processed meanwhile goes with the next. */
  soon(): void {
    if (this.queued || this.processed.size === 0) return;
    this.queued = true;
    this.committing = this.committing
      .then(() => {
        this.queued = false;
        return this.commit();
      })
      .catch((error: unknown) => {
        if (!OVERTAKEN.has((error as { code?: string }).code ?? '')) this.terms.failed(error);
      });
  }

  /** All that is processed. @throws RinglogError */
  async all(): Promise<void> {
    await this.committing;
    await this.commit();
  }

  /** Where the group stands; -1 where it has committed nothing. @throws RinglogError */
  async stored(partitions: readonly TopicPartition[]): Promise<number[]> {
    if (partitions.length === 0) return [];
    const { groups, groupId } = this.terms;
    const topics = partitions.map(({ topic, partition }) => ({ name: topic, partitions: [partition] }));
    const answer = await untilLoaded(`offsets of group ${groupId}`, () => groups.fetchOffsets({ groupId, topics, requireStable: true }));
    const found = new Map(
      answer.topics.flatMap(({ name, partitions: own }) =>
        own.map(({ partition, offset }) => [keyOf({ topic: name, partition }), offset] as const),
      ),
    );
    return partitions.map((one) => found.get(keyOf(one)) ?? -1);
  }

  private async commit(): Promise<void> {
    if (this.processed.size === 0) return;
    const { groups, groupId, identity } = this.terms;
    const positions = [...this.processed.values()];
    this.processed.clear();
    const topics = positions.map(({ topic, partition, offset }) => ({
      name: topic,
      partitions: [{ partition, offset, leaderEpoch: -1, metadata: null }],
    }));
    const call = { groupId, ...identity(), retentionTimeMs: -1, tellsGroupNotFound: false, topics };
    const { errorCode } = await askUntilLoaded(async () => {
      const answer = await groups.commitOffsets(call);
      const failed = answer.topics.flatMap(({ partitions }) => partitions).find((one) => one.errorCode !== ErrorCode.NONE);
      return { errorCode: failed?.errorCode ?? ErrorCode.NONE };
    });
    checkCode(errorCode, `offsets of group ${groupId} are not committed`);
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`;
}
