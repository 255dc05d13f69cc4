// What happened when: every chart of a run on one time axis, 0 where the measured time began. Owner: pure. Not hot.

import type { CounterName, LatencyKind } from '../contracts/interval-record.ts';
import type { RunResult } from '../contracts/run-result.ts';
import type { ChartHeat, ChartSeries, ChartShade, ReportChart } from './report-chart.ts';
import { timeLine, type TimePoint } from './time-line.ts';

const BINS_PER_DECADE = 12;
const LOWEST_MS = 0.001;

/** @param mostPoints intervals are put together above it */
export function timeCharts(result: RunResult, id: string, mostPoints: number): ReportChart[] {
  const points = timeLine(result.intervals, mostPoints);
  if (points.length === 0) return [];
  const base: Frame = {
    axis: 'seconds',
    xLabel: 'time, s (0: the measured time began)',
    xRange: [points[0]!.startSeconds, points.at(-1)!.endSeconds],
    x: points.map(({ startSeconds, endSeconds }) => rounded((startSeconds + endSeconds) / 2)),
    shades: shadesOf(result, points),
    group: id,
  };
  const charts = [
    heatChart(base, points, `${id}-publish-heat`, 'publishResponse', 'Publish latency over time', 'acknowledged'),
    heatChart(base, points, `${id}-end-to-end-heat`, 'endToEnd', 'End-to-end latency over time', 'received'),
    throughputChart(base, points, `${id}-throughput`),
    waitChart(base, points, `${id}-wait`),
    backlogChart(base, points, `${id}-backlog`),
    cpuChart(base, points, `${id}-cpu`),
    memoryChart(base, points, `${id}-memory`),
    diskChart(base, points, `${id}-disk`, result.diskCeiling?.writtenBytesPerSecond ?? null),
    flushChart(base, points, `${id}-flushes`, result.diskCeiling?.lonelyFlushesPerSecond ?? null),
  ];
  return charts.filter((chart) => chart !== null);
}

type Frame = Pick<ReportChart, 'axis' | 'xLabel' | 'xRange' | 'x' | 'shades' | 'group'>;

function shadesOf({ phases, measuredPhase }: RunResult, points: readonly TimePoint[]): ChartShade[] {
  const zeroNs = (phases[measuredPhase ?? 0] ?? phases[0])?.phase.startNs;
  if (zeroNs === undefined) return [];
  const last = points.at(-1)!.endSeconds;
  const shades = phases
    .filter((_, at) => at !== measuredPhase)
    .map(({ phase, seconds }) => {
      const from = (phase.startNs - zeroNs) / 1e9;
      return { from, to: from + seconds, label: phase.label };
    });
  const measured = measuredPhase === null ? undefined : phases[measuredPhase];
  const over = measured?.seconds ?? last;
  return over < last ? [...shades, { from: over, to: last, label: 'drain' }] : shades;
}

function heatChart(
  frame: Frame,
  points: readonly TimePoint[],
  id: string,
  kind: LatencyKind,
  title: string,
  done: 'acknowledged' | 'received',
): ReportChart | null {
  const counter = done === 'received' ? 'received' : 'acked';
  const binOf = (ns: number): number => Math.max(0, Math.floor(Math.log10(ns / 1e6 / LOWEST_MS) * BINS_PER_DECADE + 1e-9));
  let lowest = Infinity;
  let highest = -Infinity;
  const columns = points.map((point) => {
    const bins = new Map<number, number>();
    for (const [ns, count] of point.latency(kind)?.buckets() ?? []) bins.set(binOf(ns), (bins.get(binOf(ns)) ?? 0) + count);
    for (const bin of bins.keys()) {
      lowest = Math.min(lowest, bin);
      highest = Math.max(highest, bin);
    }
    if (bins.size === 0 && point.counters.due > 0 && point.counters[counter] === 0) return null;
    return [...bins].flat();
  });
  if (highest < lowest) return null;
  const edge = (bin: number): number => LOWEST_MS * 10 ** (bin / BINS_PER_DECADE);
  const at = (label: string, colour: number, stroke: ChartSeries['stroke'], figure: (point: TimePoint) => number | null): ChartSeries =>
    line(label, 'ms', colour, stroke, points.map(figure));
  const percentile = (share: number) => (point: TimePoint) => {
    const ns = point.latency(kind)?.percentileNs(share);
    return ns === undefined ? null : Math.max(LOWEST_MS, ns / 1e6);
  };
  const heat: ChartHeat = {
    starts: points.map(({ startSeconds }) => rounded(startSeconds)),
    ends: points.map(({ endSeconds }) => rounded(endSeconds)),
    lowest: LOWEST_MS,
    perDecade: BINS_PER_DECADE,
    columns,
  };
  return {
    ...frame,
    id,
    title,
    note: `Each cell counts the records ${done} in that time with that latency from their intended time: the fuller, the stronger its colour. A stall is a gap with a spire after it; a hatched column is time in which records were due and none was ${done}.`,
    yLabel: 'latency, ms',
    yLog: true,
    yRange: [edge(lowest), edge(highest + 1)],
    series: [
      at('p50', 2, 'solid', percentile(50)),
      at('p99', 1, 'dashed', percentile(99)),
      at('p99.9', 3, 'dotted', percentile(99.9)),
      at('max', 5, 'dotted', percentile(100)),
    ],
    heat,
  };
}

function throughputChart(frame: Frame, points: readonly TimePoint[], id: string): ReportChart {
  const rate = (label: string, name: CounterName, colour: number, stroke: ChartSeries['stroke']): ChartSeries =>
    line(
      label,
      'records/s',
      colour,
      stroke,
      points.map(({ counters, startSeconds, endSeconds }) => counters[name] / Math.max(1e-9, endSeconds - startSeconds)),
    );
  return {
    ...frame,
    id,
    title: 'Throughput',
    note: 'Records a second: due by the schedule, handed to the client, acknowledged, received by all subscriptions together, and failed.',
    yLabel: 'records/s',
    yLog: false,
    yRange: null,
    series: [
      rate('due', 'due', 7, 'dotted'),
      rate('sent', 'sent', 2, 'dashed'),
      rate('acknowledged', 'acked', 0, 'bold'),
      rate('received', 'received', 1, 'solid'),
      ...(points.some(({ counters }) => counters.foreign > 0) ? [rate('read, there before', 'foreign', 3, 'solid')] : []),
      rate('failed', 'errors', 5, 'solid'),
    ],
    heat: null,
  };
}

function waitChart(frame: Frame, points: readonly TimePoint[], id: string): ReportChart | null {
  const p99 = (label: string, kind: LatencyKind, colour: number, stroke: ChartSeries['stroke']): ChartSeries =>
    line(
      label,
      'ms',
      colour,
      stroke,
      points.map((point) => {
        const ns = point.latency(kind)?.percentileNs(99);
        return ns === undefined ? null : ns / 1e6;
      }),
    );
  const series = [
    p99('wait before sending, p99', 'publishDelay', 0, 'bold'),
    p99("the generator's own lag, p99", 'generatorLag', 1, 'dashed'),
  ].filter(({ values }) => values.some((value) => value !== null));
  if (series.length === 0) return null;
  return {
    ...frame,
    id,
    title: 'Waiting before the send',
    note: 'From intended time until the record was handed to the client. A rising line: the rate is not held. The generator’s own lag is not the system’s fault and makes a run INVALID when it matters.',
    yLabel: 'wait, ms',
    yLog: false,
    yRange: null,
    series,
    heat: null,
  };
}

function backlogChart(frame: Frame, points: readonly TimePoint[], id: string): ReportChart {
  let held = 0;
  let overflowed = 0;
  const waiting = points.map(({ counters }) => (held = Math.max(0, held + counters.due - counters.sent - counters.overflowed)));
  const refused = points.map(({ counters }) => (overflowed += counters.overflowed));
  return {
    ...frame,
    id,
    title: 'Backlog and back-pressure',
    note: 'Acknowledged and not yet received by a subscription that is owed it; due and held back by the client; due and never sent because the client’s bounded queue was full (sum so far).',
    yLabel: 'records',
    yLog: false,
    yRange: null,
    series: [
      line(
        'owed to consumers',
        'records',
        0,
        'bold',
        points.map(({ backlogRecords }) => backlogRecords),
      ),
      line('held back by the client', 'records', 1, 'dashed', waiting),
      line('not sent, so far', 'records', 5, 'solid', refused),
    ],
    heat: null,
  };
}

function cpuChart(frame: Frame, points: readonly TimePoint[], id: string): ReportChart {
  const percent = (share: number | null): number | null => (share === null ? null : 100 * share);
  const broker = points.map(({ brokerCoreShare }) => percent(brokerCoreShare));
  const known = broker.some((share) => share !== null);
  const generator = points.map(({ generatorCoreShare }) => percent(generatorCoreShare));
  return {
    ...frame,
    id,
    title: 'CPU',
    note: `${known ? 'All processes of the broker together, and the' : 'The broker’s processes are not known from here; the'} busiest thread of the load generator: above 85 % of its core a run is INVALID. 100 % is one core.`,
    yLabel: '% of one core',
    yLog: false,
    yRange: null,
    series: [...(known ? [line('broker', '%', 0, 'bold', broker)] : []), line('generator, busiest thread', '%', 1, 'dashed', generator)],
    heat: null,
  };
}

function memoryChart(frame: Frame, points: readonly TimePoint[], id: string): ReportChart | null {
  if (points.every(({ brokerResidentBytes }) => brokerResidentBytes === null)) return null;
  const known = points.some(({ logCachedBytes }) => logCachedBytes !== null);
  const megabytes = (label: string, colour: number, stroke: ChartSeries['stroke'], of: (point: TimePoint) => number | null): ChartSeries =>
    line(
      label,
      'MB',
      colour,
      stroke,
      points.map((point) => (of(point) === null ? null : of(point)! / 1e6)),
    );
  return {
    ...frame,
    id,
    title: 'Memory and page cache',
    note: `Resident memory of the broker’s processes; and the page cache ${known ? 'that holds its data folder’s files' : 'of the whole machine, as its data folder cannot be looked at'}, with the part of it that the disk does not have yet. Page cache that falls while log is written: reads of older records come from the disk.`,
    yLabel: 'MB',
    yLog: false,
    yRange: null,
    series: [
      megabytes('resident, broker', 0, 'bold', ({ brokerResidentBytes }) => brokerResidentBytes),
      ...(known
        ? [
            megabytes('log in the page cache', 2, 'dashed', ({ logCachedBytes }) => logCachedBytes),
            megabytes('of it not on the disk yet', 5, 'solid', ({ logDirtyBytes }) => logDirtyBytes),
          ]
        : [
            megabytes('page cache, whole machine', 2, 'dashed', ({ pageCacheBytes }) => pageCacheBytes),
            megabytes('dirty, whole machine', 5, 'solid', ({ dirtyBytes }) => dirtyBytes),
          ]),
    ],
    heat: null,
  };
}

/** One value all along: what the disk can do, as `bench disk` measured it. */
function ceilingLine(points: readonly TimePoint[], label: string, unit: string, value: number | null): ChartSeries[] {
  return value === null
    ? []
    : [
        line(
          label,
          unit,
          5,
          'dotted',
          points.map(() => value),
        ),
      ];
}

function perSecond(points: readonly TimePoint[], of: (point: TimePoint) => number | null, scale: number): (number | null)[] {
  return points.map((point) => {
    const value = of(point);
    return value === null ? null : value / scale / Math.max(1e-9, point.endSeconds - point.startSeconds);
  });
}

function diskChart(frame: Frame, points: readonly TimePoint[], id: string, ceiling: number | null): ReportChart | null {
  if (points.every(({ deviceWrittenBytes }) => deviceWrittenBytes === null)) return null;
  return {
    ...frame,
    id,
    title: 'Writes of the disk',
    note: 'What reached the disk below the broker’s data, whoever wrote it, beside what was sent. With a page cache between them the disk comes later and in bursts.',
    yLabel: 'MB/s',
    yLog: false,
    yRange: null,
    series: [
      line(
        'disk',
        'MB/s',
        0,
        'bold',
        perSecond(points, ({ deviceWrittenBytes }) => deviceWrittenBytes, 1e6),
      ),
      line(
        'sent',
        'MB/s',
        1,
        'dashed',
        perSecond(points, ({ counters }) => counters.sentBytes, 1e6),
      ),
      ...ceilingLine(points, 'the disk’s limit', 'MB/s', ceiling === null ? null : ceiling / 1e6),
    ],
    heat: null,
  };
}

function flushChart(frame: Frame, points: readonly TimePoint[], id: string, ceiling: number | null): ReportChart | null {
  if (points.every(({ deviceFlushes }) => deviceFlushes === null)) return null;
  return {
    ...frame,
    id,
    title: 'Flushes of the disk',
    note: 'Flushes of the cache of the disk below the broker’s data, whoever asked for them: the price of acks that survive power loss.',
    yLabel: 'flushes/s',
    yLog: false,
    yRange: null,
    series: [
      line(
        'flushes',
        '/s',
        0,
        'bold',
        perSecond(points, ({ deviceFlushes }) => deviceFlushes, 1),
      ),
      ...ceilingLine(points, 'one after the other at most', '/s', ceiling),
    ],
    heat: null,
  };
}

function line(label: string, unit: string, colour: number, stroke: ChartSeries['stroke'], values: readonly (number | null)[]): ChartSeries {
  return { label, unit, stroke, colour, values: values.map((value) => (value === null ? null : rounded(value))) };
}

/** Five digits are more than a chart shows and half the page's size. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
