// Drawings of a sweep: throughput against the tail, and a map of two dials for each level of a third. Owner: pure. Not hot.
//
// Drawn as SVG by us: a page's policy allows no styles in elements, and these need no cursor.

import { html, type Html } from '../report/html.ts';
import { figures, shownFigure } from './figures.ts';
import type { ExperimentRecord } from './experiment-record.ts';
import { markOf, type SweepAnalysis } from './sweep-analysis.ts';
import type { FigureName } from '../contracts/trial.ts';
import type { CellSummary } from './summary.ts';

const WIDTH = 720;
const HEIGHT = 380;
const LEFT = 70;
const BOTTOM = 46;
const TOP = 14;
const RIGHT = 20;
const CELL_WIDTH = 92;
const CELL_HEIGHT = 34;
const MAPS_MAX = 9;

/** Powers of ten and their halves between two values. */
function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of [1, 2, 5]) {
      const tick = step * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  return ticks;
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function logScale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.min(...values) / 1.25;
  const high = Math.max(...values) * 1.25;
  const at = (value: number): number => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  return { at, ticks: logTicks(low, high) };
}

/** null: fewer than two cells count. */
export function paretoChart(analysis: SweepAnalysis): Html | null {
  const points = analysis.summaries.filter(
    ({ unsound, estimates }) => !unsound && estimates.megabytesPerSecond !== undefined && estimates.publishP99Ms !== undefined,
  );
  if (points.length < 2) return null;
  const x = logScale(
    points.map(({ estimates }) => estimates.megabytesPerSecond!.median),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = logScale(
    points.flatMap(({ estimates }) => [estimates.publishP99Ms!.low, estimates.publishP99Ms!.high]),
    HEIGHT - BOTTOM,
    TOP,
  );
  const px = (value: number): string => value.toFixed(1);
  const dots = points.map(({ cell, estimates, saturated }) => {
    const left = px(x.at(estimates.megabytesPerSecond!.median));
    const { median, low, high } = estimates.publishP99Ms!;
    const front = analysis.dominated.get(cell) === null;
    const cpu = estimates.brokerCpuUsPerRecord;
    const about = `${cell}: ${shownFigure(estimates.megabytesPerSecond!.median)} MB/s, p99 ${shownFigure(median)} ms${cpu === undefined ? '' : `, ${shownFigure(cpu.median)} µs CPU a record`}; ${markOf(analysis, cell)}`;
    return html`<g class="${front ? 'front' : 'beaten'}${saturated > 0 ? ' saturated' : ''}">
      <line x1="${left}" x2="${left}" y1="${px(y.at(low))}" y2="${px(y.at(high))}" />
      <circle cx="${left}" cy="${px(y.at(median))}" r="${front ? 6 : 4}"><title>${about}</title></circle>
    </g>`;
  });
  return html`<figure id="pareto">
    <figcaption>
      <h3>Throughput against the tail</h3>
      <p class="note">
        Each dot is a setting: to the right more throughput, lower a shorter tail; its line is the interval of its p99. Filled and large:
        nothing beats it in throughput, p99 and CPU together. Hollow: it was saturated. The table below has every setting by name.
      </p>
    </figcaption>
    <div class="scroll" tabindex="0">
      <svg
        class="drawing"
        viewBox="0 0 ${WIDTH} ${HEIGHT}"
        width="${WIDTH}"
        height="${HEIGHT}"
        role="img"
        aria-label="p99 of the publish latency by throughput"
      >
        ${x.ticks.map(
          (tick) =>
            html`<line class="grid" x1="${px(x.at(tick))}" x2="${px(x.at(tick))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" />
              <text x="${px(x.at(tick))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${shownFigure(tick)}</text>`,
        )}
        ${y.ticks.map(
          (tick) =>
            html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y.at(tick))}" y2="${px(y.at(tick))}" />
              <text x="${LEFT - 8}" y="${px(y.at(tick) + 4)}" text-anchor="end">${shownFigure(tick)}</text>`,
        )}
        <text x="${(LEFT + WIDTH) / 2}" y="${HEIGHT - 6}" text-anchor="middle">acknowledged, MB/s</text>
        <text x="16" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 ${HEIGHT / 2})">publish p99, ms</text>
        ${dots}
      </svg>
    </div>
  </figure>`;
}

/** The two dials that move the figure most are the axes; a map for each level of the third. */
export function dialMaps({ dials, cells }: ExperimentRecord, analysis: SweepAnalysis, figure: FigureName): Html {
  const effects = analysis.effects[figure];
  const reach = (dial: string): number => {
    const factors = (effects?.main ?? []).filter((one) => one.dial === dial).map(({ factor }) => factor);
    return factors.length === 0 ? 1 : Math.max(...factors) / Math.min(...factors);
  };
  const turned = Object.keys(dials)
    .filter((name) => dials[name]!.length > 1)
    .sort((a, b) => reach(b) - reach(a));
  const [down, across, third] = turned;
  if (down === undefined || across === undefined) return html``;
  const byCell = new Map(analysis.summaries.map((summary) => [summary.cell, summary]));
  const found = (rest: Readonly<Record<string, string>>): CellSummary[] =>
    cells
      .filter(({ levels }) => Object.entries(rest).every(([name, level]) => levels[name] === level))
      .flatMap(({ id }) => byCell.get(id) ?? [])
      .filter(({ unsound, estimates }) => !unsound && estimates[figure] !== undefined);
  const all = found({}).map(({ estimates }) => estimates[figure]!.median);
  if (all.length < 2) return html``;
  const others = third === undefined ? [{}] : dials[third]!.slice(0, MAPS_MAX).map((level) => ({ [third]: level }));
  const range = [Math.min(...all), Math.max(...all)] as const;
  const maps = others.map((rest) => dialMap(down, dials[down]!, across, dials[across]!, rest, range, (levels) => found(levels), figure));
  const { label, unit } = figures[figure];
  return html`<figure>
    <figcaption>
      <h3>${label}, ${unit}, by ${down} and ${across}</h3>
      <p class="note">
        The stronger the colour, the higher the figure. Where other dials were turned too: the mean (geometric) over them. Hatched red edge:
        saturated. Empty: no run that counts.
      </p>
    </figcaption>
    <div class="scroll" tabindex="0">${maps}</div>
  </figure>`;
}

function dialMap(
  down: string,
  rows: readonly string[],
  across: string,
  columns: readonly string[],
  rest: Readonly<Record<string, string>>,
  [low, high]: readonly [number, number],
  found: (levels: Readonly<Record<string, string>>) => readonly CellSummary[],
  figure: FigureName,
): Html {
  const left = 110;
  const top = 40;
  const strength = (value: number): string => (high === low ? 0.3 : 0.06 + (0.5 * Math.log(value / low)) / Math.log(high / low)).toFixed(2);
  const title = Object.entries(rest).map(([name, level]) => `${name}=${level}: `);
  const boxes = rows.flatMap((row, y) =>
    columns.map((column, x) => {
      const own = found({ ...rest, [down]: row, [across]: column });
      const place = { x: left + x * CELL_WIDTH, y: top + y * CELL_HEIGHT };
      if (own.length === 0) return html``;
      const value = Math.exp(own.reduce((sum, { estimates }) => sum + Math.log(estimates[figure]!.median), 0) / own.length);
      const saturated = own.some((summary) => summary.saturated > 0);
      return html`<rect
          class="heat${saturated ? ' saturated' : ''}"
          x="${place.x}"
          y="${place.y}"
          width="${CELL_WIDTH - 2}"
          height="${CELL_HEIGHT - 2}"
          fill-opacity="${strength(value)}"
        />
        <text x="${place.x + CELL_WIDTH / 2}" y="${place.y + 21}" text-anchor="middle">${shownFigure(value)}</text>`;
    }),
  );
  const width = left + columns.length * CELL_WIDTH;
  const height = top + rows.length * CELL_HEIGHT;
  return html`<svg
    class="drawing"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="img"
    aria-label="${title.join('')}${figures[figure].label} by ${down} and ${across}"
  >
    <text x="0" y="14">${title.join('')}${down} by ${across}</text>
    ${columns.map((column, x) => html`<text x="${left + (x + 0.5) * CELL_WIDTH}" y="34" text-anchor="middle">${column}</text>`)}
    ${rows.map((row, y) => html`<text x="${left - 8}" y="${top + y * CELL_HEIGHT + 21}" text-anchor="end">${row}</text>`)} ${boxes}
  </svg>`;
}
