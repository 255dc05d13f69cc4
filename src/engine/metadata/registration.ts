// A process takes its place in the metadata at start: its nodes, and a shard that exists for every partition.
// Owner: the controller (main thread). Pure. Not hot: once a start.

import { NODE_PREFIX } from './metadata-records.ts';
import { ShardAssignment } from './shard-assignment.ts';
import type { ControllerView, MetadataChange } from './controller-view.ts';
import type { NodeRecord } from './metadata-records.ts';
import type { NodeRegistration } from './controller-requests.ts';
import type { NodeImage, PartitionImage, TopicImage } from './metadata-image.ts';

export interface RegistrationReport {
  /** Partitions whose shard or node is another one than before; their leader epoch rose by one. */
  readonly movedPartitions: number;
  /** As `topic-0`: partitions whose log directory is not mounted. They have no leader until it is. */
  readonly offlinePartitions: readonly string[];
}

export interface RegistrationPlan {
  readonly changes: readonly MetadataChange[];
  readonly report: RegistrationReport;
}

export function planRegistration(view: ControllerView, nodes: readonly NodeRegistration[]): RegistrationPlan {
  const changes: MetadataChange[] = nodeChanges(view, nodes);
  const assignment = new ShardAssignment(view.image, view.shardNodeIds.length, view.directories);
  let movedPartitions = 0;
  // By name, so that the same metadata always gives the same placement.
  const topics = [...view.image.topicsByName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const topic of topics) {
    const partitions = topic.partitions.map((partition) => settled(view, assignment, partition));
    const moved = partitions.filter((partition, i) => partition !== topic.partitions[i]).length;
    if (moved > 0) changes.push({ kind: 'put-topic', topic: { ...topic, partitions } });
    movedPartitions += moved;
  }
  return { changes, report: { movedPartitions, offlinePartitions: topics.flatMap(offlineOf) } };
}

/** The partition itself where it can stay as it is. */
function settled(view: ControllerView, assignment: ShardAssignment, partition: PartitionImage): PartitionImage {
  const stays = partition.shard < view.shardNodeIds.length;
  const shard = stays ? partition.shard : assignment.placeShard(partition.index);
  const nodeId = view.shardNodeIds[shard]!;
  if (stays && partition.replicas[0] === nodeId) return partition;
  return { ...partition, shard, leaderNodeId: nodeId, leaderEpoch: partition.leaderEpoch + 1, replicas: [nodeId], isr: [nodeId] };
}

function nodeChanges(view: ControllerView, nodes: readonly NodeRegistration[]): MetadataChange[] {
  const changes: MetadataChange[] = [];
  for (const { nodeId, shard, endpoints, rack } of nodes) {
    const record: NodeRecord = { shard, endpoints, rack };
    if (!sameNode(view.image.nodes.get(nodeId), record)) changes.push({ kind: 'put-record', key: NODE_PREFIX + nodeId, record });
  }
  for (const nodeId of view.image.nodes.keys()) {
    if (!nodes.some((node) => node.nodeId === nodeId)) changes.push({ kind: 'delete-key', key: NODE_PREFIX + nodeId });
  }
  return changes;
}

function sameNode(node: NodeImage | undefined, { shard, endpoints, rack }: NodeRecord): boolean {
  if (node === undefined || node.shard !== shard || node.rack !== rack || node.endpoints.length !== endpoints.length) return false;
  return endpoints.every(({ listener, host, port }, i) => {
    const known = node.endpoints[i]!;
    return known.listener === listener && known.host === host && known.port === port;
  });
}

function offlineOf(topic: TopicImage): string[] {
  return topic.partitions.filter(({ logDir }) => logDir === '').map(({ index }) => `${topic.name}-${index}`);
}
