// One chart of a report as an SVG file by itself, light or dark as its reader's page is: for a README. Owner: pure. Not hot.

import { html, type Html, verbatim } from './html.ts';
import type { ChartSeries, ReportChart } from './report-chart.ts';

const WIDTH = 860;
const HEIGHT = 440;
const LEFT = 78;
const RIGHT = 36;
const TOP = 108;
const BOTTOM = 52;
const LEGEND_CHARS = 46;

const style = `
text { font: 12px system-ui, sans-serif; fill: #1c2024; }
.title { font-weight: 600; font-size: 15px; } .terms { font-size: 11px; }
.back { fill: #fff; } .grid { stroke: #e3e5e8; } .shade { fill: #8884; } .heat { fill: #2166ac; }
polyline { fill: none; } .bold { stroke-width: 2.6; } .solid, .dashed, .dotted { stroke-width: 1.4; }
.dashed { stroke-dasharray: 7 4; } .dotted { stroke-dasharray: 2 3; }
.c0 { stroke: #0b57b0; } .c1 { stroke: #c2500a; } .c2 { stroke: #00735a; } .c3 { stroke: #a2357f; }
.c4 { stroke: #7a6400; } .c5 { stroke: #b3261e; } .c6 { stroke: #3b3b98; } .c7 { stroke: #6b7178; }
@media (prefers-color-scheme: dark) {
  text { fill: #e7eaed; } .back { fill: #1c2024; } .grid { stroke: #2e343a; } .shade { fill: #8883; } .heat { fill: #6db3f2; }
  .c0 { stroke: #6db3f2; } .c1 { stroke: #ffa65c; } .c2 { stroke: #4fd0a8; } .c3 { stroke: #f29ad0; }
  .c4 { stroke: #e6d15c; } .c5 { stroke: #ff7d73; } .c6 { stroke: #b3b0ff; } .c7 { stroke: #a4acb4; }
}`;

interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** @param caption what was measured, and @param terms with what promise and on what, two lines: below the title */
export function chartSvg(chart: ReportChart, caption: string, terms: readonly string[]): string {
  const x = axisOf(chart.xRange, chart.axis === 'percentile', LEFT, WIDTH - RIGHT);
  const y = axisOf(yRangeOf(chart), chart.yLog, HEIGHT - BOTTOM, TOP);
  const beyond = (tick: number): string => `${Number((100 * (1 - 1 / tick)).toFixed(6))}%`;
  const bottom = HEIGHT - BOTTOM;
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">
    <title>${chart.title}. ${[caption, ...terms].join('. ')}</title>
    ${verbatim('style', style)}
    <rect class="back" width="${WIDTH}" height="${HEIGHT}" />
    <text class="title" x="${LEFT}" y="22">${chart.title}</text>
    <text x="${LEFT}" y="40">${caption}</text>
    ${terms.map((line, at) => html`<text class="terms" x="${LEFT}" y="${56 + 15 * at}">${line}</text>`)} ${legend(chart.series)}
    ${shadesOf(chart, x, bottom)} ${heatOf(chart, x, y)}
    ${x.ticks.map(
      (tick) =>
        html`<line class="grid" x1="${px(x.at(tick))}" x2="${px(x.at(tick))}" y1="${TOP}" y2="${bottom}" />
          <text x="${px(x.at(tick))}" y="${bottom + 18}" text-anchor="middle"
            >${chart.axis === 'percentile' ? beyond(tick) : short(tick)}</text
          >`,
    )}
    ${y.ticks.map(
      (tick) =>
        html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y.at(tick))}" y2="${px(y.at(tick))}" />
          <text x="${LEFT - 8}" y="${px(y.at(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
    )}
    <text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${chart.xLabel}</text>
    <text x="18" y="${(TOP + bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 ${(TOP + bottom) / 2})">${chart.yLabel}</text>
    ${chart.series.flatMap((series) => linesOf(chart, series, x, y))}
  </svg> `;
  return svg.text;
}

const px = (value: number): string => value.toFixed(1);
const short = (value: number): string => (Math.abs(value) >= 1000 ? value.toLocaleString('en') : String(Number(value.toPrecision(4))));

function yRangeOf(chart: ReportChart): readonly [number, number] {
  if (chart.yRange !== null) return chart.yRange;
  const values = chart.series.flatMap((series) => series.values.filter((value) => value !== null));
  const high = Math.max(...values, chart.yLog ? 0.001 : 0) * (chart.yLog ? 1.3 : 1.05) || 1;
  const least = chart.yLog ? Math.min(...values.filter((value) => value > 0), high / 2) / 1.3 : Math.min(0, ...values);
  return [least, high];
}

function axisOf([low, high]: readonly [number, number], log: boolean, from: number, to: number): Axis {
  if (log) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      if (10 ** power >= low * 0.999) ticks.push(10 ** power);
    return { at: (value) => from + ((to - from) * Math.log(Math.max(value, low) / low)) / Math.log(high / low), ticks };
  }
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough)!;
  const ticks = Array.from({ length: Math.floor((high - low) / step) + 2 }, (_, at) => (Math.ceil(low / step) + at) * step);
  return { at: (value) => from + ((to - from) * (value - low)) / (high - low), ticks: ticks.filter((tick) => tick <= high) };
}

function legend(series: readonly ChartSeries[]): Html[] {
  let left = LEFT;
  return series.map(({ label, stroke, colour }) => {
    const at = left;
    const text = label.length > LEGEND_CHARS ? `${label.slice(0, LEGEND_CHARS - 1)}…` : label;
    left += 44 + 6.6 * text.length;
    return html`<polyline class="${stroke} c${colour % 8}" points="${at},88 ${at + 24},88" /><text x="${px(at + 30)}" y="92"
        >${text}</text
      >`;
  });
}

function shadesOf({ shades, xRange }: ReportChart, x: Axis, bottom: number): Html[] {
  return shades.flatMap(({ from, to, label }) => {
    const [left, right] = [x.at(Math.max(from, xRange[0])), x.at(Math.min(to, xRange[1]))];
    if (!(right > left)) return [];
    return [
      html`<rect class="shade" x="${px(left)}" y="${TOP}" width="${px(right - left)}" height="${bottom - TOP}"
        ><title>${label}</title></rect
      >`,
    ];
  });
}

function heatOf({ heat }: ReportChart, x: Axis, y: Axis): Html[] {
  if (heat === null) return [];
  let most = 1;
  for (const column of heat.columns) for (let at = 1; at < (column?.length ?? 0); at += 2) most = Math.max(most, column![at]!);
  const edge = (bin: number): number => y.at(heat.lowest * 10 ** (bin / heat.perDecade));
  return heat.columns.flatMap((column, index) => {
    const left = x.at(heat.starts[index]!);
    const width = Math.max(1, x.at(heat.ends[index]!) - left);
    const cells: Html[] = [];
    for (let at = 0; at < (column?.length ?? 0); at += 2) {
      const top = edge(column![at]! + 1);
      const strength = 0.18 + 0.82 * (Math.log1p(column![at + 1]!) / Math.log1p(most));
      const height = Math.max(1, edge(column![at]!) - top);
      cells.push(
        html`<rect
          class="heat"
          x="${px(left)}"
          y="${px(top)}"
          width="${px(width)}"
          height="${px(height)}"
          fill-opacity="${strength.toFixed(2)}"
        />`,
      );
    }
    return cells;
  });
}

/** A gap in the values is a gap in the line. */
function linesOf({ x: places }: ReportChart, { values, stroke, colour }: ChartSeries, x: Axis, y: Axis): Html[] {
  const parts: string[][] = [[]];
  for (const [at, value] of values.entries())
    if (value === null) parts.push([]);
    else parts.at(-1)!.push(`${px(x.at(places[at]!))},${px(y.at(value))}`);
  return parts.flatMap((points) =>
    points.length === 0 ? [] : [html`<polyline class="${stroke} c${colour % 8}" points="${points.join(' ')}" />`],
  );
}
