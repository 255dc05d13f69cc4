// What the gateway tells of topics, asked of a whole broker: fetches with a long poll, offsets and lag, and server-sent
// events that go on where they ended.

import { once } from 'node:events';
import { connect } from 'node:net';
import { Unpackr } from 'msgpackr';
import { afterEach, expect, test } from 'vitest';
import { deleteRecordsApi } from '../../../src/net/kafka/schema/generated/delete-records.ts';
import { eventually, startTestBroker, type TestBroker } from '../../support/broker.ts';
import { httpConfig } from './http-config.ts';

const HTTP = httpConfig();

let broker: TestBroker;
const open: AbortController[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) one.abort();
  await broker.stop();
});

const root = (): string => `http://127.0.0.1:${broker.running.facts.httpPort}/v1`;

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${root()}${path}`, { headers });
  return { status: answer.status, body: await answer.json() };
}

async function put(topic: string, values: readonly unknown[], partition = 0): Promise<void> {
  const body = JSON.stringify(values.map((value) => ({ key: 'k', value, partition })));
  const answer = await fetch(`${root()}/topics/${topic}/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(answer.status).toBe(200);
}

test('a fetch begins where it is asked to, ends at its limits and waits for what is not there yet', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks');
  await put('clicks', ['a', 'b']);
  await put('clicks', ['c', 'd']);
  const values = (body: any): string[] => body.records.map(({ value }: { value: string }) => value);
  const all = await get('/topics/clicks/partitions/0/records');
  expect([values(all.body), all.body.nextOffset, all.body.highWatermark]).toEqual([['a', 'b', 'c', 'd'], 4, 4]);
  const some = await get('/topics/clicks/partitions/0/records?offset=1&max-records=2');
  expect([values(some.body), some.body.nextOffset]).toEqual([['b', 'c'], 3]);
  // A whole batch is the least.
  const small = await get('/topics/clicks/partitions/0/records?offset=0&max-bytes=1');
  expect([values(small.body), small.body.nextOffset]).toEqual([['a', 'b'], 2]);
  const none = await get('/topics/clicks/partitions/0/records?offset=latest');
  expect([none.status, values(none.body), none.body.nextOffset]).toEqual([200, [], 4]);
  const since = await get(`/topics/clicks/partitions/0/records?offset=@${all.body.records[2].timestamp}`);
  expect(values(since.body)).toContain('c');
  const waiting = get('/topics/clicks/partitions/0/records?offset=latest&wait-ms=30000');
  // Whenever the question comes, before or after the append, the answer has the record.
  await put('clicks', ['e']);
  const waited = await waiting;
  expect(waited.body.nextOffset - 4).toBe(values(waited.body).length);
  const packed = await fetch(`${root()}/topics/clicks/partitions/0/records?offset=4`, { headers: { accept: 'application/msgpack' } });
  expect(new Unpackr({ useRecords: false }).unpack(Buffer.from(await packed.arrayBuffer()))).toMatchObject({
    nextOffset: 5,
    records: [{ offset: 4, key: 'k', value: 'e' }],
  });
  const statuses = [
    ['/topics/clicks/partitions/0/records?offset=9', 416],
    ['/topics/clicks/partitions/0/records?offset=x', 400],
    ['/topics/clicks/partitions/0/records?max-records=0', 400],
    ['/topics/clicks/partitions/1/records', 404],
    ['/topics/other/partitions/0/records', 404],
    ['/topics/%ZZ/offsets', 404],
    ['/groups/nobody/lag', 404],
  ] as const;
  for (const [path, status] of statuses) {
    const answer = await get(path);
    expect([path, answer.status, typeof answer.body.error]).toEqual([path, status, 'string']);
  }
});

test('offsets, topics and the lag of a group', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks', 2);
  await put('clicks', [1, 2, 3], 1);
  expect((await get('/topics')).body).toEqual({ topics: [{ name: 'clicks', partitions: 2 }] });
  const partitions = [
    { partition: 0, earliest: 0, latest: 0 },
    { partition: 1, earliest: 0, latest: 3 },
  ];
  expect((await get('/topics/clicks/offsets')).body).toEqual({ topic: 'clicks', partitions });
  const { groups } = broker.running.caller;
  const committed = {
    groupId: 'readers',
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    tellsGroupNotFound: true,
  };
  const topics = [{ name: 'clicks', partitions: [{ partition: 1, offset: 1, leaderEpoch: -1, metadata: null }] }];
  await eventually(
    async () => ((await groups.commitOffsets({ ...committed, topics })).topics[0]!.partitions[0]!.errorCode === 0 ? true : undefined),
    () => 'no offset was committed',
  );
  const lag = await get('/groups/readers/lag');
  expect(lag.body).toEqual({ group: 'readers', lag: 2, partitions: [{ topic: 'clicks', partition: 1, offset: 1, latest: 3, lag: 2 }] });
});

interface Event {
  readonly id: string;
  readonly event: string;
  readonly data: any;
}

/** Events of a tail until it is left. */
async function* tail(query: string, lastId?: string): AsyncGenerator<Event> {
  const left = new AbortController();
  open.push(left);
  const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
  const answer = await fetch(`${root()}/topics/clicks/events${query}`, { headers, signal: left.signal });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  let text = '';
  for await (const piece of answer.body!) {
    text += Buffer.from(piece).toString();
    const whole = text.split('\n\n');
    text = whole.pop()!;
    for (const block of whole) {
      const lines = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      if (lines.has('data'))
        yield { id: lines.get('id') ?? '', event: lines.get('event') ?? 'message', data: JSON.parse(lines.get('data')!) };
    }
  }
}

async function take(events: AsyncGenerator<Event>, count: number): Promise<Event[]> {
  const taken: Event[] = [];
  while (taken.length < count) {
    const { done, value } = await events.next();
    if (done === true) throw new Error(`the tail ended after ${taken.length} events`);
    taken.push(value);
  }
  return taken;
}

test('a tail tells what comes, goes on from its last id without loss or repeat, and over a restart', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks', 2);
  await put('clicks', ['old']);
  const first = tail('');
  const [begin] = await take(first, 1);
  expect(begin).toMatchObject({ event: 'begin', id: '0:1,1:0' });
  await put('clicks', ['a', 'b']);
  await put('clicks', ['x'], 1);
  const three = await take(first, 3);
  expect(three.map(({ data }) => [data.partition, data.offset, data.value]).sort()).toEqual([
    [0, 1, 'a'],
    [0, 2, 'b'],
    [1, 0, 'x'],
  ]);
  expect(three.at(-1)!.id).toBe('0:3,1:1');
  // A client that saw the first of two comes back for the second.
  const atB = three.findIndex(({ data }) => data.value === 'a');
  const again = tail('', three[atB]!.id);
  expect((await take(again, 2)).at(-1)!.data.value).not.toBe('a');
  await put('clicks', ['c']);
  const c = (await take(first, 1))[0]!;
  expect(c.data.value).toBe('c');
  await broker.halt();
  // It is told, and has nothing more.
  expect((await take(first, 1))[0]).toMatchObject({ event: 'end', data: { error: expect.stringContaining('try again') } });
  expect((await first.next()).done).toBe(true);
  broker = await startTestBroker({ config: HTTP, dir: broker.dir });
  await put('clicks', ['d']);
  const resumed = tail('?partition=0,1', c.id);
  expect((await take(resumed, 2)).map(({ event, data }) => [event, data.value])).toEqual([
    ['begin', undefined],
    ['message', 'd'],
  ]);
});

test('a tail says what was deleted before it was read', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks');
  await put('clicks', ['a', 'b', 'c']);
  const client = await broker.client();
  await client.call(deleteRecordsApi, 2, {
    topics: [{ name: 'clicks', partitions: [{ partitionIndex: 0, offset: 2 }] }],
    timeoutMs: 30_000,
  });
  const events = await take(tail('?offset=0'), 3);
  expect(events.map(({ event, data }) => [event, data.value ?? data])).toEqual([
    ['begin', {}],
    ['gap', { partition: 0, from: 0, to: 2 }],
    ['message', 'c'],
  ]);
});

test('a subscriber that takes nothing holds little, and others have theirs', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks');
  const asleep = connect(broker.running.facts.httpPort!, '127.0.0.1');
  await once(asleep, 'connect');
  asleep.pause();
  asleep.write('GET /v1/topics/clicks/events?offset=0 HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const awake = tail('?offset=0');
  await take(awake, 1);
  const fetches = countFetches(broker);
  const body = 'v'.repeat(800_000);
  const headers = { 'content-type': 'text/plain' };
  for (let i = 0; i < 40; i++) await fetch(`${root()}/topics/clicks/records?acks=1`, { method: 'POST', headers, body });
  for (const { data } of await take(awake, 40)) expect(data.value.length).toBe(body.length);
  // 32 MB were told to one; of the other no more is read than its socket took.
  expect(fetches.least()).toBeLessThan(40);
  asleep.destroy();
});

/** How many fetches each subscriber has had: subscribers are told apart by their signals. */
function countFetches({ running }: TestBroker): { least(): number } {
  const counts = new Map<AbortSignal | undefined, number>();
  const { caller } = running;
  const fetchOf = caller.fetch.bind(caller);
  caller.fetch = (topic, partition, offset, maxBytes, waitMs, signal) => {
    counts.set(signal, (counts.get(signal) ?? 0) + 1);
    return fetchOf(topic, partition, offset, maxBytes, waitMs, signal);
  };
  return { least: () => Math.min(...counts.values()) };
}
