// Medians and intervals, order of runs, rate finding, warm-up: pure logic against made-up systems.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareRuns, median, medianWithInterval } from '../../src/stats/bootstrap.ts';
import { interleaved } from '../../src/stats/interleaving.ts';
import { defaultRateSearch, findRate } from '../../src/stats/rate-finding.ts';
import { SeededRandom } from '../../src/stats/seeded-random.ts';
import { steadiness } from '../../src/stats/warm-up.ts';

test('the interval of a median holds it, and is the same for the same seed', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 }), fc.integer(), (values, seed) => {
      const estimate = medianWithInterval(values, seed);
      expect(estimate.low).toBeLessThanOrEqual(estimate.median);
      expect(estimate.high).toBeGreaterThanOrEqual(estimate.median);
      expect(estimate.low).toBeGreaterThanOrEqual(Math.min(...values));
      expect(medianWithInterval(values, seed)).toEqual(estimate);
    }),
    { numRuns: 20 },
  );
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

test('a difference is claimed when it is there, and not when it is noise or too few runs', () => {
  const random = new SeededRandom(4);
  const noisy = (base: number): number[] => Array.from({ length: 20 }, () => base * (0.9 + 0.2 * random.next()));
  expect(compareRuns(noisy(100), noisy(130)).verdict).toBe('a-lower');
  expect(compareRuns(noisy(130), noisy(100)).verdict).toBe('b-lower');
  expect(compareRuns(noisy(100), noisy(100)).verdict).toBe('inside-noise');
  expect(compareRuns([1, 1, 1], [9, 9, 9]).verdict).toBe('too-few-runs');
});

test('runs interleave there and back', () => {
  expect(interleaved(2, 4)).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
  expect(interleaved(3, 2)).toEqual([0, 1, 2, 2, 1, 0]);
});

test('the rate found is one that passed every time, within tolerance of the true limit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 100, max: 5_000_000 }), async (limit) => {
      const asked: number[] = [];
      const found = await findRate((rate) => {
        asked.push(rate);
        return Promise.resolve({ passed: rate <= limit, why: 'limit' });
      }, defaultRateSearch);
      expect(found.ratePerSecond).toBeLessThanOrEqual(limit);
      expect(found.interval[1]).toBeGreaterThan(limit);
      expect(found.interval[1]! / found.ratePerSecond!).toBeLessThanOrEqual(1 + defaultRateSearch.tolerance + 1e-3);
      expect(asked.filter((rate) => rate === found.ratePerSecond)).toHaveLength(defaultRateSearch.confirmations);
    }),
  );
});

test('a rate that fails when it is confirmed does not stand', async () => {
  const tries = new Map<number, number>();
  const found = await findRate((rate) => {
    const count = (tries.get(rate) ?? 0) + 1;
    tries.set(rate, count);
    // Above 30,000 it holds once, by luck.
    return Promise.resolve({ passed: rate <= 30_000 || (rate <= 60_000 && count === 1), why: '' });
  }, defaultRateSearch);
  expect(found.ratePerSecond).toBeLessThanOrEqual(30_000);
  expect(found.ratePerSecond).toBeGreaterThan(27_000);
});

test('a system that holds nothing gives no rate, and one without limit gives the cap', async () => {
  const never = await findRate(() => Promise.resolve({ passed: false, why: '' }), defaultRateSearch);
  expect(never.ratePerSecond).toBeNull();
  expect(never.steps.length).toBeLessThan(20);
  const always = await findRate(() => Promise.resolve({ passed: true, why: '' }), { ...defaultRateSearch, maxRate: 1e6 });
  expect(always).toMatchObject({ ratePerSecond: 1e6, interval: [1e6, null] });
});

test('a warm-up is over when the trend is, and not while figures fall', () => {
  expect(steadiness([5, 5]).steady).toBe(false);
  expect(steadiness([90, 80, 70, 60, 50, 40, 30, 20]).steady).toBe(false);
  expect(steadiness([90, 80, 70, 10, 11, 10, 12, 11, 10, 12, 11]).steady).toBe(true);
  expect(steadiness([100, 100.1, 100.2, 100.3, 100.4, 100.5, 100.6, 100.7]).steady).toBe(true);
});
