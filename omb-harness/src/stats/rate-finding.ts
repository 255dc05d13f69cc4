// The highest rate at which an objective holds: brackets by doubling, narrows by halving, confirms the winner. Owner: pure
// logic over a callback that measures one rate. Not hot.

import type { RateFinding } from '../contracts/run-result.ts';

export interface RateTrial {
  readonly passed: boolean;
  /** What held or broke, with the figures. */
  readonly why: string;
}

export interface RateSearch {
  readonly objective: string;
  readonly startRate: number;
  /** Never asked for more than this. */
  readonly maxRate: number;
  /** Stop narrowing when failed / passed is at most 1 + this. */
  readonly tolerance: number;
  /** The winner must pass this many times in all. */
  readonly confirmations: number;
  /** Trials of any kind. */
  readonly trialsMax: number;
}

export const defaultRateSearch: RateSearch = {
  objective: 'the rate is held',
  startRate: 10_000,
  maxRate: 20_000_000,
  tolerance: 0.05,
  confirmations: 3,
  trialsMax: 60,
};

export async function findRate(measure: (ratePerSecond: number) => Promise<RateTrial>, search: RateSearch): Promise<RateFinding> {
  const steps: { ratePerSecond: number; passed: boolean; why: string }[] = [];
  const attempt = async (ratePerSecond: number): Promise<boolean> => {
    const { passed, why } = await measure(ratePerSecond);
    steps.push({ ratePerSecond, passed, why });
    return passed;
  };
  const room = (): boolean => steps.length < search.trialsMax;
  const passes = new Map<number, number>();
  let failed: number | null = null;
  const best = (): number => Math.max(0, ...[...passes.keys()].filter((rate) => failed === null || rate < failed));
  let rate = Math.min(search.startRate, search.maxRate);
  while (room()) {
    if (await attempt(rate)) passes.set(rate, (passes.get(rate) ?? 0) + 1);
    else {
      // A rate that failed once has no right to stand, whatever it did before.
      failed = failed === null ? rate : Math.min(failed, rate);
      passes.delete(rate);
    }
    const next = nextRate(best(), failed, search);
    if (next !== null) rate = next;
    else if (best() === 0 || (passes.get(best()) ?? 0) >= search.confirmations) break;
    else rate = best();
  }
  const winner = best();
  const confirmed = winner > 0 && (passes.get(winner) ?? 0) >= search.confirmations;
  return { objective: search.objective, ratePerSecond: confirmed ? winner : null, interval: [winner, failed], steps };
}

/** Where to look next; null when the bracket is narrow enough (or nothing passes at all). */
function nextRate(passed: number, failed: number | null, { maxRate, tolerance }: RateSearch): number | null {
  if (failed === null) return passed >= maxRate ? null : Math.min(maxRate, passed * 2);
  if (passed === 0) return failed <= 1 ? null : Math.max(1, Math.floor(failed / 2));
  if (failed / passed <= 1 + tolerance || failed - passed <= 1) return null;
  return Math.round(Math.sqrt(passed * failed));
}
