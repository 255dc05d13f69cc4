// A chart as a file of its own: every line and cell of it is there, within its frame, and no string of a result is markup.
import { expect, test } from 'vitest';
import { chartSvg } from '../../src/report/chart-svg.ts';
import { measuredLatencies, percentileCharts } from '../../src/report/percentile-charts.ts';
import { timeCharts } from '../../src/report/time-charts.ts';
import { hostile, madeRun } from '../support/made-run.ts';

const run = madeRun();
const charts = [...percentileCharts([{ name: 'a', latencies: measuredLatencies(run) }]), ...timeCharts(run, 'run0', 100)];

test.each(charts.map((chart) => [chart.id, chart] as const))('%s', (_, chart) => {
  const svg = chartSvg(chart, hostile, ['acks', `${hostile} of the machine`]);
  expect(svg).toMatch(/class="terms"[^>]*>[^<]* of the machine</);
  expect(svg).not.toContain('<script');
  expect(svg).not.toContain('<img');
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  // A line in the legend, and at least one for its values.
  expect((svg.match(/<polyline /g) ?? []).length).toBeGreaterThanOrEqual(2 * chart.series.length);
  for (const [, x, y] of svg.matchAll(/[ "](-?[\d.]+),(-?[\d.]+)(?=[ "])/g)) {
    expect(Number(x)).toBeGreaterThanOrEqual(77);
    expect(Number(x)).toBeLessThanOrEqual(860);
    expect(Number(y)).toBeGreaterThanOrEqual(55);
    expect(Number(y)).toBeLessThanOrEqual(389);
  }
  const cells = (chart.heat?.columns ?? []).reduce((sum, column) => sum + (column?.length ?? 0) / 2, 0);
  expect((svg.match(/class="heat"/g) ?? []).length).toBe(cells);
  expect((svg.match(/text-anchor="end"/g) ?? []).length).toBeGreaterThanOrEqual(2);
});
