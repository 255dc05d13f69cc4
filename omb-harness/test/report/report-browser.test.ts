// The report as a reader has it, in a headless Chromium: charts drawn, keys and tables work, dark and light, no complaint of
// the browser. Pictures are kept in .cache/report. `node scripts/install-clients.mjs chromium` installs the browser.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test, vi } from 'vitest';
import { reportAssets } from '../../src/cli/report-file.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { browserCommand, HeadlessBrowser } from '../support/headless-browser.ts';
import { experimentPage } from '../../src/sweep/experiment-page.ts';
import { measuredLatencies } from '../../src/report/percentile-charts.ts';
import { madeRun } from '../support/made-run.ts';
import { madeSweep } from '../support/made-trials.ts';

const pictures = join(import.meta.dirname, '..', '..', '..', '.cache', 'report');

/** A page is drawn, and its events are heard, when a busy machine comes to it. */
const PATIENT = { timeout: 30_000 };

/** How many pixels of each chart's canvas have something on them, and how many in the colour of its first line. */
const inked = `[...document.querySelectorAll('figure:has(canvas)')].map((figure) => {
  const canvas = figure.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const probe = document.createElement('canvas').getContext('2d');
  probe.fillStyle = getComputedStyle(figure.querySelector('.legend line')).stroke;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  let any = 0, line = 0, heat = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 0) any++;
    if (data[at + 2] > data[at] + 60 && data[at + 3] > 40 && data[at + 3] < 255) heat++;
    if (data[at + 3] === 255 && data[at] === r && data[at + 1] === g && data[at + 2] === b) line++;
  }
  return { id: figure.id, any, line, heat };
})`;

/** Two frames: uPlot draws in a microtask, ResizeObserver speaks after layout. */
const settled = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))';

// Where no Chromium is installed there is nothing to look with; the structure is tested without.
test.skipIf(browserCommand === null)(
  'charts, keys, tables and themes work in Chromium, with nothing on its console',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'report-page-'));
    const browser = await HeadlessBrowser.open(browserCommand!, 1200, 900);
    try {
      const file = join(dir, 'report.html');
      writeFileSync(file, reportPage([madeRun()], reportAssets()));
      await browser.prefer('light');
      await browser.load(pathToFileURL(file).href);
      await browser.evaluate(settled);
      const charts = (): Promise<{ id: string; any: number; line: number; heat: number }[]> => browser.evaluate(inked);
      await vi.waitFor(async () => {
        const light = await charts();
        expect(light).toHaveLength(11);
        for (const { id, any, line, heat } of light)
          expect([id, any > 1000, line > 20, heat > 10_000]).toEqual([id, true, true, id.endsWith('-heat')]);
      }, PATIENT);
      expect(await browser.evaluate('globalThis.hurt ?? null')).toBeNull();
      mkdirSync(pictures, { recursive: true });
      writeFileSync(join(pictures, 'light.png'), await browser.picture());

      const focus = (id: string): Promise<boolean> =>
        browser.evaluate(`document.querySelector('#${id} .plot').focus(), document.activeElement.matches('#${id} .plot')`);
      const text = (selector: string): Promise<string> => browser.evaluate(`document.querySelector('${selector}').textContent`);
      expect(await focus('run0-throughput')).toBe(true);
      await browser.press('Home');
      for (let at = 0; at < 5; at++) await browser.press('ArrowRight');
      await expect
        .poll(() => text('#run0-throughput .spoken'), PATIENT)
        .toMatch(/^4\.5 s: due 1,000 records\/s, sent 0 records\/s, acknowledged 0 records\/s/);
      // One cursor for the whole time axis.
      await expect.poll(() => text('#run0-cpu .position'), PATIENT).toBe('4.5 s');
      await expect.poll(() => text('#percentiles-publish .position'), PATIENT).toBe('');
      await browser.press('End');
      await expect.poll(() => text('#run0-cpu .position'), PATIENT).toBe('9.5 s');
      await browser.press('Escape');
      await expect.poll(() => text('#run0-cpu .position'), PATIENT).toBe('');
      await focus('percentiles-publish');
      await browser.press('Home');
      await expect.poll(() => text('#percentiles-publish .spoken'), PATIENT).toMatch(/^0%: from intended time 2(\.\d+)? ms/);

      const rows = await browser.evaluate<number>(
        `(async () => { const all = [...document.querySelectorAll('figure details')]; for (const one of all) one.open = true;
       await ${settled}; return all.map((one) => one.querySelectorAll('tbody tr').length).filter((count) => count > 0).length })()`,
      );
      expect(rows).toBe(11);
      await browser.evaluate("for (const one of document.querySelectorAll('figure details')) one.open = false");

      await browser.evaluate("document.querySelector('#run0-throughput .legend button').click()");
      expect(await browser.evaluate(`document.querySelector('#run0-throughput .legend button').getAttribute('aria-pressed')`)).toBe(
        'false',
      );
      const ground = 'getComputedStyle(document.body).backgroundColor';
      const bright = await browser.evaluate(ground);
      await browser.prefer('dark');
      await browser.evaluate(settled);
      await expect.poll(() => browser.evaluate(ground), PATIENT).not.toBe(bright);
      await vi.waitFor(async () => {
        for (const { id, line } of await charts()) expect([id, line > 20]).toEqual([id, id !== 'run0-throughput']);
      }, PATIENT);
      writeFileSync(join(pictures, 'dark.png'), await browser.picture());
      await browser.evaluate("document.getElementById('theme').click()");
      await expect.poll(() => browser.evaluate(ground), PATIENT).toBe(bright);
      expect(browser.complaints).toEqual([]);
    } finally {
      await browser.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
  300_000,
);

test.skipIf(browserCommand === null)(
  'the page of a sweep is drawn, in both themes',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sweep-page-'));
    const browser = await HeadlessBrowser.open(browserCommand!, 1200, 1400);
    try {
      const file = join(dir, 'report.html');
      const latencies = [{ name: 'acks=1 linger.ms=0', latencies: measuredLatencies(madeRun()) }];
      writeFileSync(file, experimentPage({ ...madeSweep(), latencies }, reportAssets()));
      await browser.prefer('light');
      await browser.load(pathToFileURL(file).href);
      await browser.evaluate(settled);
      const fill = (selector: string): Promise<string> => browser.evaluate(`getComputedStyle(document.querySelector('${selector}')).fill`);
      const light = [await fill('.front circle'), await fill('rect.heat'), await fill('svg text')];
      expect(light).not.toContain('rgb(0, 0, 0)');
      // Names of settings are inside the drawing.
      expect(
        await browser.evaluate(`[...document.querySelectorAll('svg.drawing text')].every((text) => {
          const [own, all] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
          return own.left >= all.left - 1 && own.right <= all.right + 1 && own.top >= all.top - 1 && own.bottom <= all.bottom + 1;
        })`),
      ).toBe(true);
      const allDrawn = async (): Promise<boolean> => (await browser.evaluate<{ any: number }[]>(inked)).every(({ any }) => any > 1000);
      await expect.poll(allDrawn, PATIENT).toBe(true);
      mkdirSync(pictures, { recursive: true });
      writeFileSync(join(pictures, 'sweep-light.png'), await browser.picture());
      await browser.prefer('dark');
      await browser.evaluate(settled);
      const fills = async (): Promise<string[]> => [await fill('.front circle'), await fill('rect.heat'), await fill('svg text')];
      await expect.poll(fills, PATIENT).not.toEqual(light);
      writeFileSync(join(pictures, 'sweep-dark.png'), await browser.picture());
      expect(browser.complaints).toEqual([]);
    } finally {
      await browser.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
  300_000,
);

test.skipIf(browserCommand === null)(
  'a script that got into the page would not run, and the browser would say so',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'report-page-'));
    const browser = await HeadlessBrowser.open(browserCommand!, 800, 600);
    try {
      const file = join(dir, 'report.html');
      writeFileSync(file, reportPage([madeRun()], reportAssets()).replace('</body>', '<script>globalThis.hurt = 3</script></body>'));
      await browser.load(pathToFileURL(file).href);
      expect(await browser.evaluate('globalThis.hurt ?? null')).toBeNull();
      // Told by an event, which may come behind the answer.
      await expect.poll(() => browser.complaints.join('\n'), PATIENT).toMatch(/Content Security Policy/);
    } finally {
      await browser.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
  300_000,
);
