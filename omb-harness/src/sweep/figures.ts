// The figures by which runs are compared: how each is got from a result, its unit, and which way is better. Owner: pure. Not hot.

import type { LatencyKind } from '../contracts/interval-record.ts';
import type { PhaseTotals, RunResult } from '../contracts/run-result.ts';
import { type FigureName, figureNames, type Figures } from '../contracts/trial.ts';
import { consumedBytes } from '../report/consumed-rate.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

export interface Figure {
  readonly label: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

const latency = (label: string): Figure => ({ label, unit: 'ms', better: 'lower' });

export const figures: Readonly<Record<FigureName, Figure>> = {
  acknowledgedPerSecond: { label: 'acknowledged', unit: 'records/s', better: 'higher' },
  megabytesPerSecond: { label: 'acknowledged', unit: 'MB/s', better: 'higher' },
  foundRatePerSecond: { label: 'highest rate that holds', unit: 'records/s', better: 'higher' },
  publishP50Ms: latency('publish p50'),
  publishP99Ms: latency('publish p99'),
  publishP999Ms: latency('publish p99.9'),
  publishP9999Ms: latency('publish p99.99'),
  endToEndP50Ms: latency('end-to-end p50'),
  endToEndP99Ms: latency('end-to-end p99'),
  endToEndP999Ms: latency('end-to-end p99.9'),
  endToEndP9999Ms: latency('end-to-end p99.99'),
  brokerCpuUsPerRecord: { label: 'broker CPU a record', unit: 'µs', better: 'lower' },
  brokerCpuSecondsPerGB: { label: 'broker CPU a GB in and out', unit: 's', better: 'lower' },
  brokerPeakMemoryMB: { label: 'broker memory, peak', unit: 'MB', better: 'lower' },
  deviceBytesPerByteSent: { label: 'disk writes a byte sent', unit: '', better: 'lower' },
  deviceFlushesPerSecond: { label: 'disk flushes', unit: '/s', better: 'lower' },
};

/** A percentile with fewer samples beyond it is a matter of luck: no figure. */
const SAMPLES_BEYOND_MIN = 10;

export function figuresOf(result: RunResult): Figures {
  const total = result.measuredPhase === null ? undefined : result.phases[result.measuredPhase];
  if (total === undefined) return {};
  const { counters, seconds, brokerCpuSeconds, deviceWrittenBytes, deviceFlushes } = total;
  const gigabytes = (counters.sentBytes + consumedBytes(counters)) / 1e9;
  const resident = result.intervals.flatMap(({ brokerResidentBytes }) => brokerResidentBytes ?? []);
  const all: Record<FigureName, number | null> = {
    acknowledgedPerSecond: counters.acked / seconds,
    megabytesPerSecond: (counters.acked * result.workload.messageSize) / seconds / 1e6,
    foundRatePerSecond: result.rateFinding?.ratePerSecond ?? null,
    ...percentiles('publish', total, 'publishResponse'),
    ...percentiles('endToEnd', total, 'endToEnd'),
    brokerCpuUsPerRecord: brokerCpuSeconds === null || counters.acked === 0 ? null : (1e6 * brokerCpuSeconds) / counters.acked,
    brokerCpuSecondsPerGB: brokerCpuSeconds === null || gigabytes === 0 ? null : brokerCpuSeconds / gigabytes,
    brokerPeakMemoryMB: resident.length === 0 ? null : Math.max(...resident) / 1e6,
    deviceBytesPerByteSent: deviceWrittenBytes === null || counters.sentBytes === 0 ? null : deviceWrittenBytes / counters.sentBytes,
    deviceFlushesPerSecond: deviceFlushes === null ? null : deviceFlushes / seconds,
  };
  return Object.fromEntries(figureNames.flatMap((name) => (Number.isFinite(all[name] ?? NaN) ? [[name, all[name]]] : [])));
}

type Span = 'publish' | 'endToEnd';
type SpanFigures<T extends Span> = Record<`${T}P${'50' | '99' | '999' | '9999'}Ms`, number | null>;

function percentiles<T extends Span>(span: T, total: PhaseTotals, kind: LatencyKind): SpanFigures<T> {
  const text = total.latencies[kind];
  const histogram = text === undefined ? null : LatencyHistogram.decode(text);
  const at = (percentile: number): number | null => {
    if (histogram === null || Math.round(histogram.count * (100 - percentile)) < 100 * SAMPLES_BEYOND_MIN) return null;
    return histogram.percentileNs(percentile) / 1e6;
  };
  const named = { [`${span}P50Ms`]: at(50), [`${span}P99Ms`]: at(99), [`${span}P999Ms`]: at(99.9), [`${span}P9999Ms`]: at(99.99) };
  return named as SpanFigures<T>;
}

/** Three digits that mean something. */
export function shownFigure(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : size >= 1 ? value.toFixed(2) : value.toFixed(3);
}
