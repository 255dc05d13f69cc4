// Which node a request has to go to, as a client learns it from Metadata. Owner: the test's thread.

import { coordinatorPartitionIndex } from '../../src/engine/coordinator/coordinator-partition-index.ts';
import { CONSUMER_OFFSETS_TOPIC } from '../../src/engine/metadata/internal-topics.ts';
import { metadataApi } from '../../src/net/kafka/schema/generated/metadata.ts';
import type { ClientFace } from './client-face.ts';

/** Of any request: names of the fields differ from one API to the next, their meaning does not. */
interface AnyRequest {
  readonly topicData?: readonly AnyTopic[] | null;
  readonly topics?: readonly AnyTopic[] | null;
  readonly groupId?: string;
  readonly groups?: readonly (string | { readonly groupId: string })[] | null;
  readonly groupsNames?: readonly string[];
}

interface AnyTopic {
  readonly name?: string | null;
  readonly topic?: string;
  readonly topicId?: string;
  readonly partitions?: readonly (number | AnyPartition)[] | null;
  readonly partitionData?: readonly AnyPartition[];
  readonly partitionIndexes?: readonly number[] | null;
}

interface AnyPartition {
  readonly index?: number;
  readonly partition?: number;
  readonly partitionIndex?: number;
}

/** Produce, Fetch, ListOffsets, DeleteRecords, OffsetForLeaderEpoch, DescribeProducers. */
const TO_LEADER = new Set([0, 1, 2, 21, 23, 61]);
/** OffsetCommit, OffsetFetch, JoinGroup … DescribeGroups, DeleteGroups, OffsetDelete. */
const TO_COORDINATOR = new Set([8, 9, 11, 12, 13, 14, 15, 42, 47]);

export class Leaders {
  /** Leader's node id of partition i at i, by topic name and by topic id. */
  private byTopic = new Map<string, readonly number[]>();

  async refresh(client: ClientFace): Promise<void> {
    const { topics } = await client.call(metadataApi, 12, { topics: null });
    this.byTopic = new Map();
    for (const { name, topicId, partitions } of topics) {
      const leaders: number[] = [];
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      this.byTopic.set(name!, leaders).set(topicId, leaders);
    }
  }

  leaderOf(topic: string, partition: number): number | undefined {
    return this.byTopic.get(topic)?.[partition];
  }

  coordinatorOf(group: string): number | undefined {
    const leaders = this.byTopic.get(CONSUMER_OFFSETS_TOPIC);
    return leaders?.[coordinatorPartitionIndex(group, leaders.length)];
  }

  /** The node for a request, by the first partition or group it names; null: any. Undefined: not known (yet). */
  nodeOf(apiKey: number, request: unknown): number | null | undefined {
    const { topicData, topics, groupId, groups, groupsNames } = request as AnyRequest;
    if (TO_COORDINATOR.has(apiKey)) {
      const first = groups?.[0];
      const group = groupId ?? groupsNames?.[0] ?? (typeof first === 'object' ? first.groupId : first);
      return group === undefined ? null : this.coordinatorOf(group);
    }
    if (!TO_LEADER.has(apiKey)) return null;
    const named = (topicData ?? topics)?.flatMap((topic) => partitionsOf(topic).map((index) => this.leaderOf(nameOf(topic), index)));
    if (named === undefined || named.length === 0) return null;
    return named.find((leader) => leader !== undefined);
  }
}

function nameOf({ name, topic, topicId }: AnyTopic): string {
  return name ?? topic ?? topicId ?? '';
}

function partitionsOf({ partitions, partitionData, partitionIndexes }: AnyTopic): number[] {
  if (partitionIndexes != null) return [...partitionIndexes];
  return (partitions ?? partitionData ?? []).map((one) =>
    typeof one === 'number' ? one : (one.index ?? one.partition ?? one.partitionIndex)!,
  );
}
