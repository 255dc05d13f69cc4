// ReportChart: what the page draws. The page knows nothing of runs; all meaning is given here. Owner: pure, types only.

export interface ChartSeries {
  readonly label: string;
  readonly unit: string;
  readonly stroke: 'bold' | 'solid' | 'dashed' | 'dotted';
  /** Index into the page's palette. */
  readonly colour: number;
  readonly values: readonly (number | null)[];
}

/** A stretch of the x axis that means something else: warm-up, too few samples. */
export interface ChartShade {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** Counts by time and latency, under the lines. */
export interface ChartHeat {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Bin b spans lowest × 10^(b / perDecade) … lowest × 10^((b + 1) / perDecade). */
  readonly lowest: number;
  readonly perDecade: number;
  /** For each column [bin, count, bin, count, …]; null where something was due and nothing was completed. */
  readonly columns: readonly (readonly number[] | null)[];
}

export interface ReportChart {
  readonly id: string;
  readonly title: string;
  /** One or two sentences: what is counted, how to read it. */
  readonly note: string;
  /** 'percentile': x is 1 / (1 - percentile), logarithmic; 'seconds': time, one axis for all charts of the run. */
  readonly axis: 'percentile' | 'seconds';
  readonly xLabel: string;
  readonly yLabel: string;
  readonly yLog: boolean;
  /** null: of the values, from 0 where not logarithmic. */
  readonly yRange: readonly [number, number] | null;
  readonly xRange: readonly [number, number];
  readonly x: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly shades: readonly ChartShade[];
  readonly heat: ChartHeat | null;
  /** Charts of one group share a cursor. */
  readonly group: string;
}
