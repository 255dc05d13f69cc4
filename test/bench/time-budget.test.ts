// The time of a storage run: shared by weight, never exceeded by more than the first pair of a row.

import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { pairsUntil, TimeBudget } = await benchModule('time-budget.mjs');

test('what a part leaves goes to the later ones, what it takes too much they lack', () => {
  let now = 0;
  const budget = new TimeBudget(100, { a: 2, b: 1, c: 1 }, () => now);
  expect(budget.begin('a')).toBe(50);
  now = 20;
  expect(budget.begin('b')).toBe(60);
  now = 90;
  expect(budget.begin('c')).toBe(100);
  now = 120;
  expect(new TimeBudget(-5, { a: 1 }, () => now).begin('a')).toBe(120);
});

test('a pair begins only if one as long as the longest before it would end in time, the first in any case', () => {
  const run = (endS: number, lengths: number[]): number[] => {
    let now = 0;
    const pairs = [];
    for (const pair of pairsUntil(endS, lengths.length, () => now)) {
      pairs.push(pair);
      now += lengths[pair]!;
    }
    return pairs;
  };
  expect(run(100, [10, 10, 10])).toEqual([0, 1, 2]);
  expect(run(30, [10, 10, 10])).toEqual([0, 1, 2]);
  expect(run(29, [10, 10, 10])).toEqual([0, 1]);
  expect(run(40, [20, 5, 10])).toEqual([0, 1]);
  expect(run(0, [10, 10])).toEqual([0]);
});
