// The gateway's POST, asked of a whole broker: every kind of body, what is wrong and where, and keys that make a request safe
// to send again, over a restart too.

import { once } from 'node:events';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { type PartitionMetadata, Partitioners } from 'kafkajs';
import { packed } from '../../../src/net/http/gateway/msgpack.ts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AppendGather } from '../../../src/net/http/gateway/append-gather.ts';
import { RecordAppends } from '../../../src/net/http/gateway/append-records.ts';
import { headersOf } from '../../../src/net/http/gateway/gateway-error.ts';
import type { GatewayLog } from '../../../src/net/http/gateway/gateway-log.ts';
import { startTestBroker, type TestBroker, topologyKinds } from '../../support/broker.ts';
import { httpConfig } from './http-config.ts';

const HTTP = httpConfig();

let broker: TestBroker;
afterEach(() => broker.stop());

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly code?: string;
    readonly count?: number;
    readonly durability?: string;
    readonly ranges?: readonly { partition: number; offset: number; count: number }[];
    readonly stored?: { readonly count: number; readonly ranges: readonly unknown[] };
  };
  readonly headers: Headers;
}

const root = (): string => `http://127.0.0.1:${broker.running.facts.httpPort}`;

async function post(path: string, type: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${root()}/v1/topics/${path}`, { method: 'POST', headers: { 'content-type': type, ...headers }, body });
  return { status: answer.status, body: (await answer.json()) as Answer['body'], headers: answer.headers };
}

interface Stored {
  readonly offset: number;
  readonly key: string | null;
  readonly value?: string | null;
  readonly valueBase64?: string;
  readonly timestamp: number;
  readonly headers?: Record<string, string>;
}

async function read(topic: string, partition = 0): Promise<readonly Stored[]> {
  const answer = await fetch(`${root()}/v1/topics/${topic}/partitions/${partition}/records?max-records=100000&max-bytes=8000000`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { records: Stored[] }).records;
}

describe.each(topologyKinds())('%s', (kind) => {
  test('JSON, msgpack and raw bodies are stored as they say, and the answer says where and how safely', async () => {
    broker = await startTestBroker({ kind, config: HTTP });
    await broker.createTopic('clicks', 2);
    const json = {
      records: [
        { key: 'u1', value: { page: '/é' }, headers: { trace: 'x' }, timestamp: Date.now() - 1000, partition: 0 },
        { value: 'text', partition: 1 },
        { key: 'u2', value: null, partition: 0 },
        { keyBase64: '/w==', valueBase64: 'AP8=', partition: 0 },
      ],
    };
    const first = await post('clicks/records', 'application/json; charset=utf-8', JSON.stringify(json));
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ topic: 'clicks', count: 4, durability: 'disk' });
    const byPartition = [...first.body.ranges!].sort((a, b) => a.partition - b.partition);
    expect(byPartition).toEqual([
      { partition: 0, offset: 0, count: 3 },
      { partition: 1, offset: 0, count: 1 },
    ]);
    const body = packed([{ key: Buffer.from([1, 2]), value: Buffer.from([0, 255]), partition: 1 }]);
    const second = await post('clicks/records?acks=1', 'application/msgpack', body);
    expect(second.body).toEqual({ topic: 'clicks', count: 1, ranges: [{ partition: 1, offset: 1, count: 1 }], durability: 'written' });
    const raw = await post('clicks/records?partition=1&key=k', 'application/octet-stream', 'bytes', { 'x-ringlog-header-from': 'test' });
    expect(raw.body.ranges).toEqual([{ partition: 1, offset: 2, count: 1 }]);
    const unheard = await post('clicks/records?partition=1&acks=0', 'text/plain', 'last');
    expect(unheard.body).toMatchObject({ durability: 'sent', ranges: [{ partition: 1, offset: -1, count: 1 }] });
    const zero = await read('clicks', 0);
    expect(zero.map(({ key, value, valueBase64 }) => [key, valueBase64 ?? value])).toEqual([
      ['u1', '{"page":"/é"}'],
      ['u2', null],
      [undefined, 'AP8='],
    ]);
    expect(zero[0]).toMatchObject({ headers: { trace: 'x' }, timestamp: json.records[0]!.timestamp });
    await expect.poll(() => broker.endOffset('clicks', 1), { timeout: 30_000 }).toBe(4);
    expect((await read('clicks', 1)).map(({ value, valueBase64, headers }) => [value ?? valueBase64, headers])).toEqual([
      ['text', undefined],
      ['AP8=', undefined],
      ['bytes', { from: 'test' }],
      ['last', undefined],
    ]);
  });
});

test('keys go where Kafka clients send them; what has none stays together', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks', 4);
  const keyed = Array.from({ length: 40 }, (_, i) => ({ key: `user-${i % 8}`, value: i }));
  const { body } = await post('clicks/records', 'application/json', JSON.stringify(keyed));
  expect(body.count).toBe(40);
  const partitionMetadata = [0, 1, 2, 3].map((partitionId) => ({ partitionId, leader: 1 }) as PartitionMetadata);
  const choose = Partitioners.DefaultPartitioner();
  const partitionOf = (key: string): number => choose({ topic: 'clicks', partitionMetadata, message: { key, value: null } });
  const expected = [0, 1, 2, 3].map((partition) =>
    keyed.filter(({ key }) => partitionOf(key) === partition).map(({ value }) => `${value}`),
  );
  for (const partition of [0, 1, 2, 3]) expect((await read('clicks', partition)).map(({ value }) => value)).toEqual(expected[partition]);
  const keyless = await post('clicks/records', 'application/json', JSON.stringify([{ value: 1 }, { value: 2 }, { value: 3 }]));
  expect(keyless.body.ranges).toHaveLength(1);
});

test('lines are appended while the body still comes', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('lines');
  const upload = httpRequest(`${root()}/v1/topics/lines/records`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } });
  const answered = statusOf(upload);
  upload.write('{"value":"one"}\n{"value":"two"}\r\n\n{"val');
  await expect.poll(() => broker.endOffset('lines'), { timeout: 30_000 }).toBe(2);
  upload.write('ue":"three"}\n');
  await expect.poll(() => broker.endOffset('lines'), { timeout: 30_000 }).toBe(3);
  upload.end('{"value":"four"}');
  expect(await answered).toBe(200);
  expect((await read('lines')).map(({ value }) => value)).toEqual(['one', 'two', 'three', 'four']);
});

test('a bad body is refused with where it is bad, and a stream says what of it is stored', async () => {
  broker = await startTestBroker({ config: { ...HTTP, 'ringlog.http.body.bytes.max': '2000' } });
  await broker.createTopic('clicks', 2, { 'max.message.bytes': '500' });
  const cases: readonly [path: string, type: string, body: string | Uint8Array, status: number, what: RegExp][] = [
    ['clicks/records', 'application/json', '{"records": [{"value": 1}, {"valu": 1}]}', 400, /records\[1\]: a record has no 'valu'/],
    ['clicks/records', 'application/json', '[{"key": "a"}]', 400, /records\[0\]: 'value' is missing/],
    ['clicks/records', 'application/json', '[{"value": 1, "timestamp": "now"}]', 400, /'timestamp' is/],
    ['clicks/records', 'application/json', '[{"value": 1, "valueBase64": "AA=="}]', 400, /one too many/],
    ['clicks/records', 'application/json', '[{"valueBase64": "§"}]', 400, /not base64/],
    ['clicks/records', 'application/json', '{"records": []}', 400, /empty/],
    ['clicks/records', 'application/json', '[1', 400, /not JSON/],
    ['clicks/records', 'application/json', '"x"', 400, /"records"/],
    ['clicks/records', 'application/msgpack', Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), 400, /not msgpack: .*claimed/],
    ['clicks/records', 'application/msgpack', Buffer.from([0x91]), 400, /not msgpack/],
    ['clicks/records', 'application/x-ndjson', '{"value":1}\n{"value"}\n', 400, /line 2: no JSON/],
    ['clicks/records', 'application/x-ndjson', '\n\n', 400, /no lines/],
    ['clicks/records?acks=2', 'text/plain', 'x', 400, /acks is all/],
    ['clicks/records?partition=7', 'text/plain', 'x', 404, /partitions 0 to 1/],
    ['clicks/records?partition=-1', 'text/plain', 'x', 400, /no partition/],
    ['clicks/records', 'application/json', '[{"value": 1, "partition": 2}]', 404, /partitions 0 to 1/],
    ['clicks/records?timestamp=x', 'text/plain', 'x', 400, /milliseconds/],
    ['nothing/records', 'text/plain', 'x', 404, /ringlog topic create/],
    ['clicks/records', 'text/html', 'x', 415, /application\/x-ndjson/],
    ['clicks/records', 'text/plain', 'x'.repeat(2001), 413, /ringlog.http.body.bytes.max=2000/],
    ['clicks/records', 'text/plain', 'x'.repeat(600), 413, /max.message.bytes/],
  ];
  for (const [path, type, body, status, what] of cases) {
    const answer = await post(path, type, body);
    expect([path, body, answer.status, answer.body.error]).toEqual([path, body, status, expect.stringMatching(what)]);
  }
  expect((await post('clicks/records', 'text/plain', 'x', { 'content-encoding': 'gzip' })).status).toBe(415);
  expect((await post('clicks/records', 'text/plain', 'x', { 'idempotency-key': 'k'.repeat(300) })).status).toBe(400);
  expect((await post('clicks/records', 'text/plain', 'x', { 'x-ringlog-key': 'é' })).body.error).toContain('not ASCII');
  expect((await post('clicks/records', 'text/plain', 'x', { 'idempotency-key': 'é' })).status).toBe(400);
  // A long line is refused without being kept: the first lines are in.
  const half = await post('clicks/records?partition=0', 'application/x-ndjson', `{"value":"in"}\n${'y'.repeat(3000)}`);
  expect([half.status, half.body.error]).toEqual([413, expect.stringContaining('line 2')]);
  const partly = await post(
    'clicks/records?partition=0&acks=1',
    'application/x-ndjson',
    `${'{"value":"0123456789012345678901234567890123456789"}\n'.repeat(2500)}nonsense\n`,
  );
  expect(partly.status).toBe(400);
  expect(partly.body.stored!.count).toBeGreaterThan(0);
  expect(partly.body.stored!.count).toBeLessThanOrEqual(2500);
  const inThere = await read('clicks', 0);
  expect(inThere.length).toBeGreaterThanOrEqual(partly.body.stored!.count);
});

test('a stranger, an unknown site and a body that does not fit beside the others are turned away', async () => {
  broker = await startTestBroker({
    config: { ...HTTP, 'ringlog.http.origins': 'https://app.example', 'ringlog.http.inflight.bytes.max': '100000' },
  });
  await broker.createTopic('clicks');
  const evil = await post('clicks/records', 'text/plain', 'x', { origin: 'https://evil.example' });
  expect([evil.status, evil.body.error]).toEqual([403, expect.stringContaining('ringlog.http.origins')]);
  const app = await post('clicks/records', 'text/plain', 'x', { origin: 'https://app.example' });
  expect([app.status, app.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example']);
  expect((await post('clicks/records', 'text/plain', 'x', { origin: root() })).status).toBe(200);
  const preflight = await fetch(`${root()}/v1/topics/clicks/records`, { method: 'OPTIONS', headers: { origin: 'https://app.example' } });
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, POST']);
  // One body is held back by its client; the next has no room beside it.
  const held = httpRequest(`${root()}/v1/topics/clicks/records`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'content-length': '60000', expect: '100-continue' },
  });
  const ended = statusOf(held);
  held.flushHeaders();
  // It is with the broker.
  await once(held, 'continue');
  const late = await post('clicks/records', 'text/plain', 'y'.repeat(50_000));
  expect([late.status, late.headers.get('retry-after'), late.body.error]).toEqual([429, '1', expect.stringContaining('try again')]);
  held.end('x'.repeat(60_000));
  expect(await ended).toBe(200);
  expect((await post('clicks/records', 'text/plain', 'y'.repeat(50_000))).status).toBe(200);
  expect((await post('__consumer_offsets/records', 'text/plain', 'x')).status).toBe(404);
});

test('a request with an idempotency key is stored once, also after a restart, and its key is for its content alone', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('clicks', 3);
  const records = Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, value: i }));
  const body = JSON.stringify(records);
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const first = await post('clicks/records', 'application/json', body, { 'idempotency-key': 'order-1' });
  const keyless = await post('clicks/records?idempotency-key=order-2', 'text/plain', 'one');
  const streamed = await post('clicks/records', 'application/x-ndjson', lines, { 'idempotency-key': 'order-3' });
  expect([first.status, keyless.status, streamed.status]).toEqual([200, 200, 200]);
  const ends = async (): Promise<number[]> => Promise.all([0, 1, 2].map((partition) => broker.endOffset('clicks', partition)));
  const before = await ends();
  expect(before.reduce((sum, end) => sum + end)).toBe(61);
  for (const restart of [false, true]) {
    if (restart) {
      await broker.halt();
      broker = await startTestBroker({ config: HTTP, dir: broker.dir });
    }
    const again = await post('clicks/records', 'application/json', body, { 'idempotency-key': 'order-1' });
    expect([restart, again.status, sorted(again)]).toEqual([restart, 200, sorted(first)]);
    expect((await post('clicks/records?idempotency-key=order-2', 'text/plain', 'one')).body).toEqual(keyless.body);
    expect(sorted(await post('clicks/records', 'application/x-ndjson', lines, { 'idempotency-key': 'order-3' }))).toEqual(sorted(streamed));
    const other = await post('clicks/records?idempotency-key=order-2', 'text/plain', 'two');
    expect([restart, other.status, other.body.error]).toEqual([restart, 422, expect.stringContaining('another content')]);
    expect(await ends()).toEqual(before);
  }
});

test('what a shard does not take in time is a 503 that says to come again', async () => {
  broker = await startTestBroker();
  await broker.createTopic('clicks');
  const topic = broker.running.caller.image.topic('clicks')!;
  const full = {
    ...broker.running.caller,
    limits: () => ({ maxBatchBytes: 1_000_000, compacts: false, timestampSpanMs: 1e9 }),
    produce: (_topic: string, _partition: number, _batch: Uint8Array, _acks: number, signal?: AbortSignal) =>
      new Promise<never>((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason))),
  } as unknown as GatewayLog;
  // Not what runs the broker's own thread, which this is too.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const appends = new RecordAppends({ log: full, topic, acks: -1, identity: null, seed: null, gather: new AppendGather(Date.now) });
    const appended = new Promise<void>((resolve) => appends.append([{ key: null, value: Buffer.from('x'), partition: null }], resolve));
    // Batches leave at the end of a turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(2000);
    await appended;
    expect(appends.fault).toMatchObject({ status: 503, code: 'PUSHED_BACK', error: expect.stringContaining('try again later') });
    expect(headersOf(503)).toEqual({ 'retry-after': '1' });
  } finally {
    vi.useRealTimers();
  }
});

function statusOf(request: ClientRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    request.on('error', reject).on('response', (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
  });
}

function sorted({ body }: Answer): unknown {
  return [...body.ranges!].sort((a, b) => a.partition - b.partition);
}
