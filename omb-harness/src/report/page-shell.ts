// The frame of every page: head, policy, charts' data, scripts. Owner: pure. Not hot.
//
// The page fetches nothing and may not: its content policy allows the scripts and styles in it by their hashes alone.

import { createHash } from 'node:crypto';
import { dataScript, html, type Html, verbatim } from './html.ts';
import type { ReportChart } from './report-chart.ts';

/** Texts that go into the page as they are: ours and the chart library's. */
export interface ReportAssets {
  readonly styles: readonly string[];
  readonly scripts: readonly string[];
}

export interface PageContent {
  readonly title: string;
  readonly body: Html;
  /** All that `body` has a figure of. */
  readonly charts: readonly ReportChart[];
}

export const MOST_PAGE_BYTES = 2_000_000;

export const keysNote = html`<p class="note">
  In a chart: arrow keys move the cursor (with Shift by ten), Home and End go to the ends, Escape takes it away. A name in a legend hides
  its line.
</p>`;

export function pageShell({ title, body, charts }: PageContent, assets: ReportAssets): string {
  return html`<!doctype html>
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
        ${body} ${dataScript('charts', charts)} ${assets.scripts.map((text) => verbatim('script', text))}
      </body>
    </html> `.text;
}

export function chartFigure({ id, title, note, yLabel, xLabel }: ReportChart): Html {
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
