// What is recorded comes out again, also by a decoder that nobody of the library wrote.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HIGHEST_NS, LatencyHistogram, LOWEST_NS } from '../../src/stats/latency-histogram.ts';
import { decodeHdrV2 } from '../support/hdr-v2-decoder.ts';

const times = fc.array(fc.double({ min: 0, max: HIGHEST_NS, noNaN: true }), { minLength: 1, maxLength: 200 });

test('an independent decoder reads the same samples, in buckets no wider than three digits', () => {
  fc.assert(
    fc.property(times, (values) => {
      const histogram = LatencyHistogram.empty();
      for (const value of values) histogram.record(value);
      const decoded = decodeHdrV2(histogram.encode());
      expect(decoded).toMatchObject({ digits: 3, lowest: LOWEST_NS, highest: HIGHEST_NS });
      const sorted = values.map(Math.floor).sort((a, b) => a - b);
      const given = decoded.buckets.flatMap(({ value, width, count }) => Array.from({ length: count }, () => ({ value, width })));
      expect(given).toHaveLength(sorted.length);
      given.forEach(({ value, width }, i) => {
        expect(sorted[i]).toBeGreaterThanOrEqual(value);
        expect(sorted[i]).toBeLessThan(value + width);
        expect(width).toBeLessThanOrEqual(Math.max(512, sorted[i]! / 1000));
      });
    }),
    { numRuns: 100 },
  );
});

test('encoding and merging keep counts, buckets and percentiles', () => {
  fc.assert(
    fc.property(times, times, (some, more) => {
      const [a, b, whole] = [LatencyHistogram.empty(), LatencyHistogram.empty(), LatencyHistogram.empty()];
      for (const value of some) a.record(value);
      for (const value of more) b.record(value);
      for (const value of [...some, ...more]) whole.record(value);
      const merged = LatencyHistogram.merge([a.encode(), b.encode()]);
      expect(merged.count).toBe(some.length + more.length);
      expect(merged.buckets()).toEqual(whole.buckets());
      // Only which bucket the greatest was in is kept.
      expect(Math.abs(merged.percentileNs(99) - whole.percentileNs(99))).toBeLessThanOrEqual(Math.max(512, whole.percentileNs(99) / 1000));
    }),
    { numRuns: 50 },
  );
});

test('what lasts longer than an hour is counted as an hour, and said', () => {
  const histogram = LatencyHistogram.empty();
  histogram.record(2 * HIGHEST_NS);
  expect(histogram.clamped).toBe(1);
  expect(histogram.count).toBe(1);
});
