// The console as somebody has it before them, in a headless Chromium, over a broker that works: shards, topics, groups,
// dark and light, nothing fetched from elsewhere. Pictures are kept in .cache/console.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { browserCommand, HeadlessBrowser } from '../../../omb-harness/test/support/headless-browser.ts';
import { findCoordinatorApi } from '../../../src/net/kafka/schema/generated/find-coordinator.ts';
import { offsetCommitApi } from '../../../src/net/kafka/schema/generated/offset-commit.ts';
import { produceApi } from '../../../src/net/kafka/schema/generated/produce.ts';
import { eventually, produceRequest, startTestBroker, type TestBroker, textBatch } from '../../support/broker.ts';

const pictures = join(import.meta.dirname, '..', '..', '..', '.cache', 'console');
const MARKUP = '<img src=x onerror=globalThis.hurt=1>';

let broker: TestBroker;
let browser: HeadlessBrowser;
afterEach(async () => {
  await browser?.close();
  await broker.stop();
});

async function until(expression: string): Promise<void> {
  await eventually(
    async () => ((await browser.evaluate<boolean>(expression)) ? true : undefined),
    () => `never true in the page: ${expression}`,
  );
}

async function fill(): Promise<void> {
  await broker.createTopic('clicks', 4);
  const client = await broker.client();
  const batch = textBatch(['a', 'b', 'c']);
  for (const partition of [0, 1, 2, 3]) await client.call(produceApi, 9, produceRequest('clicks', batch, { acks: -1, partition }));
  const commit = {
    groupId: MARKUP,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [{ name: 'clicks', partitions: [{ partitionIndex: 1, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }] }],
  };
  await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: [MARKUP] });
  await eventually(
    async () => ((await client.call(offsetCommitApi, 8, commit)).topics[0]!.partitions[0]!.errorCode === 0 ? true : undefined),
    () => 'no offset was committed',
  );
}

test.skipIf(browserCommand === null)(
  'shards, topics and groups are on the page, and follow what happens',
  async () => {
    broker = await startTestBroker({ kind: 'per-shard', config: { 'ringlog.http.listener': '127.0.0.1:0' } });
    await fill();
    browser = await HeadlessBrowser.open(browserCommand!, 1200, 900);
    await browser.prefer('light');
    await browser.load(`http://127.0.0.1:${broker.running.facts.httpPort}/`);
    await until(`document.querySelector('#status').className === 'up'`);
    const text = (selector: string): Promise<string> => browser.evaluate(`document.querySelector('${selector}').textContent`);
    expect(await browser.evaluate(`document.querySelectorAll('.shard').length`)).toBe(2);
    await until(`document.querySelector('#groups tbody').textContent.includes('clicks')`);
    expect(await text('#groups tbody tr td')).toBe(MARKUP);
    await until(`document.querySelector('#groups tbody tr td:nth-child(5)').textContent === '2'`);
    await browser.evaluate(`document.querySelector('#topics button[data-topic=clicks]').click()`);
    await until(`document.querySelectorAll('#topics tr.partition').length === 4`);
    expect(await text('#topics tr.partition td:nth-child(3)')).toBe('0 to 3');
    // Latency is of what happens now.
    const client = await broker.client();
    await eventually(
      async () => {
        await client.call(produceApi, 9, produceRequest('clicks', textBatch(['x']), { acks: -1 }));
        return (await browser.evaluate<boolean>(`/\\d (µs|ms|s)/.test(document.querySelector('#latency .p99 b').textContent)`))
          ? true
          : undefined;
      },
      () => 'no latency was shown',
    );
    expect(await browser.evaluate(`document.querySelector('#latency svg path').getAttribute('d').length > 0`)).toBe(true);
    await until(`document.querySelector('#topics tr.partition td:nth-child(3)').textContent !== '0 to 3'`);
    mkdirSync(pictures, { recursive: true });
    writeFileSync(join(pictures, 'light.png'), await browser.picture());
    const ground = 'getComputedStyle(document.body).backgroundColor';
    const bright = await browser.evaluate(ground);
    await browser.prefer('dark');
    await until(`${ground} !== '${bright}'`);
    writeFileSync(join(pictures, 'dark.png'), await browser.picture());
    const spilt = `[...document.querySelectorAll('.shard')].some((card) => card.scrollWidth > card.clientWidth)`;
    expect(await browser.evaluate(spilt)).toBe(false);
    // On a telephone nothing but tables is wider than it, and their numbers are seen beside the names.
    await browser.resize(400, 800);
    await until(`innerWidth === 400 && document.documentElement.scrollWidth === 400`);
    expect(await browser.evaluate(`document.querySelector('#topics td:nth-child(3)').getBoundingClientRect().right < 400`)).toBe(true);
    expect(await browser.evaluate(spilt)).toBe(false);
    writeFileSync(join(pictures, 'narrow.png'), await browser.picture());
    expect(await browser.evaluate('globalThis.hurt ?? null')).toBeNull();
    expect(browser.complaints).toEqual([]);
  },
  180_000,
);

test.skipIf(browserCommand === null)(
  'with a token the page asks for it and shows nothing before',
  async () => {
    broker = await startTestBroker({ config: { 'ringlog.http.listener': '127.0.0.1:0', 'ringlog.http.token': 'secret-1' } });
    browser = await HeadlessBrowser.open(browserCommand!, 800, 600);
    await browser.load(`http://127.0.0.1:${broker.running.facts.httpPort}/`);
    await until(`!document.querySelector('#token-form').hidden`);
    expect(await browser.evaluate(`document.querySelector('main').hidden`)).toBe(true);
    await browser.evaluate(`document.querySelector('#token').value = 'secret-1', document.querySelector('#token-form button').click()`);
    await until(`document.querySelector('#status').className === 'up' && document.querySelector('#token-form').hidden`);
  },
  180_000,
);
