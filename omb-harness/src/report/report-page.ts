// The report: one HTML file with everything in it, of one run or of several. Owner: pure. Not hot.

import type { RunResult } from '../contracts/run-result.ts';
import { html, type Html } from './html.ts';
import { chartFigure, keysNote, pageShell, type ReportAssets } from './page-shell.ts';
import { measuredLatencies, percentileCharts } from './percentile-charts.ts';
import type { ReportChart } from './report-chart.ts';
import { figureTables, settingTables, verdictBox } from './run-tables.ts';
import { timeCharts } from './time-charts.ts';

/** Of all runs of a page together: a second each for ten minutes. */
const MOST_TIME_POINTS = 600;
const FEWEST_TIME_POINTS = 60;

export function reportPage(results: readonly RunResult[], assets: ReportAssets): string {
  const runs = results.map((result, at) => ({ name: nameOf(result, at, results), result }));
  const points = Math.max(FEWEST_TIME_POINTS, Math.floor(MOST_TIME_POINTS / runs.length));
  const compared = percentileCharts(runs.map(({ name, result }) => ({ name, latencies: measuredLatencies(result) })));
  const timed = runs.map(({ result }, at) => timeCharts(result, `run${at}`, points));
  const title = runs.length === 1 ? `${results[0]!.workload.name} on ${results[0]!.driver.name}` : `${runs.length} runs`;
  const sections = runs.map((run, at) => runSection(run, timed[at]!, runs.length > 1));
  const lead =
    runs.length === 1
      ? html`${verdictBox(results[0]!)}${summary(results[0]!)}`
      : html`<p class="note">Runs over each other; each one’s verdict and figures follow.</p>`;
  return pageShell(
    { title, body: html`${lead} ${keysNote}${compared.map(chartFigure)} ${sections}`, charts: [...compared, ...timed.flat()] },
    assets,
  );
}

function nameOf({ workload, driver, runId }: RunResult, at: number, results: readonly RunResult[]): string {
  const plain = (result: Pick<RunResult, 'workload' | 'driver'>): string => `${result.workload.name} on ${result.driver.name}`;
  const name = plain({ workload, driver });
  return results.some((other, index) => index !== at && plain(other) === name) ? `${name} (${runId})` : name;
}

function summary({ system, client, targetRatePerSecond }: RunResult): Html {
  const of = system === null ? 'the system was not reached' : `${system.product}; ${system.durability}`;
  return html`<p>${targetRatePerSecond.toLocaleString('en')} records/s asked; ${of}. Load by ${client}.</p>`;
}

function runSection(
  { name, result }: { readonly name: string; readonly result: RunResult },
  charts: readonly ReportChart[],
  several: boolean,
): Html {
  return html`<section>${
    several
      ? html`<h2>${name}</h2>
          ${verdictBox(result)}${summary(result)}`
      : ''
  }
<h2>Figures of the measured time</h2>${figureTables(result)}
<h2>Over time</h2>${charts.length === 0 ? html`<p>No interval was recorded.</p>` : charts.map(chartFigure)}
<details${several ? '' : html` open`}><summary>Settings</summary>${settingTables(result)}</details></section>`;
}
