// Partition and group work of all shards, for a shard that speaks for all (`ringlog.listeners=single`) and for embedded
// callers: each question goes to the shard that leads, and the answers come back in the order asked. Owner: the asking
// thread. Not hot.

import { ErrorCode } from '../../engine/base/error-code.ts';
import type { LogDirPartition, PartitionName, PartitionVerbs } from '../../engine/broker/partition-verbs.ts';
import { coordinatorPartitionIndex } from '../../engine/coordinator/coordinator-partition-index.ts';
import type { GroupCoordinator } from '../../engine/coordinator/group-coordinator.ts';
import type { MetadataImage } from '../../engine/metadata/metadata-image.ts';
import type { Mailbox } from '../ring/mailbox.ts';
import { ControlKind, type VerbBody } from './control-kind.ts';
import { OFFSETS_TOPIC } from './group-shard.ts';

/** A rebalance may keep a member waiting for its rebalance timeout, which clients choose. */
const GROUP_DEADLINE_MS = 60 * 60_000;

/** Of a caller that is no shard itself. */
export const NO_SHARD = -1;

export interface ShardPeers {
  /** The asking one, or NO_SHARD. */
  readonly shard: number;
  readonly shardCount: number;
  mailboxOf(shard: number): Mailbox;
}

/** @param local of the asking shard; null with NO_SHARD */
export function routedPartitionVerbs(local: PartitionVerbs | null, peers: ShardPeers, image: () => MetadataImage): PartitionVerbs {
  const on = <T>(shard: number, verb: keyof PartitionVerbs, request: unknown): Promise<T> =>
    shard === peers.shard
      ? (local![verb] as (request: unknown) => Promise<T>).call(local, request)
      : (peers.mailboxOf(shard).call(ControlKind.PARTITIONS, { verb, request } satisfies VerbBody) as Promise<T>);

  /** Unknown partitions are asked of this shard, or the first, which knows the right error. */
  async function spread<Query extends PartitionName, Answer>(verb: keyof PartitionVerbs, queries: readonly Query[]): Promise<Answer[]> {
    const metadata = image();
    const byShard = new Map<number, number[]>();
    queries.forEach(({ topic, partition }, i) => {
      const shard = metadata.partition(topic, partition)?.shard ?? Math.max(0, peers.shard);
      byShard.set(shard, [...(byShard.get(shard) ?? []), i]);
    });
    const answers = new Array<Answer>(queries.length);
    const asked = [...byShard].map(async ([shard, indexes]) => {
      const found = await on<Answer[]>(
        shard,
        verb,
        indexes.map((i) => queries[i]!),
      );
      indexes.forEach((i, n) => (answers[i] = found[n]!));
    });
    await Promise.all(asked);
    return answers;
  }
  return {
    listOffsets: (queries) => spread('listOffsets', queries),
    offsetsForLeaderEpoch: (queries) => spread('offsetsForLeaderEpoch', queries),
    deleteRecords: (queries) => spread('deleteRecords', queries),
    describeProducers: (queries) => spread('describeProducers', queries),
    describeLogDirs: async () => {
      const shards = Array.from({ length: peers.shardCount }, (_, shard) => on<LogDirPartition[]>(shard, 'describeLogDirs', null));
      return (await Promise.all(shards)).flat();
    },
  };
}

/** @param local of the asking shard; null with NO_SHARD */
export function routedGroups(local: GroupCoordinator | null, peers: ShardPeers, image: () => MetadataImage): GroupCoordinator {
  const on = <T>(shard: number, verb: keyof GroupCoordinator, request: unknown): Promise<T> =>
    shard === peers.shard
      ? (local![verb] as (request: unknown) => Promise<T>).call(local, request)
      : (peers.mailboxOf(shard).call(ControlKind.GROUPS, { verb, request } satisfies VerbBody, GROUP_DEADLINE_MS) as Promise<T>);
  const shardOf = (groupId: string): number => {
    const partitions = image().topic(OFFSETS_TOPIC)?.partitions ?? [];
    return partitions.length === 0 ? Math.max(0, peers.shard) : partitions[coordinatorPartitionIndex(groupId, partitions.length)]!.shard;
  };
  return {
    joinGroup: (call) => on(shardOf(call.groupId), 'joinGroup', call),
    syncGroup: (call) => on(shardOf(call.groupId), 'syncGroup', call),
    heartbeat: (call) => on(shardOf(call.groupId), 'heartbeat', call),
    leaveGroup: (call) => on(shardOf(call.groupId), 'leaveGroup', call),
    commitOffsets: (call) => on(shardOf(call.groupId), 'commitOffsets', call),
    fetchOffsets: (call) => on(shardOf(call.groupId), 'fetchOffsets', call),
    deleteOffsets: (call) => on(shardOf(call.groupId), 'deleteOffsets', call),
    describeGroup: (call) => on(shardOf(call.groupId), 'describeGroup', call),
    deleteGroup: (call) => on(shardOf(call.groupId), 'deleteGroup', call),
    listGroups: async (call) => {
      const shards = Array.from({ length: peers.shardCount }, (_, shard) =>
        on<Awaited<ReturnType<GroupCoordinator['listGroups']>>>(shard, 'listGroups', call),
      );
      const answers = await Promise.all(shards);
      const failed = answers.find(({ errorCode }) => errorCode !== ErrorCode.NONE);
      return { errorCode: failed?.errorCode ?? ErrorCode.NONE, groups: answers.flatMap(({ groups }) => groups) };
    },
  };
}
