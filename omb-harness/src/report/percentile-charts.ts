// Latency by percentile on the HDR axis, of one run or of several over each other. Owner: pure. Not hot.

import type { LatencyKind } from '../contracts/interval-record.ts';
import type { PhaseTotals, RunResult } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';
import type { ChartSeries, ReportChart } from './report-chart.ts';

const POINTS_PER_DECADE = 24;
/** A percentile with fewer samples beyond it than this is a matter of luck. */
export const ENOUGH_SAMPLES_BEYOND = 10;
/** What the histograms resolve; a logarithmic axis has no zero. */
const FLOOR_MS = 0.001;

interface Curve {
  readonly kind: LatencyKind;
  readonly label: string;
  readonly stroke: ChartSeries['stroke'];
  /** Several runs in one chart show only what is compared. */
  readonly alone: boolean;
}

const publish: readonly Curve[] = [
  { kind: 'publishResponse', label: 'from intended time', stroke: 'bold', alone: false },
  { kind: 'publishUncorrected', label: 'uncorrected, from sending', stroke: 'dashed', alone: false },
  { kind: 'publishService', label: 'service, on the wire', stroke: 'dotted', alone: true },
  { kind: 'publishDelay', label: 'wait before sending', stroke: 'solid', alone: true },
];

const endToEnd: readonly Curve[] = [
  { kind: 'endToEnd', label: 'from intended time', stroke: 'bold', alone: false },
  { kind: 'endToEndUncorrected', label: 'uncorrected, from sending', stroke: 'dashed', alone: false },
];

/** Of one run, or of several runs of one thing put together. */
export interface NamedLatencies {
  readonly name: string;
  readonly latencies: PhaseTotals['latencies'];
}

export function measuredLatencies({ measuredPhase, phases }: RunResult): PhaseTotals['latencies'] {
  return measuredPhase === null ? {} : (phases[measuredPhase]?.latencies ?? {});
}

export function percentileCharts(runs: readonly NamedLatencies[]): ReportChart[] {
  const made = [
    percentileChart('publish', 'Publish latency by percentile', 'due until acknowledged', publish, runs),
    percentileChart('end-to-end', 'End-to-end latency by percentile', 'due until a consumer has it', endToEnd, runs),
  ];
  return made.filter((chart) => chart !== null);
}

function percentileChart(
  id: string,
  title: string,
  span: string,
  curves: readonly Curve[],
  runs: readonly NamedLatencies[],
): ReportChart | null {
  const found = runs.flatMap(({ name, latencies }, run) =>
    curves
      .filter(({ alone }) => !alone || runs.length === 1)
      .flatMap((curve, at) => {
        const text = latencies[curve.kind];
        if (text === undefined) return [];
        const label = runs.length === 1 ? curve.label : `${name}: ${curve.label}`;
        return [{ label, stroke: curve.stroke, colour: runs.length === 1 ? at : run, histogram: LatencyHistogram.decode(text) }];
      }),
  );
  const most = Math.max(0, ...found.map(({ histogram }) => histogram.count));
  if (most === 0) return null;
  const steps = Math.ceil(Math.log10(most) * POINTS_PER_DECADE);
  const x = Array.from({ length: steps + 1 }, (_, at) => 10 ** (at / POINTS_PER_DECADE));
  const last = 10 ** Math.max(1, Math.ceil(Math.log10(most)));
  return {
    id: `percentiles-${id}`,
    title,
    note: `All records due in the measured time, ${span}. The space between the bold and the dashed line is what is left out when time is taken only from sending (coordinated omission). Grey: fewer than ${ENOUGH_SAMPLES_BEYOND} samples beyond.`,
    axis: 'percentile',
    xLabel: 'percentile',
    yLabel: 'latency, ms',
    yLog: true,
    yRange: null,
    xRange: [1, last],
    x,
    series: found.map(({ label, stroke, colour, histogram }) => ({
      label,
      unit: 'ms',
      stroke,
      colour,
      values: x.map((beyond) =>
        beyond > histogram.count ? null : Math.max(FLOOR_MS, histogram.percentileNs(100 * (1 - 1 / beyond)) / 1e6),
      ),
    })),
    shades: [{ from: Math.max(1, most / ENOUGH_SAMPLES_BEYOND), to: last, label: 'too few samples' }],
    heat: null,
    group: 'percentiles',
  };
}
