// A named group of numbers with labels, before it is text. Owner: pure. Not hot.

import type { HistogramReading } from '../../../engine/base/shard-reading.ts';
import { histogramBound } from '../../../engine/base/counter-layout.ts';

export type Labels = Readonly<Record<string, string | number>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Where it differs from the family's name: parts of a histogram. */
  readonly metricName?: string;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Sample[];
}

/** One sample of each row; a null value is none. */
export function family<Row>(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  rows: readonly Row[],
  sample: (row: Row) => readonly [Labels, number | null],
): MetricFamily {
  const values: Sample[] = [];
  for (const row of rows) {
    const [labels, value] = sample(row);
    if (value !== null) values.push({ labels, value });
  }
  return { name, help, type, values };
}

/** Which bounds of a histogram are told: every octave from 2^from to 2^to, divided by `divisor`. */
export interface Bounds {
  readonly from: number;
  readonly to: number;
  readonly divisor: number;
}

export function histogramFamily(
  name: string,
  help: string,
  { from, to, divisor }: Bounds,
  rows: readonly { readonly labels: Labels; readonly reading: HistogramReading }[],
): MetricFamily {
  const values: Sample[] = [];
  for (const { labels, reading } of rows) {
    let below = 0;
    let bucket = 0;
    for (let octave = from; octave <= to; octave++) {
      while (bucket < reading.buckets.length && histogramBound(bucket) <= 2 ** octave) below += reading.buckets[bucket++]!;
      values.push({ labels: { ...labels, le: String(2 ** octave / divisor) }, value: below, metricName: `${name}_bucket` });
    }
    values.push({ labels: { ...labels, le: '+Inf' }, value: reading.count, metricName: `${name}_bucket` });
    values.push({ labels, value: reading.sum / divisor, metricName: `${name}_sum` });
    values.push({ labels, value: reading.count, metricName: `${name}_count` });
  }
  return { name, help, type: 'histogram', values };
}
