// Which shard and which log directory a new partition gets. Owner: the controller (main thread). Not hot.
//
// Always the one with the fewest partitions. Among equals partition 0 goes to the shard with the fewest partitions 0,
// since many topics have only that one and clients that start at the first partition would meet there; the partitions
// after it go round. Nothing that is placed is moved, except from shards that no longer exist.

import { assert } from '../base/assert.ts';
import type { LogDirectoryFacts } from './metadata-records.ts';
import type { MetadataImage } from './metadata-image.ts';

export interface Placement {
  readonly shard: number;
  readonly directory: LogDirectoryFacts;
}

export class ShardAssignment {
  private readonly shardCount: number;
  private readonly directories: readonly LogDirectoryFacts[];
  private readonly partitionsOfShard: number[];
  private readonly firstPartitionsOfShard: number[];
  private readonly partitionsOfDirectory: Map<string, number>;
  private lastShard = -1;

  constructor(image: MetadataImage, shardCount: number, directories: readonly LogDirectoryFacts[]) {
    assert(shardCount > 0 && directories.length > 0, 'there is a shard and a log directory', shardCount, directories.length);
    this.shardCount = shardCount;
    this.directories = directories;
    this.partitionsOfShard = Array.from({ length: shardCount }, () => 0);
    this.firstPartitionsOfShard = Array.from({ length: shardCount }, () => 0);
    this.partitionsOfDirectory = new Map(directories.map(({ id }) => [id, 0]));
    for (const topic of image.topicsByName.values()) {
      for (const { shard, index, directoryId } of topic.partitions) {
        if (shard < shardCount) this.count(shard, index);
        this.countDirectory(directoryId);
      }
    }
  }

  /** Places partition `index` on one of `shards` (all, when not given) and remembers it. */
  place(index: number, shards?: readonly number[]): Placement {
    const shard = this.placeShard(index, shards);
    const directory = this.directories.reduce((best, next) => (this.inDirectory(next) < this.inDirectory(best) ? next : best));
    this.countDirectory(directory.id);
    return { shard, directory };
  }

  /** As place, for a partition whose directory is given. */
  placeShard(index: number, shards?: readonly number[]): number {
    const among = shards ?? Array.from({ length: this.shardCount }, (_, shard) => shard);
    assert(among.length > 0, 'a partition can be placed somewhere', index);
    const chosen = among.reduce((best, next) => (this.isBetter(index, next, best) ? next : best));
    this.count(chosen, index);
    this.lastShard = chosen;
    return chosen;
  }

  private isBetter(index: number, a: number, b: number): boolean {
    const byLoad = this.partitionsOfShard[a]! - this.partitionsOfShard[b]!;
    if (byLoad !== 0) return byLoad < 0;
    if (index === 0) return this.firstPartitionsOfShard[a]! < this.firstPartitionsOfShard[b]!;
    return this.stepsFromLast(a) < this.stepsFromLast(b);
  }

  private stepsFromLast(shard: number): number {
    return (shard - this.lastShard - 1 + this.shardCount) % this.shardCount;
  }

  private count(shard: number, index: number): void {
    this.partitionsOfShard[shard]!++;
    if (index === 0) this.firstPartitionsOfShard[shard]!++;
  }

  private inDirectory(directory: LogDirectoryFacts): number {
    return this.partitionsOfDirectory.get(directory.id) ?? 0;
  }

  private countDirectory(id: string): void {
    this.partitionsOfDirectory.set(id, (this.partitionsOfDirectory.get(id) ?? 0) + 1);
  }
}
