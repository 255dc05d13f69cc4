// The examples from a packed tarball, as somebody runs them who has installed it: without a compiler, and with one.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { browserCommand, HeadlessBrowser } from '../../omb-harness/test/support/headless-browser.ts';
import { loadNativeBinding } from '../../src/engine/io/native-binding.ts';
import { DEADLINE_MS } from '../support/broker.ts';
import { ExampleProcess } from './example-process.ts';
import { PackedInstall } from './packed-install.ts';

/** The addon of this tree was compiled: there is a compiler, and a system that it is for. */
const compiles = loadNativeBinding().binding !== null;

let install: PackedInstall;
const running: ExampleProcess[] = [];
beforeAll(() => void (install = new PackedInstall()));
afterEach(async () => void (await Promise.all(running.splice(0).map((one) => one.end('SIGKILL')))));
afterAll(() => install?.remove());

function start(example: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ExampleProcess {
  const started = new ExampleProcess(join(install.folder, example), args, env);
  running.push(started);
  return started;
}

const ringlog = '../node_modules/.bin/ringlog';

async function click(url: string, user: string, page: string): Promise<Response> {
  const body = JSON.stringify({ user, page });
  return fetch(`${url}/clicks`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

/** Of all partitions, by page. */
function countsIn(folder: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const { pages } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { pages: Record<string, number> };
    for (const [page, count] of Object.entries(pages)) counts[page] = (counts[page] ?? 0) + count;
  }
  return counts;
}

async function countsClicks(kind: string): Promise<void> {
  const env = { DATA: `./data-${kind}`, PORT: '0', KAFKA_PORT: '0' };
  const service = start('clicks', ['service.mjs'], env);
  const [, url, brokers] = await service.said(new RegExp(`clicks: (\\S+), Kafka: (\\S+), ${kind}\n`));
  const folder = join(install.folder, 'clicks', `counts-${kind}`);
  const work = (): ExampleProcess => start('clicks', ['worker.mjs'], { BROKERS: brokers!, COUNTS: folder });
  const counted = (expected: Record<string, number>): Promise<unknown> =>
    expect.poll(() => countsIn(folder), { timeout: DEADLINE_MS }).toEqual(expected);
  const clicks = Array.from({ length: 30 }, (_, i) => click(url!, `user-${i}`, i % 3 === 0 ? '/' : '/help'));
  expect((await Promise.all(clicks)).map(({ status }) => status)).toEqual(Array(30).fill(201));
  expect((await click(url!, 'ada', 'no path')).status).toBe(400);
  let worker = work();
  await worker.said(/partition/);
  await counted({ '/': 10, '/help': 20 });
  expect(await worker.end('SIGTERM'), worker.printed).toBe('0');
  // As after a crash before the commit: everything comes again, and is not counted again.
  const reset = [
    'group',
    'reset-offsets',
    'click-counter',
    '--topic',
    'clicks',
    '--to-earliest',
    '--execute',
    '-b',
    brokers!.split(',')[0]!,
  ];
  const { status, printed } = install.node('clicks', ringlog, ...reset);
  expect(status, printed).toBe(0);
  worker = work();
  for (const partition of [0, 1, 2, 3]) await worker.said(new RegExp(`partition ${partition}:`));
  expect((await click(url!, 'ada', '/')).status).toBe(201);
  await counted({ '/': 11, '/help': 20 });
  expect(await worker.end('SIGTERM'), worker.printed).toBe('0');
  expect(await service.end('SIGTERM'), service.printed).toBe('0');
  // The log is whole for the next start, which takes nothing while there is too much on its way: nothing is too much here.
  const full = start('clicks', ['service.mjs'], { ...env, IN_FLIGHT_BYTES_MAX: '0' });
  const [, again] = await full.said(/clicks: (\S+),/);
  const refused = await click(again!, 'ada', '/');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
}

describe('without a compiler', () => {
  test('clicks: the service stores, the worker counts each once', () => countsClicks('portable'));

  test('testing: a test suite of its own', () => {
    const { status, printed } = install.node('testing', '--test', 'order-service.node.test.mjs');
    expect([status, /^(#|ℹ) pass 1$/m.test(printed)], printed).toEqual([0, true]);
  });

  test.skipIf(browserCommand === null)('tail: the page shows what comes, and sends', async () => {
    const site = start('tail', ['serve.mjs'], { PORT: '0' });
    const [, page] = await site.said(/page: (\S+)\n/);
    const sets = [
      'listeners=PLAINTEXT://127.0.0.1:0',
      'log.dirs=./data',
      'ringlog.http.listener=127.0.0.1:0',
      `ringlog.http.origins=${page}`,
    ];
    const broker = start('tail', [ringlog, 'serve', ...sets.flatMap((set) => ['--set', set])]);
    const [, kafka] = await broker.said(/listening +(\S+) /);
    const [, http] = await broker.said(/http:\/\/([^/\s]+)\//);
    const create = install.node('tail', ringlog, 'topic', 'create', 'clicks', '--partitions', '4', '-b', kafka!);
    expect(create.status, create.printed).toBe(0);
    const browser = await HeadlessBrowser.open(browserCommand!, 800, 600);
    try {
      await browser.load(`${page}/?topic=clicks&gateway=ws://${http}`);
      await browser.evaluate(`document.querySelector('input').value = 'from <the> page'; document.querySelector('button').click()`);
      const cells = (): Promise<string[]> =>
        browser.evaluate(`[...document.querySelectorAll('td:last-child')].map((cell) => cell.textContent)`);
      await expect.poll(cells, { timeout: DEADLINE_MS }).toEqual(['from <the> page']);
      const posted = await fetch(`http://${http}/v1/topics/clicks/records`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: 'posted',
      });
      expect(posted.status).toBe(200);
      await expect.poll(cells, { timeout: DEADLINE_MS }).toEqual(['posted', 'from <the> page']);
      await expect
        .poll(() => browser.evaluate(`document.querySelector('#state').textContent`), { timeout: DEADLINE_MS })
        .toMatch(/^on the disk at \d:0$/);
      expect(browser.complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  test('the program that doctor --crash starts is in the package, with all that it imports', () => {
    const { printed } = install.node('.', 'node_modules/ringlog/dist/cli/crash/fuse-disk-main.js', 'no-such-image');
    expect(printed).toContain("ENOENT: no such file or directory, open 'no-such-image'");
  });
});

test.skipIf(!compiles)('with a compiler: the service runs on the addon that the package compiled', async () => {
  install.compile();
  await countsClicks('native');
});
