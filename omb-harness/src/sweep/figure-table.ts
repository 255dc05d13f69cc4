// Tables of compared runs, once for the terminal and once for the page. Owner: pure. Not hot.

import { type FigureName, figureNames, type Trial } from '../contracts/trial.ts';
import { html, type Html } from '../report/html.ts';
import type { Estimate } from '../stats/bootstrap.ts';
import { figures, shownFigure } from './figures.ts';
import { type CellSummary, type Difference, differences, summarise } from './summary.ts';

export interface FigureTable {
  readonly caption: string;
  readonly head: readonly string[];
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly string[])[];
}

const titleOf = (name: FigureName): string => `${figures[name].label}${figures[name].unit === '' ? '' : `, ${figures[name].unit}`}`;

function shownEstimate(estimate: Estimate | undefined): string {
  if (estimate === undefined) return '-';
  const { median, low, high, runs } = estimate;
  return runs < 2 ? shownFigure(median) : `${shownFigure(median)} [${shownFigure(low)}..${shownFigure(high)}]`;
}

function standingOf({ runs, invalid, saturated }: CellSummary): string {
  const parts = [
    [runs - invalid - saturated, 'VALID'],
    [saturated, 'SATURATED'],
    [invalid, 'INVALID'],
  ] as const;
  return parts.flatMap(([count, standing]) => (count > 0 ? [`${count} ${standing}`] : [])).join(', ');
}

/** A row a figure, a column a cell; behind each but the first how it does against the first. */
export function comparisonTable(cells: readonly string[], trials: readonly Trial[]): FigureTable {
  const summaries = cells.map((cell) => summarise(cell, trials));
  const against = cells.slice(1).map((cell) => differences(cells[0]!, cell, trials));
  const shown = figureNames.filter((name) => summaries.some(({ estimates }) => estimates[name] !== undefined));
  const found = (name: FigureName, at: number): Difference | undefined => against[at]!.find(({ figure }) => figure === name);
  const compared = (texts: readonly string[], ratio: (at: number) => string): string[] =>
    texts.flatMap((text, at) => (at === 0 ? [text] : [text, ratio(at - 1)]));
  return {
    caption: 'Medians of the runs [95 % bootstrap interval], and the ratio to the first',
    head: ['', ...compared(cells, () => `by ${cells[0]}`)],
    rows: [
      ['runs', ...compared(summaries.map(standingOf), () => '')],
      ...shown.map((name) => [
        titleOf(name),
        ...compared(
          summaries.map(({ estimates, unsound }) => `${shownEstimate(estimates[name])}${unsound ? ' !' : ''}`),
          (at) => shownDifference(found(name, at)),
        ),
      ]),
    ],
  };
}

function shownDifference(difference: Difference | undefined): string {
  if (difference === undefined) return '-';
  const { ratio } = difference.comparison;
  return `${shownFigure(ratio.median)}x [${shownFigure(ratio.low)}..${shownFigure(ratio.high)}] ${difference.claim}`;
}

/** A row a cell: for many of them. `mark` is what is said of each. */
export function cellTable(caption: string, summaries: readonly CellSummary[], mark: (cell: string) => string): FigureTable {
  const wanted: readonly FigureName[] = [
    'foundRatePerSecond',
    'megabytesPerSecond',
    'publishP50Ms',
    'publishP99Ms',
    'endToEndP99Ms',
    'brokerCpuUsPerRecord',
    'deviceFlushesPerSecond',
  ];
  const shown = wanted.filter((name) => summaries.some(({ estimates }) => estimates[name] !== undefined));
  return {
    caption,
    head: ['cell', 'runs', ...shown.map(titleOf), ''],
    rows: summaries.map((summary) => [
      summary.cell,
      standingOf(summary),
      ...shown.map((name) => `${shownEstimate(summary.estimates[name])}${summary.unsound ? ' !' : ''}`),
      mark(summary.cell),
    ]),
  };
}

/** Why runs are not VALID, and what contracts the cells have: what must be known before the figures are believed. */
export function cautions(cells: readonly string[], trials: readonly Trial[], contractsMayDiffer: boolean): string[] {
  const summaries = cells.map((cell) => summarise(cell, trials));
  const said = summaries
    .filter(({ runs }) => runs > 0)
    .flatMap(({ cell, reasons, runs, unsound }) => {
      const codes = Object.entries(reasons).map(([code, count]) => `${code} (${count} of ${runs})`);
      if (codes.length === 0) return [];
      return [
        `${cell}: ${codes.join(', ')}${unsound ? '; no run of it may be concluded from, figures marked ! are shown for looking at only' : ''}`,
      ];
    });
  const promises = new Set(summaries.filter(({ durability }) => durability !== '').map(({ durability }) => durability));
  if (promises.size > 1 && !contractsMayDiffer)
    said.push(`the acks compared do not promise the same: ${summaries.map(({ cell, durability }) => `${cell}: ${durability}`).join('; ')}`);
  const regimes = new Set(trials.map(({ memoryRegime }) => memoryRegime.split(':')[0]!));
  if (regimes.size > 1) said.push(`memory was not in one regime in all runs: ${[...regimes].join(', ')}`);
  if (trials.length > 0 && Math.max(...summaries.map(({ runs, invalid }) => runs - invalid)) < 5 && cells.length > 1)
    said.push('fewer than 5 runs of each that count: no difference is claimed; give --repeats 5 or more');
  return said;
}

export function textTable({ caption, head, rows }: FigureTable): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `  ${row.map((text, at) => (at === 0 ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))).join('  ')}`.trimEnd();
  return [caption, ...all.map(line)].join('\n');
}

export function htmlTable({ caption, head, rows }: FigureTable): Html {
  return html`<div class="scroll" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head.map((text) => html`<th scope="col">${text}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([name, ...cells]) =>
            html`<tr>
              <th scope="row">${name ?? ''}</th>
              ${cells.map((text) => html`<td>${text}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
