// The result file as OMB writes it: its field order, its mixed units, its quantile maps, Jackson's spelling of numbers.
// Owner: pure. Not hot.
//
// Every field keeps OMB's meaning, so that figures stay comparable with published ones: publish latency here is the
// *uncorrected* one (sent → acked), publish delay stands apart. The honest figures are in our own result.

import type { LatencyKind } from '../contracts/interval-record.ts';
import type { RunResult } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';
import { type OmbWindow, windowsOf } from './omb-windows.ts';

const NS_PER_MS = 1e6;
const NS_PER_US = 1e3;
const TICKS_PER_HALF_DISTANCE = 100;
const percentiles: readonly (readonly [suffix: string, percentile: number])[] = [
  ['50pct', 50],
  ['75pct', 75],
  ['95pct', 95],
  ['99pct', 99],
  ['999pct', 99.9],
  ['9999pct', 99.99],
];

/** A number Java calls a double is written with its point, a long without. */
type Scalar = { readonly double: number } | { readonly long: number } | string;
type Value = Scalar | readonly Scalar[] | ReadonlyMap<string, Scalar>;

export function ombResultFileName({ workload, driver, startedAt }: RunResult): string {
  const at = new Date(startedAt);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${workload.stem}-${driver.name}-${day}-${two(at.getHours())}-${two(at.getMinutes())}-${two(at.getSeconds())}.json`;
}

export function writeOmbResult(result: RunResult): string {
  const fields = new Map<string, Value>();
  const { workload, measuredPhase } = result;
  fields.set('workload', workload.name);
  fields.set('driver', result.driver.name);
  const shape = { messageSize: workload.messageSize, topics: workload.topics, partitions: workload.partitionsPerTopic };
  const clients = { producersPerTopic: workload.producersPerTopic, consumersPerTopic: workload.consumerPerSubscription };
  for (const [name, value] of Object.entries({ ...shape, ...clients })) fields.set(name, { long: value });
  // To OMB a backlog is built and drained within what it measures.
  const phases =
    measuredPhase === null ? [] : result.phases.filter(({ phase }, i) => i === measuredPhase || phase.label.startsWith('backlog'));
  const points = result.intervals.filter(({ phaseId }) => phases.some(({ phase }) => phase.id === phaseId));
  const seconds = phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const fromSeconds = phases.length === 0 ? 0 : (phases[0]!.phase.startNs - phases.at(-1)!.phase.startNs) / 1e9;
  const windows = windowsOf(points, workload.sampleRateMillis / 1000, seconds, fromSeconds);
  const total = (kind: LatencyKind): LatencyHistogram => LatencyHistogram.merge(phases.flatMap(({ latencies }) => latencies[kind] ?? []));
  const rate = (of: (window: OmbWindow) => number): Scalar[] =>
    windows.map((window) => ({ double: of(window) / (window.endSeconds - window.startSeconds) }));
  fields.set(
    'publishRate',
    rate(({ counters }) => counters.acked),
  );
  fields.set(
    'publishErrorRate',
    rate(({ counters }) => counters.errors),
  );
  fields.set(
    'consumeRate',
    rate(({ counters }) => counters.received + counters.foreign),
  );
  fields.set(
    'backlog',
    windows.map(({ backlogRecords }) => ({ long: backlogRecords })),
  );
  const publish = total('publishUncorrected');
  const delay = total('publishDelay');
  const endToEnd = total('endToEndUncorrected');
  addSeries(fields, 'publishLatency', windows, 'publishUncorrected', millis);
  addSeries(fields, 'publishDelayLatency', windows, 'publishDelay', micros);
  addScalars(fields, 'aggregatedPublishLatency', publish, millis);
  addScalars(fields, 'aggregatedPublishDelayLatency', delay, micros);
  fields.set('aggregatedPublishLatencyQuantiles', quantiles(publish, millis));
  fields.set('aggregatedPublishDelayLatencyQuantiles', quantiles(delay, micros));
  addSeries(fields, 'endToEndLatency', windows, 'endToEndUncorrected', millis);
  fields.set('aggregatedEndToEndLatencyQuantiles', quantiles(endToEnd, millis));
  addScalars(fields, 'aggregatedEndToEndLatency', endToEnd, millis);
  return `{\n${[...fields].map(([name, value]) => `  ${JSON.stringify(name)} : ${spell(value)}`).join(',\n')}\n}`;
}

/** How a latency of nanoseconds is written: its average is a double in either unit. */
interface Unit {
  readonly of: (ns: number) => Scalar;
  readonly averageOf: (ns: number) => Scalar;
}

const millis: Unit = { of: (ns) => ({ double: usOf(ns) / 1000 }), averageOf: (ns) => ({ double: ns / NS_PER_MS }) };
const micros: Unit = { of: (ns) => ({ long: usOf(ns) }), averageOf: (ns) => ({ double: ns / NS_PER_US }) };

/** OMB records whole microseconds. */
function usOf(ns: number): number {
  return Math.round(ns / NS_PER_US);
}

function addSeries(fields: Map<string, Value>, prefix: string, windows: readonly OmbWindow[], kind: LatencyKind, unit: Unit): void {
  const histograms = windows.map(({ latencies }) => LatencyHistogram.merge([latencies[kind] ?? []].flat()));
  fields.set(
    `${prefix}Avg`,
    histograms.map((histogram) => unit.averageOf(histogram.meanNs)),
  );
  for (const [suffix, percentile] of percentiles)
    fields.set(
      `${prefix}${suffix}`,
      histograms.map((histogram) => unit.of(histogram.percentileNs(percentile))),
    );
  fields.set(
    `${prefix}Max`,
    histograms.map((histogram) => unit.of(histogram.maxNs)),
  );
}

function addScalars(fields: Map<string, Value>, prefix: string, histogram: LatencyHistogram, unit: Unit): void {
  fields.set(`${prefix}Avg`, unit.averageOf(histogram.meanNs));
  for (const [suffix, percentile] of percentiles) fields.set(`${prefix}${suffix}`, unit.of(histogram.percentileNs(percentile)));
  fields.set(`${prefix}Max`, unit.of(histogram.maxNs));
}

/** Levels spaced so that the distance to 100 % halves every 100 ticks, up to the last sample, which is 100.0. */
function quantiles(histogram: LatencyHistogram, unit: Unit): ReadonlyMap<string, Scalar> {
  const found = new Map<string, Scalar>();
  const buckets = histogram.buckets();
  let seen = 0;
  let level = 0;
  for (const [value, count] of buckets) {
    seen += count;
    while (level <= (100 * seen) / histogram.count && seen < histogram.count) {
      found.set(javaDouble(level), unit.of(value));
      level += 100 / (TICKS_PER_HALF_DISTANCE * 2 ** (Math.floor(Math.log2(100 / (100 - level))) + 1));
    }
  }
  if (buckets.length > 0) found.set('100.0', unit.of(histogram.maxNs));
  return found;
}

function spell(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Map) {
    if (value.size === 0) return '{ }';
    return `{\n${[...(value as ReadonlyMap<string, Scalar>)].map(([key, scalar]) => `    ${JSON.stringify(key)} : ${spell(scalar)}`).join(',\n')}\n  }`;
  }
  if (Array.isArray(value)) return value.length === 0 ? '[ ]' : `[ ${(value as readonly Scalar[]).map(spell).join(', ')} ]`;
  const scalar = value as { double: number } | { long: number };
  return 'long' in scalar ? String(Math.round(scalar.long)) : javaDouble(scalar.double);
}

/** As Double.toString: a point always, the exponent from 10^7 up and below 10^-3. */
export function javaDouble(value: number): string {
  if (value === 0) return '0.0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}
