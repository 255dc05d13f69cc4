// Medians with bootstrap intervals over runs, and whether two differ. Owner: pure. Not hot.
//
// The unit is the run: windows inside one run lean on each other and would give an interval far too narrow.

import { SeededRandom } from './seeded-random.ts';

const RESAMPLES = 5000;
const CONFIDENCE = 0.95;

export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly runs: number;
}

export interface Comparison {
  /** Median of the per-pair ratios b / a. */
  readonly ratio: Estimate;
  readonly verdict: 'a-lower' | 'b-lower' | 'inside-noise' | 'too-few-runs';
}

/** Fewer pairs than this support no claim of a difference. */
const PAIRS_MIN = 5;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** 95 % percentile bootstrap of the median. */
export function medianWithInterval(values: readonly number[], seed = 1): Estimate {
  const random = new SeededRandom(seed);
  const medians: number[] = [];
  const sample = new Array<number>(values.length);
  for (let round = 0; round < RESAMPLES; round++) {
    for (let i = 0; i < sample.length; i++) sample[i] = values[random.below(values.length)]!;
    medians.push(median(sample));
  }
  medians.sort((a, b) => a - b);
  const tail = (1 - CONFIDENCE) / 2;
  const at = (share: number): number => medians[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))]!;
  return { median: median(values), low: at(tail), high: at(1 - tail), runs: values.length };
}

/** `a[i]` and `b[i]` ran next to each other. A difference counts when the interval of their ratio does not hold 1. */
export function compareRuns(a: readonly number[], b: readonly number[], seed = 1): Comparison {
  if (a.length !== b.length) throw new RangeError(`${a.length} runs of one and ${b.length} of the other are no pairs`);
  const ratio = medianWithInterval(
    a.map((value, i) => b[i]! / value),
    seed,
  );
  if (a.length < PAIRS_MIN) return { ratio, verdict: 'too-few-runs' };
  if (ratio.low > 1) return { ratio, verdict: 'a-lower' };
  return { ratio, verdict: ratio.high < 1 ? 'b-lower' : 'inside-noise' };
}
