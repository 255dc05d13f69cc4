// What the cluster looks like at one revision: nodes, topics, partitions, configs. Immutable.
// Owner: built by the controller (main thread), read by any shard, which swaps images between ticks.
// Hot: topic(), topicByIdBytes() and partition() are called per request; they look up maps and allocate nothing.

import { assert } from '../base/assert.ts';
import { UUID_BYTES, uuidToBytes } from '../base/uuid.ts';

/** Leader of a partition that nobody can serve (its log directory is gone). */
export const NO_LEADER = -1;
/** Name of the broker config overrides that hold for every node. */
export const CLUSTER_DEFAULT = '';

export interface Endpoint {
  /** Listener the client came in through, as `PLAINTEXT`. */
  readonly listener: string;
  readonly host: string;
  readonly port: number;
}

/** One address a client can be sent to: a shard's own port, or the whole process in single mode. */
export interface NodeImage {
  readonly nodeId: number;
  /** First endpoint. */
  readonly host: string;
  readonly port: number;
  /** The shard that listens here; 0 where one node speaks for all shards. */
  readonly shard: number;
  readonly endpoints: readonly Endpoint[];
  readonly rack: string | null;
}

export interface PartitionImage {
  readonly index: number;
  readonly leaderNodeId: number;
  /** Never goes back in the life of a topic id: clients drop metadata with an older one. */
  readonly leaderEpoch: number;
  /** The one shard that owns the log. */
  readonly shard: number;
  /** Node ids. */
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  /** Identity of the log directory that holds it, as in that directory's meta.properties. */
  readonly directoryId: string;
  /** Path of the log directory that holds it; '' when that directory is not mounted. */
  readonly logDir: string;
}

export interface TopicFacts {
  readonly name: string;
  /** 22 characters of base64url. */
  readonly id: string;
  readonly internal: boolean;
  /** Dense: partition i at index i. */
  readonly partitions: readonly PartitionImage[];
  /** Overrides only, as given. */
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicImage extends TopicFacts {
  readonly idBytes: Uint8Array;
}

export interface ImageParts {
  readonly revision: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly nodes: ReadonlyMap<number, NodeImage>;
  readonly topicsByName: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  /** By node id in decimal, or CLUSTER_DEFAULT. */
  readonly brokerConfigs: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export class MetadataImage implements ImageParts {
  readonly revision: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly nodes: ReadonlyMap<number, NodeImage>;
  readonly topicsByName: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  readonly brokerConfigs: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** First four bytes of the id to the topics that start so: ids are random, so a list has one member. */
  private readonly topicsByHash: ReadonlyMap<number, readonly TopicImage[]>;

  constructor(parts: ImageParts) {
    this.revision = parts.revision;
    this.clusterId = parts.clusterId;
    this.controllerId = parts.controllerId;
    this.nodes = parts.nodes;
    this.topicsByName = parts.topicsByName;
    this.topicsById = parts.topicsById;
    this.brokerConfigs = parts.brokerConfigs;
    this.topicsByHash = indexByHash(parts.topicsById);
  }

  topic(name: string): TopicImage | undefined {
    return this.topicsByName.get(name);
  }

  topicById(id: string): TopicImage | undefined {
    return this.topicsById.get(id);
  }

  /** The topic whose raw id stands at `offset` of a request. */
  topicByIdBytes(bytes: Uint8Array, offset: number): TopicImage | undefined {
    assert(bytes.length >= offset + UUID_BYTES, 'a topic id has 16 bytes', bytes.length, offset);
    const candidates = this.topicsByHash.get(hashOf(bytes, offset));
    if (candidates === undefined) return undefined;
    for (let i = 0; i < candidates.length; i++) {
      if (equalId(candidates[i]!.idBytes, bytes, offset)) return candidates[i];
    }
    return undefined;
  }

  partition(name: string, index: number): PartitionImage | undefined {
    return this.topicsByName.get(name)?.partitions[index];
  }
}

export const EMPTY_IMAGE: MetadataImage = new MetadataImage({
  revision: 0,
  clusterId: '',
  controllerId: NO_LEADER,
  nodes: new Map(),
  topicsByName: new Map(),
  topicsById: new Map(),
  brokerConfigs: new Map(),
});

export function topicImage(facts: TopicFacts): TopicImage {
  facts.partitions.forEach((partition, i) => assert(partition.index === i, 'partitions are dense', facts.name, i));
  const { name, id, internal, partitions, configs } = facts;
  return { name, id, internal, partitions, configs, idBytes: uuidToBytes(id) };
}

function hashOf(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}

function equalId(id: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < UUID_BYTES; i++) if (id[i] !== bytes[offset + i]) return false;
  return true;
}

function indexByHash(topics: ReadonlyMap<string, TopicImage>): Map<number, TopicImage[]> {
  const index = new Map<number, TopicImage[]>();
  for (const topic of topics.values()) {
    const hash = hashOf(topic.idBytes, 0);
    const list = index.get(hash);
    if (list === undefined) index.set(hash, [topic]);
    else list.push(topic);
  }
  return index;
}
