// Our one-second intervals put together to OMB's windows. Owner: pure. Not hot.

import { type CounterName, counterNames, type LatencyKind, latencyKinds } from '../contracts/interval-record.ts';
import type { IntervalPoint } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

export type OmbWindow = Pick<IntervalPoint, 'startSeconds' | 'endSeconds' | 'counters' | 'latencies' | 'backlogRecords'>;

/** @param points from `fromSeconds` on, which took `seconds`; what the drain brought falls into the last window */
export function windowsOf(points: readonly IntervalPoint[], windowSeconds: number, seconds: number, fromSeconds: number): OmbWindow[] {
  const count = Math.max(points.length > 0 ? 1 : 0, Math.round(seconds / windowSeconds));
  const groups = Array.from({ length: count }, (): IntervalPoint[] => []);
  for (const point of points)
    groups[Math.min(count - 1, Math.max(0, Math.floor((point.startSeconds - fromSeconds) / windowSeconds)))]!.push(point);
  return groups.map((group, index) => {
    const startSeconds = index * windowSeconds;
    const endSeconds = index === count - 1 ? Math.max(seconds, startSeconds + 1e-3) : startSeconds + windowSeconds;
    return mergePoints(group, startSeconds, endSeconds);
  });
}

function mergePoints(points: readonly IntervalPoint[], startSeconds: number, endSeconds: number): OmbWindow {
  const counters = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;
  for (const point of points) for (const name of counterNames) counters[name] += point.counters[name];
  const latencies: Partial<Record<LatencyKind, string>> = {};
  for (const kind of latencyKinds) {
    const parts = points.flatMap((point) => point.latencies[kind] ?? []);
    if (parts.length > 0) latencies[kind] = LatencyHistogram.merge(parts).encode();
  }
  return { startSeconds, endSeconds, counters, latencies, backlogRecords: points.at(-1)?.backlogRecords ?? 0 };
}
