// How metadata lies in the store: one key an object, and the way back into an image.
// Owner: the controller (main thread); no state. Not hot.
//
//   cluster                  { clusterId }
//   producer-ids             { next }                the first producer id that nobody has
//   nodes/<node id>          { shard, endpoints, rack }
//   broker-configs/<node id> overrides; without an id: of all nodes
//   topics/<name>            { id, internal, configs, directories, partitions: [shard, node id, leader epoch, directory] }
//
// A topic is one key, so that it appears, changes and goes as a whole. Paths are not stored: a directory is known by the
// identity in its meta.properties, so data may be mounted elsewhere after a restart.

import { Packr } from 'msgpackr';
import type { Overrides } from '../base/config-topic.ts';
import { MetadataImage, NO_LEADER, topicImage } from './metadata-image.ts';
import type { Endpoint, NodeImage, PartitionImage, TopicFacts, TopicImage } from './metadata-image.ts';
import type { MetadataEvent } from './metadata-store.ts';

export const CLUSTER_KEY = 'cluster';
export const PRODUCER_IDS_KEY = 'producer-ids';
export const NODE_PREFIX = 'nodes/';
const TOPIC_PREFIX = 'topics/';
export const BROKER_CONFIG_PREFIX = 'broker-configs/';

export interface ClusterRecord {
  readonly clusterId: string;
}

export interface ProducerIdsRecord {
  readonly next: number;
}

export interface NodeRecord {
  readonly shard: number;
  readonly endpoints: readonly Endpoint[];
  readonly rack: string | null;
}

type PartitionRecord = readonly [shard: number, leaderNodeId: number, leaderEpoch: number, directory: number];

export interface TopicRecord {
  readonly id: string;
  readonly internal: boolean;
  readonly configs: Overrides;
  readonly directories: readonly string[];
  readonly partitions: readonly PartitionRecord[];
}

/** Where partitions can be: identity and path of a log directory that is mounted. */
export interface LogDirectoryFacts {
  readonly id: string;
  readonly path: string;
}

const packr = new Packr({ useRecords: false });

export function packRecord(record: object): Uint8Array {
  return Uint8Array.from(packr.pack(record));
}

export function unpackRecord<Record>(value: Uint8Array): Record {
  return packr.unpack(value) as Record;
}

export function topicKey(name: string): string {
  return TOPIC_PREFIX + name;
}

/** A partition without a leader is stored with the node it would have, so that it is back when its directory is. */
export function topicRecord(topic: TopicFacts, shardNodeIds: readonly number[]): TopicRecord {
  const directories = [...new Set(topic.partitions.map((partition) => partition.directoryId))];
  return {
    id: topic.id,
    internal: topic.internal,
    configs: topic.configs,
    directories,
    partitions: topic.partitions.map(({ shard, leaderEpoch, directoryId }) => [
      shard,
      shardNodeIds[shard]!,
      leaderEpoch,
      directories.indexOf(directoryId),
    ]),
  };
}

/** The image after one transaction; what it did not touch is the same object as before. */
export function imageAfter(
  image: MetadataImage,
  revision: number,
  events: readonly MetadataEvent[],
  directories: readonly LogDirectoryFacts[],
): MetadataImage {
  const nodes = new Map(image.nodes);
  const topicsByName = new Map(image.topicsByName);
  const brokerConfigs = new Map(image.brokerConfigs);
  let clusterId = image.clusterId;
  for (const event of events) {
    const key = event.kind === 'put' ? event.item.key : event.key;
    const value = event.kind === 'put' ? event.item.value : null;
    const name = key.slice(key.indexOf('/') + 1);
    if (key === CLUSTER_KEY && value !== null) clusterId = unpackRecord<ClusterRecord>(value).clusterId;
    else if (key.startsWith(NODE_PREFIX)) setOrDelete(nodes, Number(name), value && readNode(Number(name), value));
    else if (key.startsWith(TOPIC_PREFIX)) setOrDelete(topicsByName, name, value && readTopic(name, value, directories));
    else if (key.startsWith(BROKER_CONFIG_PREFIX)) setOrDelete(brokerConfigs, name, value && unpackRecord<Overrides>(value));
  }
  return new MetadataImage({
    revision,
    clusterId,
    // Every node takes admin requests; the lowest one is a stable choice.
    controllerId: nodes.size === 0 ? NO_LEADER : Math.min(...nodes.keys()),
    nodes,
    topicsByName,
    topicsById: new Map(Array.from(topicsByName.values(), (topic) => [topic.id, topic])),
    brokerConfigs,
  });
}

function setOrDelete<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

function readNode(nodeId: number, value: Uint8Array): NodeImage {
  const { shard, endpoints, rack } = unpackRecord<NodeRecord>(value);
  const { host, port } = endpoints[0] ?? { host: '', port: 0 };
  return { nodeId, host, port, shard, endpoints, rack };
}

function readTopic(name: string, value: Uint8Array, directories: readonly LogDirectoryFacts[]): TopicImage {
  const record = unpackRecord<TopicRecord>(value);
  const partitions = record.partitions.map(([shard, nodeId, leaderEpoch, directory], index): PartitionImage => {
    const directoryId = record.directories[directory]!;
    const logDir = directories.find(({ id }) => id === directoryId)?.path ?? '';
    const mounted = logDir !== '';
    return {
      index,
      leaderNodeId: mounted ? nodeId : NO_LEADER,
      leaderEpoch,
      shard,
      replicas: [nodeId],
      isr: mounted ? [nodeId] : [],
      directoryId,
      logDir,
    };
  });
  return topicImage({ name, id: record.id, internal: record.internal, partitions, configs: record.configs });
}
