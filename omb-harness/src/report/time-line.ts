// TimeLine: a run's intervals made fit for drawing: one point for each stretch of time, few enough for a page. Owner: pure.
// Not hot.
//
// An interval around a phase's edge is two points in a result, one for each phase. Neighbours are put together when there
// are more than a page can show: counts add up, histograms merge, so that no stall is lost.

import { type CounterName, counterNames, type LatencyKind } from '../contracts/interval-record.ts';
import type { IntervalPoint } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

export interface TimePoint {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly backlogRecords: number;
  readonly generatorCoreShare: number;
  readonly brokerCoreShare: number | null;
  readonly brokerResidentBytes: number | null;
  readonly deviceWrittenBytes: number | null;
  readonly deviceFlushes: number | null;
  readonly pageCacheBytes: number | null;
  readonly dirtyBytes: number | null;
  readonly logCachedBytes: number | null;
  readonly logDirtyBytes: number | null;
  /** null where there is no sample. */
  readonly latency: (kind: LatencyKind) => LatencyHistogram | null;
}

export function timeLine(intervals: readonly IntervalPoint[], mostPoints: number): TimePoint[] {
  const stretches = new Map<number, IntervalPoint[]>();
  const sorted = [...intervals].sort((a, b) => a.startSeconds - b.startSeconds || a.phaseId - b.phaseId);
  for (const point of sorted) {
    const same = stretches.get(point.startSeconds);
    if (same === undefined) stretches.set(point.startSeconds, [point]);
    else same.push(point);
  }
  const all = [...stretches.values()];
  const together = Math.max(1, Math.ceil(all.length / mostPoints));
  const points: TimePoint[] = [];
  for (let at = 0; at < all.length; at += together) points.push(merged(all.slice(at, at + together).flat()));
  return points;
}

function merged(points: readonly IntervalPoint[]): TimePoint {
  const counters = Object.fromEntries(counterNames.map((name) => [name, points.reduce((sum, point) => sum + point.counters[name], 0)]));
  const cache = new Map<LatencyKind, LatencyHistogram | null>();
  const latency = (kind: LatencyKind): LatencyHistogram | null => {
    const texts = points.flatMap((point) => point.latencies[kind] ?? []);
    if (!cache.has(kind)) cache.set(kind, texts.length === 0 ? null : LatencyHistogram.merge(texts));
    return cache.get(kind)!;
  };
  const known = points.flatMap(({ brokerCoreShare }) => brokerCoreShare ?? []);
  const most = (of: (point: IntervalPoint) => number | null): number | null => {
    const values = points.flatMap((point) => of(point) ?? []);
    return values.length === 0 ? null : Math.max(...values);
  };
  const sum = (of: (point: IntervalPoint) => number | null): number | null => {
    const values = points.flatMap((point) => of(point) ?? []);
    return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
  };
  return {
    startSeconds: points[0]!.startSeconds,
    endSeconds: points.at(-1)!.endSeconds,
    counters: counters as Record<CounterName, number>,
    backlogRecords: Math.max(...points.map(({ backlogRecords }) => backlogRecords)),
    generatorCoreShare: Math.max(...points.map(({ generatorCoreShare }) => generatorCoreShare)),
    brokerCoreShare: known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0) / known.length,
    brokerResidentBytes: most(({ brokerResidentBytes }) => brokerResidentBytes),
    deviceWrittenBytes: sum(({ deviceWrittenBytes }) => deviceWrittenBytes),
    deviceFlushes: sum(({ deviceFlushes }) => deviceFlushes),
    pageCacheBytes: most(({ pageCacheBytes }) => pageCacheBytes),
    dirtyBytes: most(({ dirtyBytes }) => dirtyBytes),
    logCachedBytes: most(({ logCachedBytes }) => logCachedBytes),
    logDirtyBytes: most(({ logDirtyBytes }) => logDirtyBytes),
    latency,
  };
}
