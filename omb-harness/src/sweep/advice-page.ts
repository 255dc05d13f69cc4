// Advice as a page: every line leads to the runs it came from. Owner: pure. Not hot.

import { html } from '../report/html.ts';
import { pageShell, type ReportAssets } from '../report/page-shell.ts';
import type { Advice } from './advice.ts';

export interface AdviceContent {
  readonly asked: string;
  readonly runs: number;
  readonly advice: readonly Advice[];
}

export function advicePage({ asked, runs, advice }: AdviceContent, assets: ReportAssets): string {
  const body = html`<p>For ${asked}; from ${runs} runs on this machine and disk.</p>
    ${advice.map(
      ({ topic, text, sources }) =>
        html`<h2>${topic}</h2>
          <p>${text}</p>
          ${sources.length === 0 ? '' : html`<p class="note">From ${sources.map((source) => html`<a href="${linkOf(source)}">${source}</a> `)}</p>`}`,
    )}`;
  return pageShell({ title: 'Advice from what was measured here', body, charts: [] }, assets);
}

/** The report of a run's folder. */
const linkOf = (source: string): string => (source.endsWith('.html') ? source : `${source}/report.html`);
