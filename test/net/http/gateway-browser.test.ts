// The client of pages in a headless Chromium: a page of another site sends and tails, and the broker is started again under it.

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { browserCommand, HeadlessBrowser } from '../../../omb-harness/test/support/headless-browser.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { openFront } from './broker-front.ts';

let broker: TestBroker;
let browser: HeadlessBrowser;
let site: Server;
let front: Awaited<ReturnType<typeof openFront>>;
afterEach(async () => {
  await browser?.close();
  front?.close();
  site?.close();
  await broker?.stop();
});

/** A page and the client beside it. */
async function openSite(): Promise<string> {
  const script = readFileSync(new URL('../../../dist/browser/ringlog.js', import.meta.url));
  site = createServer((request, response) => {
    const isScript = request.url === '/ringlog.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html', connection: 'close' });
    response.end(isScript ? script : '<!doctype html><title>page</title>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

if (browserCommand === null) process.stdout.write('the page of the gateway is not tested: no Chromium is installed\n');

test.skipIf(browserCommand === null)(
  'a page sends and tails over a restart of the broker, without loss or repeat',
  async () => {
    const origin = await openSite();
    const config = { 'ringlog.http.listener': '127.0.0.1:0', 'ringlog.http.origins': origin, 'ringlog.http.token': 'secret-1' };
    broker = await startTestBroker({ config });
    await broker.createTopic('clicks', 2);
    front = await openFront(() => broker.running.facts.httpPort!);
    browser = await HeadlessBrowser.open(browserCommand!, 400, 300);
    await browser.load(`${origin}/`);
    await browser.evaluate(`(async () => {
      const { connect } = await import('/ringlog.js');
      globalThis.log = connect('ws://127.0.0.1:${front.port}', { token: 'secret-1' });
      globalThis.seen = [];
      let begun = 0;
      await new Promise((resolve) => log.tail('clicks', (records) => {
        if (records.length === 0 && ++begun === 2) resolve();
        seen.push(...records);
      }));
      globalThis.sent = [];
      globalThis.send = (count) => {
        for (; count > 0; count--) sent.push(log.send('clicks', { key: 'k' + sent.length % 5, value: { n: sent.length } }));
      };
      send(100);
      await sent[10];
      send(100);
    })()`);
    await broker.halt();
    await browser.evaluate('send(100)');
    broker = await startTestBroker({ config, dir: broker.dir });
    const places = await browser.evaluate<string[]>('Promise.all(sent).then((all) => all.map((one) => one.partition + ":" + one.offset))');
    expect(new Set(places).size).toBe(300);
    await expect.poll(() => browser.evaluate<number>('seen.length'), { timeout: 60_000 }).toBe(300);
    const seen = await browser.evaluate<string[][]>('seen.map((one) => [JSON.parse(one.value).n, one.partition + ":" + one.offset])');
    expect(seen.sort(([a], [b]) => Number(a) - Number(b))).toEqual(places.map((place, n) => [n, place]));
    const ends = await Promise.all([0, 1].map((partition) => broker.endOffset('clicks', partition)));
    expect(ends[0]! + ends[1]!).toBe(300);
  },
  180_000,
);
