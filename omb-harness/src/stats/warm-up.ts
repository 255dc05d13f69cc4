// When a warm-up is over: no trend is left in the intervals' figures. Owner: pure. Not hot.

import { median } from './bootstrap.ts';

export interface Steadiness {
  readonly steady: boolean;
  readonly why: string;
}

/** Intervals looked at, the latest ones. */
const STEADY_INTERVALS = 8;
/** Halves whose medians differ by less are alike, whatever a trend test says of them. */
const ALIKE = 0.1;
/** Two-sided 5 % of the normal distribution. */
const SIGNIFICANT_Z = 1.96;

/** Mann-Kendall over the last intervals: no significant trend, or one too small to matter. */
export function steadiness(figures: readonly number[]): Steadiness {
  if (figures.length < STEADY_INTERVALS) return { steady: false, why: `${figures.length} of ${STEADY_INTERVALS} intervals seen` };
  const last = figures.slice(-STEADY_INTERVALS);
  const z = mannKendallZ(last);
  const half = STEADY_INTERVALS >> 1;
  const change = median(last.slice(half)) / median(last.slice(0, half)) - 1;
  const percent = `${(100 * change).toFixed(1)} %`;
  if (Math.abs(z) < SIGNIFICANT_Z) return { steady: true, why: `no trend in ${STEADY_INTERVALS} intervals` };
  if (Math.abs(change) < ALIKE) return { steady: true, why: `the trend left is ${percent}` };
  return { steady: false, why: `still moving, ${percent} in ${STEADY_INTERVALS} intervals` };
}

function mannKendallZ(values: readonly number[]): number {
  let score = 0;
  for (let i = 0; i < values.length; i++) for (let j = i + 1; j < values.length; j++) score += Math.sign(values[j]! - values[i]!);
  const n = values.length;
  const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  return score === 0 ? 0 : (score - Math.sign(score)) / deviation;
}
