// What the rules of validity need to know of the measured phase. Owner: pure. Not hot.

import type { IntervalPoint, PhaseTotals } from '../contracts/run-result.ts';
import { median } from '../stats/bootstrap.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';
import type { RunEvidence } from '../validity/judge-run.ts';

export function measuredEvidence(total: PhaseTotals, points: readonly IntervalPoint[]): NonNullable<RunEvidence['measured']> {
  const lag = LatencyHistogram.merge([total.latencies.generatorLag ?? []].flat());
  const own = points.filter(({ phaseId }) => phaseId === total.phase.id);
  const delays = own
    .filter(({ latencies }) => latencies.publishDelay !== undefined)
    .map(({ latencies }) => LatencyHistogram.decode(latencies.publishDelay!).percentileNs(50));
  const third = Math.max(1, Math.floor(delays.length / 3));
  // Intervals cut by the phase's edges would weigh a second's CPU on a moment's work.
  const whole = own.slice(1, -1);
  const shares = (whole.length > 0 ? whole : own).map(({ generatorCoreShare }) => generatorCoreShare);
  return {
    seconds: total.seconds,
    counters: total.counters,
    unfinishedRecords: total.unfinishedRecords,
    responseP99Ns: LatencyHistogram.merge([total.latencies.publishResponse ?? []].flat()).percentileNs(99),
    lagMeanNs: lag.meanNs,
    lagP99Ns: lag.percentileNs(99),
    generatorCoreShare: shares.length === 0 ? 0 : shares.reduce((sum, share) => sum + share, 0) / shares.length,
    delayFirstNs: delays.length === 0 ? 0 : median(delays.slice(0, third)),
    delayLastNs: delays.length === 0 ? 0 : median(delays.slice(-third)),
  };
}
