// The report of an experiment: what was compared, what it came to, latency by percentile of each over the others. Owner: pure.
// Not hot.

import type { Trial } from '../contracts/trial.ts';
import { html, type Html } from '../report/html.ts';
import { chartFigure, keysNote, pageShell, type ReportAssets } from '../report/page-shell.ts';
import { type NamedLatencies, percentileCharts } from '../report/percentile-charts.ts';
import type { ExperimentRecord } from './experiment-record.ts';
import { cautions, comparisonTable, htmlTable } from './figure-table.ts';
import { analyseSweep, mainEffectTable, pairTable, sweepTable } from './sweep-analysis.ts';
import { dialMaps, paretoChart } from './sweep-charts.ts';

export interface ExperimentContent {
  readonly record: ExperimentRecord;
  readonly trials: readonly Trial[];
  /** All runs of a cell put together; of the cells that are worth a curve. */
  readonly latencies: readonly NamedLatencies[];
}

export function experimentPage(content: ExperimentContent, assets: ReportAssets): string {
  const { record, trials, latencies } = content;
  // Alone, its name is in no legend.
  const only = latencies.length === 1 ? `: ${latencies[0]!.name}` : '';
  const charts = percentileCharts(latencies).map((chart) => ({ ...chart, title: `${chart.title}${only}` }));
  const ids = record.cells.map(({ id }) => id);
  const body = html`<p>
      ${trials.length} of ${ids.length * record.repeats} runs: ${ids.length} compared, ${record.repeats} of each, interleaved. Begun
      ${record.startedAt}.
    </p>
    ${cautionBox(cautions(ids, trials, record.kind === 'sweep'))}
    ${record.kind === 'sweep' ? sweepBody(record, trials) : htmlTable(comparisonTable(ids, trials))}
    ${charts.length === 0 ? '' : keysNote}${charts.map(chartFigure)}${runList(trials)}`;
  return pageShell({ title: record.title, body, charts }, assets);
}

function sweepBody(record: ExperimentRecord, trials: readonly Trial[]): Html {
  const analysis = analyseSweep(record, trials);
  const tables = [mainEffectTable(analysis), pairTable(analysis)].filter((table) => table !== null);
  return html`${paretoChart(analysis) ?? ''}${tables.map(htmlTable)} ${dialMaps(record, analysis, 'publishP99Ms')}
  ${dialMaps(record, analysis, 'megabytesPerSecond')} ${htmlTable(sweepTable(analysis))}`;
}

function cautionBox(texts: readonly string[]): Html {
  if (texts.length === 0) return html``;
  return html`<div class="verdict SATURATED" role="status">
    <strong>To be known first</strong>
    <ul>
      ${texts.map((text) => html`<li>${text}</li>`)}
    </ul>
  </div>`;
}

/** Every figure leads to the run it came from. */
function runList(trials: readonly Trial[]): Html {
  const rows = trials.map(
    ({ cell, repeat, standing, reasons, folder }) =>
      html`<tr>
        <th scope="row">${cell}</th>
        <td>${repeat + 1}</td>
        <td>${standing}</td>
        <td>${reasons.join(', ')}</td>
        <td>${folder === null ? '' : html`<a href="${folder}/report.html">report</a>`}</td>
      </tr>`,
  );
  return html`<details>
    <summary>All runs</summary>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">cell</th>
            <th scope="col">run</th>
            <th scope="col">verdict</th>
            <th scope="col">because</th>
            <th scope="col">report</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </details>`;
}
