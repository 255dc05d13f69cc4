// The report without a browser: what it draws is what the result holds, it is one file that fetches nothing, and no string of
// a result is markup in it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportAssets, reportOf } from '../../src/cli/report-file.ts';
import { type IntervalPoint, RESULT_VERSION } from '../../src/contracts/run-result.ts';
import { writeResultFile } from '../../src/formats/result-file.ts';
import { consumedPerSecond } from '../../src/report/consumed-rate.ts';
import { dataScript, html } from '../../src/report/html.ts';
import { measuredLatencies, percentileCharts } from '../../src/report/percentile-charts.ts';
import { MOST_PAGE_BYTES } from '../../src/report/page-shell.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { timeCharts } from '../../src/report/time-charts.ts';
import { hostile, madeRun } from '../support/made-run.ts';

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'report-'))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const chartsIn = (page: string): { id: string; title: string }[] =>
  JSON.parse(/<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(page)![1]!) as { id: string; title: string }[];

test('a stall of a second is in the bold curve and not in the dashed one', () => {
  const [publish] = percentileCharts([{ name: 'a', latencies: measuredLatencies(madeRun()) }]);
  const at = (label: string, beyond: number): number => {
    const series = publish!.series.find((one) => one.label.startsWith(label))!;
    const index = publish!.x.findIndex((x) => x >= beyond);
    return series.values[index]!;
  };
  // A tenth of all records waited, evenly from 0 to 1 s: p95 of all is the middle of them.
  expect(at('from intended', 20)).toBeGreaterThan(450);
  expect(at('from intended', 20)).toBeLessThan(580);
  expect(at('uncorrected', 20)).toBeLessThan(10);
  expect(publish!.shades).toEqual([{ from: 1000, to: 10_000, label: 'too few samples' }]);
});

test('over time: every record is in a cell of the heat map, the stalled second is marked, warm-up is shaded, axes agree', () => {
  const charts = timeCharts(madeRun(), 'run0', 600);
  expect(charts.map(({ title }) => title)).toEqual([
    ...['Publish latency over time', 'End-to-end latency over time', 'Throughput', 'Waiting before the send'],
    ...['Backlog and back-pressure', 'CPU', 'Memory and page cache', 'Writes of the disk', 'Flushes of the disk'],
  ]);
  for (const { xRange, group, yLabel } of charts) expect([xRange, group, yLabel !== '']).toEqual([[-1, 10], 'run0', true]);
  const { heat, shades } = charts[0]!;
  const counts = heat!.columns.map((column) =>
    column === null ? null : column.filter((_, at) => at % 2 === 1).reduce((a, b) => a + b, 0),
  );
  expect(counts).toEqual([1000, 1000, 1000, 1000, 1000, null, 2000, 1000, 1000, 1000, 1000]);
  expect(shades).toEqual([{ from: -1, to: 0, label: 'warm-up' }]);
  const throughput = charts.find(({ title }) => title === 'Throughput')!;
  expect(throughput.series.find(({ label }) => label === 'acknowledged')!.values).toEqual(counts.map((count) => count ?? 0));
  const backlog = charts.find(({ title }) => title.startsWith('Backlog'))!;
  expect(backlog.series[1]!.values[5]).toBe(1000);
  expect(backlog.series[1]!.values[6]).toBe(0);
});

test('intervals are put together when there are too many, and no record is lost by it', () => {
  const [publish] = timeCharts(madeRun({}, 20), 'run0', 7);
  expect(publish!.x).toHaveLength(7);
  const inCells = publish!.heat!.columns.flatMap((column) => (column ?? []).filter((_, at) => at % 2 === 1));
  expect(inCells.reduce((a, b) => a + b, 0)).toBe(21_000);
});

test('what a result does not hold is not drawn', () => {
  const run = madeRun();
  const blind = { ...run, intervals: run.intervals.map((point) => ({ ...point, brokerResidentBytes: null, brokerCoreShare: null })) };
  const charts = timeCharts(blind, 'run0', 600);
  const memoryOf = (drawn: typeof charts): string[] | undefined =>
    drawn.find(({ title }) => title.startsWith('Memory'))?.series.map(({ label }) => label);
  expect(memoryOf(charts)).toBeUndefined();
  expect(charts.find(({ title }) => title === 'CPU')!.series.map(({ label }) => label)).toEqual(['generator, busiest thread']);
  expect(memoryOf(timeCharts(run, 'run0', 600))).toEqual(['resident, broker', 'log in the page cache', 'of it not on the disk yet']);
  const unseen = { ...run, intervals: run.intervals.map((point) => ({ ...point, logCachedBytes: null, logDirtyBytes: null })) };
  const machine = ['resident, broker', 'page cache, whole machine', 'dirty, whole machine'];
  expect(memoryOf(timeCharts(unseen, 'run0', 600))).toEqual(machine);
});

test('one file, under 2 MB however long the run, that fetches nothing and has a policy against it', () => {
  const page = reportPage([madeRun({}, 1200)], reportAssets());
  expect(Buffer.byteLength(page)).toBeLessThan(MOST_PAGE_BYTES);
  expect(page).toContain('default-src &#39;none&#39;; script-src &#39;sha256-');
  const outside = page.replaceAll('http://www.w3.org/2000/svg', '').replaceAll('https://github.com/leeoniya/uPlot', '');
  expect(outside).not.toMatch(/https?:\/\/|url\(|@import|\bfetch\(|XMLHttpRequest|<link|<iframe/i);
  expect(outside).not.toMatch(/<[a-z][^<>]*\ssrc=/);
  for (const { id } of chartsIn(page)) expect(page).toContain(`<figure id="${id}">`);
});

test('no string of a result is markup', () => {
  const page = reportPage([madeRun()], reportAssets());
  expect(page).not.toContain('<img');
  expect(page).not.toContain('<script>globalThis');
  expect(page.match(/<\/script>/g)).toHaveLength(3);
  expect(page).toContain('&lt;img src=x onerror=&quot;globalThis.hurt=2&quot;&gt;&amp;amp;&#39;&quot;');
  // Numbers, too: a file may hold anything under their names.
  const run = madeRun({ runId: hostile, startedAt: hostile, targetRatePerSecond: hostile as unknown as number });
  const forged = { ...run, verdict: { ...run.verdict, standing: hostile as 'VALID' } };
  expect(reportPage([forged, forged], reportAssets())).not.toMatch(/<img|<script>globalThis/);
  expect(html`<p title="${hostile}">`.text).not.toMatch(/<img|"globalThis/);
  const json = dataScript('data', { hostile }).text.replace(/^<script [^>]*>|<\/script>$/g, '');
  expect(json).not.toMatch(/[<>\u2028]/);
  expect(JSON.parse(json)).toEqual({ hostile });
});

test('verdict, reasons and settings are there, and a run without its measured time says so', () => {
  const reasons = [{ code: 'interrupted', text: 'stopped before its end' }];
  const run = madeRun({ partial: true, measuredPhase: null, verdict: { standing: 'INVALID', reasons, warnings: [] } });
  const page = reportPage([run], reportAssets());
  expect(page).toMatch(/<strong>INVALID<\/strong> \(partial: cut short\)/);
  expect(page).toContain('stopped before its end');
  expect(page).toContain('ended before its measured time');
  expect(page).toMatch(/<th scope="row">producerRate<\/th>\s*<td>2000<\/td>/);
  expect(chartsIn(page).map(({ title }) => title)).not.toContain('Publish latency by percentile');
});

test('made anew from files: one beside its result, several over each other; what is no result is said', () => {
  const put = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const first = put('result.json', writeResultFile(madeRun()));
  const second = put('second.json', writeResultFile(madeRun({ runId: '0000beef' })));
  expect(reportOf([dir])).toEqual({ page: reportPage([madeRun()], reportAssets()), file: join(dir, 'report.html') });
  const both = reportOf([first, second]);
  expect(both.file).toBe('report.html');
  expect(both.page).toContain('(0000beef)');
  expect(chartsIn(both.page).filter(({ title }) => title === 'CPU')).toHaveLength(2);
  expect(() => reportOf([join(dir, 'absent.json')])).toThrow('absent.json');
  expect(() => reportOf([put('old.json', '{"resultVersion":0}')])).toThrow('is of version 0');
  expect(() => reportOf([put('half.json', `{"resultVersion":${RESULT_VERSION}}`)])).toThrow('not a whole result');
  expect(readFileSync(first, 'utf8')).toContain('resultVersion');
});

test('what consumers took is counted by when they took it, not by when it was due', () => {
  const run = madeRun();
  const at = (startSeconds: number, received: number): IntervalPoint => {
    const point = run.intervals[1]!;
    return { ...point, startSeconds, endSeconds: startSeconds + 1, counters: { ...point.counters, received } };
  };
  // The last is the drain; one of the warm-up's records came within.
  const intervals = [at(-0.5, 9000), at(0.5, 100), { ...at(0.5, 100), phaseId: 0 }, at(1.5, 100), at(2.5, 100), at(3.5, 9000)];
  expect(consumedPerSecond({ ...run, intervals }, 4)).toBeCloseTo(400 / 3, 6);
  expect(consumedPerSecond({ ...run, intervals }, 1)).toBeNull();
});
