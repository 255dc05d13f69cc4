// The report: one HTML file with everything in it, of one run or of several. Owner: pure. Not hot.
//
// The page fetches nothing and may not: its content policy allows the scripts and styles in it by their hashes alone.

import { createHash } from 'node:crypto';
import type { RunResult } from '../contracts/run-result.ts';
import { dataScript, html, type Html, verbatim } from './html.ts';
import { type NamedRun, percentileCharts } from './percentile-charts.ts';
import type { ReportChart } from './report-chart.ts';
import { figureTables, settingTables, verdictBox } from './run-tables.ts';
import { timeCharts } from './time-charts.ts';

/** Texts that go into the page as they are: ours and the chart library's. */
export interface ReportAssets {
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
}

export const MOST_PAGE_BYTES = 2_000_000;
/** Of all runs of a page together: a second each for ten minutes. */
const MOST_TIME_POINTS = 600;
const FEWEST_TIME_POINTS = 60;

export function reportPage(results: readonly RunResult[], assets: ReportAssets): string {
  const runs = results.map((result, at) => ({ name: nameOf(result, at, results), result }));
  const points = Math.max(FEWEST_TIME_POINTS, Math.floor(MOST_TIME_POINTS / runs.length));
  const compared = percentileCharts(runs);
  const timed = runs.map(({ result }, at) => timeCharts(result, `run${at}`, points));
  const title = runs.length === 1 ? `${results[0]!.workload.name} on ${results[0]!.driver.name}` : `${runs.length} runs`;
  const sections = runs.map((run, at) => runSection(run, timed[at]!, runs.length > 1));
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy(assets)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}: ringlog bench</title>
        ${assets.styles.map((text) => verbatim('style', text))}
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <button id="theme" type="button" hidden>Dark</button>
        </header>
        <noscript><p>Charts need scripts; figures and settings are below.</p></noscript>
        ${runs.length === 1 ? html`${verdictBox(results[0]!)}${summary(results[0]!)}` : html`<p class="note">Runs over each other; each one’s verdict and figures follow.</p>`}
        <p class="note">
          In a chart: arrow keys move the cursor (with Shift by ten), Home and End go to the ends, Escape takes it away. A name in a legend
          hides its line.
        </p>
        ${compared.map(figure)} ${sections} ${dataScript('charts', [...compared, ...timed.flat()])}
        ${assets.scripts.map((text) => verbatim('script', text))}
      </body>
    </html> `;
  return page.text;
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

function runSection({ name, result }: NamedRun, charts: readonly ReportChart[], several: boolean): Html {
  return html`<section>${
    several
      ? html`<h2>${name}</h2>
          ${verdictBox(result)}${summary(result)}`
      : ''
  }
<h2>Figures of the measured time</h2>${figureTables(result)}
<h2>Over time</h2>${charts.length === 0 ? html`<p>No interval was recorded.</p>` : charts.map(figure)}
<details${several ? '' : html` open`}><summary>Settings</summary>${settingTables(result)}</details></section>`;
}

function figure({ id, title, note, yLabel, xLabel }: ReportChart): Html {
  return html`<figure id="${id}">
    <figcaption>
      <h3>${title}</h3>
      <p class="note" id="${id}-note">${note}</p>
    </figcaption>
    <div
      class="plot"
      tabindex="0"
      role="application"
      aria-roledescription="chart"
      aria-label="${title}: ${yLabel} by ${xLabel}. Arrow keys read values"
      aria-describedby="${id}-note"
    ></div>
    <details><summary>Data table: ${title}</summary></details>
  </figure> `;
}

function policy({ styles, scripts }: ReportAssets): string {
  const hashes = (texts: readonly string[]): string =>
    texts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ');
  return `default-src 'none'; script-src ${hashes(scripts)}; style-src ${hashes(styles)}; base-uri 'none'; form-action 'none'`;
}
