// Blocks never overlap, lie in the arena, and join again when given back.

import { expect, test } from 'vitest';
import { BLOCK_UNIT, BlockAllocator } from '../../../src/net/reactor/block-allocator.ts';

test('random takes and gives never overlap, and all memory comes back as one', () => {
  const units = 257;
  const blocks = new BlockAllocator(units * BLOCK_UNIT + 17);
  const owner = new Int32Array(units).fill(-1);
  const held = new Map<number, number>();
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let step = 0; step < 20_000; step++) {
    if (random(2) === 0 || held.size === 0) {
      const length = random(10) === 0 ? random(60 * BLOCK_UNIT) : random(3 * BLOCK_UNIT);
      const offset = blocks.take(length);
      if (offset < 0) continue;
      const first = offset / BLOCK_UNIT;
      const taken = blocks.bytesOf(offset) / BLOCK_UNIT;
      expect(taken * BLOCK_UNIT).toBeGreaterThanOrEqual(length);
      for (let unit = first; unit < first + taken; unit++) {
        if (owner[unit] !== -1 || unit >= units) throw new Error(`unit ${unit} was given out twice at step ${step}`);
        owner[unit] = offset;
      }
      held.set(offset, taken);
    } else {
      const offset = [...held.keys()][random(held.size)]!;
      owner.fill(-1, offset / BLOCK_UNIT, offset / BLOCK_UNIT + held.get(offset)!);
      held.delete(offset);
      blocks.give(offset);
    }
    if (step % 100 === 0) expect(blocks.takenBytes).toBe([...held.values()].reduce((sum, count) => sum + count * BLOCK_UNIT, 0));
  }
  for (const offset of held.keys()) blocks.give(offset);
  expect(blocks.takenBytes).toBe(0);
  expect(blocks.take(units * BLOCK_UNIT)).toBe(0);
  expect(blocks.take(1)).toBe(-1);
});

test('a block that is not taken is not given back', () => {
  const blocks = new BlockAllocator(16 * BLOCK_UNIT);
  const first = blocks.take(BLOCK_UNIT);
  const second = blocks.take(BLOCK_UNIT);
  blocks.give(first);
  expect(() => blocks.give(first)).toThrow(/given back/);
  blocks.give(second);
  expect(() => blocks.give(second)).toThrow(/given back/);
  expect(() => blocks.give(100)).toThrow(/given back/);
});
