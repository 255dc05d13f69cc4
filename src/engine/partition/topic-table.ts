// The topics a shard knows, found by the bytes a request names them with. Owner: the shard's thread; replaced entries
// come from a new metadata image, between ticks. Hot: find() makes no string and allocates nothing.

import { assert } from '../base/assert.ts';
import type { Partition } from './partition.ts';

/** One topic as this shard sees it. Arrays are indexed by partition. */
export class TopicEntry {
  readonly name: string;
  /** Kafka's text form, 22 characters of base64url. */
  readonly id: string;
  readonly nameBytes: Uint8Array;
  readonly idBytes: Uint8Array;
  readonly isInternal: boolean;
  /** This shard's partitions; null where another shard leads. */
  readonly partitions: (Partition | null)[] = [];
  readonly leaderNodeIds: number[] = [];
  readonly leaderEpochs: number[] = [];
  readonly shards: number[] = [];
  /** First cell of its row in the shard's counters. */
  counterRow = 0;
  /** message.timestamp.type is LogAppendTime. */
  logAppendTime = false;
  /** cleanup.policy has compact: records need keys. */
  compacted = false;
  /** Deleted, or replaced by a topic of the same name: late requests see an unknown topic. */
  gone = false;

  constructor(name: string, id: string, nameBytes: Uint8Array, idBytes: Uint8Array, isInternal: boolean) {
    assert(idBytes.length === 16, 'a topic id has 16 bytes', idBytes.length);
    this.name = name;
    this.id = id;
    this.nameBytes = nameBytes;
    this.idBytes = idBytes;
    this.isInternal = isInternal;
  }
}

function sameBytes(bytes: Uint8Array, arena: Uint8Array, offset: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== arena[offset + i]) return false;
  return true;
}

export class TopicTable {
  readonly byName = new Map<string, TopicEntry>();
  readonly byId = new Map<string, TopicEntry>();
  // Several topics may share a 32-bit hash; the bucket is then scanned.
  private readonly byNameHash = new Map<number, TopicEntry[]>();
  private readonly byIdHash = new Map<number, TopicEntry[]>();
  private readonly hash: (bytes: Uint8Array, offset: number, length: number) => number;

  /** `hash` must be the one the frame walker uses for TOPIC_HASH: CRC-32C as a signed int32. */
  constructor(hash: (bytes: Uint8Array, offset: number, length: number) => number) {
    this.hash = hash;
  }

  add(topic: TopicEntry): void {
    assert(!this.byName.has(topic.name), 'a topic is added once', topic.name);
    this.byName.set(topic.name, topic);
    this.byId.set(topic.id, topic);
    this.bucket(this.byNameHash, topic.nameBytes).push(topic);
    this.bucket(this.byIdHash, topic.idBytes).push(topic);
  }

  remove(topic: TopicEntry): void {
    topic.gone = true;
    this.byName.delete(topic.name);
    this.byId.delete(topic.id);
    this.unlink(this.byNameHash, topic.nameBytes, topic);
    this.unlink(this.byIdHash, topic.idBytes, topic);
  }

  /** The topic whose name is `length` bytes at `offset`, or whose id is the 16 bytes there when length is -1. */
  find(arena: Uint8Array, offset: number, length: number, hash: number): TopicEntry | null {
    const bucket = (length < 0 ? this.byIdHash : this.byNameHash).get(hash);
    if (bucket === undefined) return null;
    for (let i = 0; i < bucket.length; i++) {
      const topic = bucket[i]!;
      const bytes = length < 0 ? topic.idBytes : topic.nameBytes;
      if ((length < 0 || bytes.length === length) && sameBytes(bytes, arena, offset)) return topic;
    }
    return null;
  }

  private bucket(map: Map<number, TopicEntry[]>, bytes: Uint8Array): TopicEntry[] {
    const key = this.hash(bytes, 0, bytes.length) | 0;
    let bucket = map.get(key);
    if (bucket === undefined) map.set(key, (bucket = []));
    return bucket;
  }

  private unlink(map: Map<number, TopicEntry[]>, bytes: Uint8Array, topic: TopicEntry): void {
    const bucket = this.bucket(map, bytes);
    const at = bucket.indexOf(topic);
    if (at >= 0) bucket.splice(at, 1);
  }
}
