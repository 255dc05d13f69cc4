// Where new partitions go.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_IMAGE } from '../../../src/engine/metadata/metadata-image.ts';
import { ShardAssignment } from '../../../src/engine/metadata/shard-assignment.ts';

const DIRECTORIES = [
  { id: 'x', path: '/x' },
  { id: 'y', path: '/y' },
];

describe('shard assignment', () => {
  it('keeps shards and directories within one partition of each other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer({ min: 1, max: 20 })), (shardCount, topics) => {
        const assignment = new ShardAssignment(EMPTY_IMAGE, shardCount, DIRECTORIES);
        const perShard = Array.from({ length: shardCount }, () => 0);
        const perDirectory = new Map([
          ['x', 0],
          ['y', 0],
        ]);
        for (const count of topics) {
          for (let index = 0; index < count; index++) {
            const { shard, directory } = assignment.place(index);
            perShard[shard]!++;
            perDirectory.set(directory.id, perDirectory.get(directory.id)! + 1);
          }
        }
        expect(Math.max(...perShard) - Math.min(...perShard)).toBeLessThanOrEqual(1);
        expect(Math.abs(perDirectory.get('x')! - perDirectory.get('y')!)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('does not pile partitions 0 up where all shards have as many', () => {
    const assignment = new ShardAssignment(EMPTY_IMAGE, 4, DIRECTORIES);
    const first = Array.from({ length: 8 }, () => Array.from({ length: 4 }, (_, index) => assignment.place(index).shard)[0]);
    expect([...first].toSorted()).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it('goes round with the partitions of a topic', () => {
    const assignment = new ShardAssignment(EMPTY_IMAGE, 3, DIRECTORIES);
    expect(Array.from({ length: 6 }, (_, index) => assignment.place(index).shard)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(Array.from({ length: 3 }, (_, index) => assignment.place(index).shard)).toEqual([1, 2, 0]);
  });

  it('stays among the shards it is given', () => {
    const assignment = new ShardAssignment(EMPTY_IMAGE, 3, DIRECTORIES);
    for (let index = 0; index < 5; index++) expect(assignment.place(index, [2]).shard).toBe(2);
    expect(assignment.place(5).shard).not.toBe(2);
  });
});
