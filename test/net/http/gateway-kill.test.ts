// Requests that come again after kill -9, with the idempotency keys and sessions they had: answered before, or appended and
// never answered. They name the same offsets and are stored once, whatever was acked on whichever storage.

import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ChildBroker } from '../../../src/cli/crash/child-broker.ts';
import { packed, unpacked } from '../../../src/net/http/gateway/msgpack.ts';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { DEADLINE_MS, eventually, RawClient } from '../../support/broker.ts';
import { compileSources } from '../../workers/compiled.ts';

const dir = mkdtempSync(join(tmpdir(), 'ringlog-kill-'));
let broker: ChildBroker;
let address = '';
beforeAll(async () => {
  compileSources();
  const set = { 'ringlog.shards': '1', 'ringlog.http.listener': '127.0.0.1:0', 'log.index.size.max.bytes': '65536' };
  broker = await ChildBroker.create(1, { dataDir: dir, set });
  await start();
});
afterAll(async () => {
  await broker?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  await broker.start();
  address = await eventually(
    () => /http:\/\/([^/\s]+)\//.exec(broker.said)?.[1],
    () => `no address in: ${broker.said}`,
  );
}

const topicUrl = (topic: string): string => `http://${address}/v1/topics/${topic}`;

async function createTopic(name: string, configs: Readonly<Record<string, string>> = {}): Promise<void> {
  const client = await RawClient.open(broker.port);
  const rows = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const topics = [{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: rows }];
  const answer = await client.call(createTopicsApi, 7, { topics });
  expect(answer.topics[0]).toMatchObject({ errorCode: 0 });
  client.destroy();
}

async function ends(topic: string): Promise<readonly number[]> {
  const answer = (await (await fetch(`${topicUrl(topic)}/offsets`)).json()) as { partitions: { latest: number }[] };
  return answer.partitions.map(({ latest }) => latest);
}

/** What a client sends again and again until it has an answer. @returns what of the answer must not change */
type Ask = () => Promise<unknown>;

function post(topic: string, acks: string, type: string, body: string): Ask {
  return async () => {
    const headers = { 'content-type': type, 'idempotency-key': `${topic} ${acks} ${type}` };
    const answer = await fetch(`${topicUrl(topic)}/records?acks=${acks}`, { method: 'POST', headers, body });
    const { ranges, ...rest } = (await answer.json()) as { ranges: readonly Range[] };
    return [answer.status, rest, places(ranges)];
  };
}

interface Range {
  readonly partition: number;
  readonly offset: number;
  readonly count: number;
}

/** Ranges stand in the order of their answers, which partitions give as they like. */
function places(ranges: readonly Range[]): readonly string[] {
  return ranges.flatMap(({ partition, offset, count }) => Array.from({ length: count }, (_, i) => `${partition}:${offset + i}`)).sort();
}

/** One frame of a session, on a connection of its own. */
function frame(topic: string, acks: string, seq: number): Ask {
  return () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${address}/v1/stream`, ['ringlog.v1']);
      const asked = { t: 'produce', id: 1, topic, partition: 1, session: `${topic} ${acks}`, seq, acks, records: [{ value: 'a' }] };
      socket.on('error', reject).on('message', (data: Buffer) => {
        const answer = unpacked(data) as { t: string };
        if (answer.t === 'hello') return socket.send(packed(asked));
        socket.close();
        resolve(answer);
      });
    });
}

test('what was acked before a kill, and comes again, is where it was', async () => {
  await createTopic('page-cache');
  await createTopic('managed', { 'ringlog.storage': 'managed' });
  const json = JSON.stringify(Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, value: i })));
  const lines = Array.from({ length: 3000 }, (_, i) => `{"key":"k${i}","value":${i}}\n`).join('');
  const asks: Ask[] = [];
  // acks=1 on managed storage is not promised: its tail is the process's own memory.
  for (const [topic, acks] of [
    ['page-cache', 'all'],
    ['page-cache', '1'],
    ['managed', 'all'],
  ] as const) {
    asks.push(post(topic, acks, 'application/json', json), post(topic, acks, 'text/plain', 'one'));
    asks.push(post(topic, acks, 'application/x-ndjson', lines), frame(topic, acks, 0), frame(topic, acks, 1));
  }
  const answers: unknown[] = [];
  for (const ask of asks) answers.push(await ask());
  const before = [await ends('page-cache'), await ends('managed')];
  expect(before.map(([zero, one]) => zero! + one!)).toEqual([2 * 3023, 3023]);
  // The second time nothing is new since the start: producers are known from what the first start left.
  for (const kill of [1, 2]) {
    await broker.kill();
    await start();
    for (const [i, ask] of asks.entries()) expect([kill, i, await ask()]).toEqual([kill, i, answers[i]]);
    expect([await ends('page-cache'), await ends('managed')]).toEqual(before);
  }
});

test.each(['all', '1'])('what was appended before a kill, but had no answer yet, is stored once: acks=%s', async (acks) => {
  const topic = `unanswered-${acks}`;
  await createTopic(topic);
  const lines = Array.from({ length: 2500 }, (_, i) => `{"value":${i},"partition":0}\n`);
  const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': `unanswered ${acks}` };
  const upload = httpRequest(`${topicUrl(topic)}/records?acks=${acks}`, { method: 'POST', headers });
  const lost = new Promise((resolve) => upload.on('error', resolve));
  // No end: nothing can be answered, and the pieces that are whole are in the log.
  upload.write(lines.slice(0, 2200).join(''));
  await expect.poll(() => ends(topic), { timeout: DEADLINE_MS }).toEqual([2000, 0]);
  await broker.kill();
  await lost;
  await start();
  expect(await ends(topic)).toEqual([2000, 0]);
  const whole = async (): Promise<unknown> => {
    const answer = await fetch(`${topicUrl(topic)}/records?acks=${acks}`, { method: 'POST', headers, body: lines.join('') });
    return answer.json();
  };
  const answer = await whole();
  expect(answer).toMatchObject({ count: 2500, ranges: [{ partition: 0, offset: 0, count: 2500 }] });
  expect(await whole()).toEqual(answer);
  const read = await fetch(`${topicUrl(topic)}/partitions/0/records?max-records=10000&max-bytes=8000000`);
  const { records } = (await read.json()) as { records: { value: string }[] };
  expect(records.map(({ value }) => Number(value))).toEqual(Array.from({ length: 2500 }, (_, i) => i));
});
