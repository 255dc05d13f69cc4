// The time limits of the HTTP listener and its gateway, with the clock in the test's hand and a log that it plays: bodies that
// do not go on, answers and subscribers that nobody takes, clients that are gone without a word, polls that last.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { FetchAnswer } from '../../../src/engine/broker/log-access.ts';
import { ErrorCode } from '../../../src/engine/base/error-code.ts';
import { buildBatch } from '../../../src/engine/record/batch-builder.ts';
import type { GatewayLog, GatewayTerms } from '../../../src/net/http/gateway/gateway-log.ts';
import { gatewayRoutes } from '../../../src/net/http/gateway/gateway-routes.ts';
import { packed, unpacked } from '../../../src/net/http/gateway/msgpack.ts';
import { streamRoute } from '../../../src/net/http/gateway/stream-route.ts';
import { HttpDispatch } from '../../../src/net/http/http-dispatch.ts';
import { type HttpListening, SILENCE_MS } from '../../../src/net/http/http-server.ts';
import { httpEngine } from '../../../src/net/http/http-engine.ts';
import { listenNodeHttp } from '../../../src/net/http/node-http-server.ts';
import { loadUws } from '../../../src/net/http/uws-module.ts';
import { DEADLINE_MS } from '../../support/broker.ts';

/** More than the kernel takes for a client that does not read. */
const LARGE_BYTES = 16 * 1024 * 1024;

let listening: HttpListening;
let listen: typeof listenNodeHttp = listenNodeHttp;
const sockets: { destroy?: () => void; terminate?: () => void }[] = [];
/** What each fetch was told to wait, and what it answers. */
let waits: number[];
let fetched: (offset: number, signal: AbortSignal) => Promise<FetchAnswer>;
let appended: number;
let turnedAway: string[];

const topic = { name: 'clicks', internal: false, partitions: [{ index: 0 }] };
const log = {
  image: { topic: () => topic },
  limits: () => ({ maxBatchBytes: 1_000_000, compacts: false, timestampSpanMs: 1e9 }),
  partitions: { listOffsets: async () => [{ errorCode: ErrorCode.NONE, offset: 0 }] },
  produce: async () => ({ errorCode: ErrorCode.NONE, baseOffset: appended++ }),
  fetch: (_topic: string, _partition: number, offset: number, _maxBytes: number, waitMs: number, signal: AbortSignal) => {
    waits.push(waitMs);
    return fetched(offset, signal);
  },
} as unknown as GatewayLog;
const terms: GatewayTerms = {
  log: () => log,
  syncsBeforeAck: true,
  bodyBytesMax: 1000,
  inFlightBytesMax: 1 << 20,
  wallMs: () => 0,
  turnedAway: (remote, reason) => void turnedAway.push(`${remote} ${reason}`),
};

beforeEach(async () => {
  waits = [];
  appended = 0;
  turnedAway = [];
  // Until the client is gone.
  fetched = (_offset, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const guard = { token: null, loopback: true, origins: [] };
  const failed = (path: string, error: unknown): never => {
    throw new Error(path, { cause: error });
  };
  const { turnedAway: told } = terms;
  const service = new HttpDispatch(gatewayRoutes(terms), [streamRoute(terms)], guard, { failed, turnedAway: told });
  listening = await listen('127.0.0.1', 0, service);
});
afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets.splice(0)) (socket.destroy ?? socket.terminate)!.call(socket);
  await listening.close();
});

async function ask(text: string): Promise<{ socket: Socket; heard: () => string; closed: Promise<unknown> }> {
  const socket = connect(listening.port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk.toString('latin1'))).on('error', () => undefined);
  socket.write(text.replaceAll('\n', '\r\n'));
  return { socket, heard: () => heard, closed: once(socket, 'close') };
}

const POST = 'POST /v1/topics/clicks/records HTTP/1.1\nhost: localhost\ntransfer-encoding: chunked\ncontent-type: ';
const line = '{"value":"a"}\n';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Until `check` has nothing to say; expect.poll() would move the clock. */
async function eventually(check: () => void): Promise<void> {
  for (const end = Date.now() + DEADLINE_MS; ;) {
    try {
      return check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function largeRecord(bytes = LARGE_BYTES): FetchAnswer {
  const records = buildBatch([{ key: null, value: Buffer.alloc(bytes, 'v') }], { timestampMs: 0 });
  return { errorCode: ErrorCode.NONE, records, highWatermark: 1, logStartOffset: 0 } as unknown as FetchAnswer;
}

test('a body may last as long as it goes on; one that does not is answered 408, with what of it is stored', async () => {
  const { socket, heard } = await ask(`${POST}application/x-ndjson\n\n`);
  for (let i = 1; i <= 3; i++) {
    socket.write(chunk(line));
    await eventually(() => expect(appended).toBe(i));
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    expect(heard()).toBe('');
  }
  await vi.advanceTimersByTimeAsync(1);
  await eventually(() => expect(heard()).toMatch(/^HTTP\/1.1 408 [^]*nothing of the body came for 30 s[^]*"count":3/));
  expect(heard()).toMatch(/\r\nconnection: close\r\n/i);
});

test('a body that never begins is answered 408', async () => {
  const { heard } = await ask(`${POST}text/plain\n\n`);
  await eventually(() => expect(vi.getTimerCount()).toBe(1));
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  await eventually(() => expect(heard()).toMatch(/^HTTP\/1.1 408 /));
});

test('a long poll waits for 30 s at most', async () => {
  const { socket } = await ask('GET /v1/topics/clicks/partitions/0/records?wait-ms=29999 HTTP/1.1\nhost: localhost\n\n');
  await eventually(() => expect(waits).toEqual([29_999]));
  socket.destroy();
  await ask('GET /v1/topics/clicks/partitions/0/records?wait-ms=86400000 HTTP/1.1\nhost: localhost\n\n');
  await eventually(() => expect(waits).toEqual([29_999, 30_000]));
});

test('an answer that nobody takes is not kept', async () => {
  fetched = async () => largeRecord();
  const { socket, heard, closed } = await ask('GET /v1/topics/clicks/partitions/0/records HTTP/1.1\nhost: localhost\n\n');
  socket.pause();
  await eventually(() => expect(vi.getTimerCount()).toBe(1));
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  socket.resume();
  await closed;
  expect(heard().length).toBeLessThan(LARGE_BYTES);
});

test('an answer of many pieces is whole, and nothing watches over it any more', async () => {
  fetched = async () => largeRecord(2 * 1024 * 1024);
  const { socket, heard } = await ask('GET /v1/topics/clicks/partitions/0/records HTTP/1.1\nhost: localhost\n\n');
  const lengths = (): unknown => {
    const [head, body] = heard().split('\r\n\r\n');
    return [Number(/content-length: (\d+)/i.exec(head!)?.[1]), /"value":"(v*)"\}\]\}\n$/.exec(body ?? '')?.[1]?.length];
  };
  await eventually(() => expect(lengths()).toEqual([expect.any(Number), 2 * 1024 * 1024]));
  expect(heard().length).toBe(heard().indexOf('\r\n\r\n') + 4 + (lengths() as number[])[0]!);
  await eventually(() => expect(vi.getTimerCount()).toBe(0));
  // The connection goes on.
  fetched = async () => largeRecord(1);
  socket.write('GET /v1/topics/clicks/partitions/0/records HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await eventually(() => expect(heard()).toMatch(/"value":"v"\}\]\}\n$/));
});

test('a tail says every 15 s that it is there; one that takes nothing for 30 s is cut off', async () => {
  const awake = await ask('GET /v1/topics/clicks/events HTTP/1.1\nhost: localhost\n\n');
  await eventually(() => expect(awake.heard()).toContain('event: begin'));
  await vi.advanceTimersByTimeAsync(15_000);
  await eventually(() => expect(awake.heard()).toContain(': heartbeat'));
  awake.socket.destroy();
  await eventually(() => expect(vi.getTimerCount()).toBe(0));
  fetched = async () => largeRecord();
  const asleep = await ask('GET /v1/topics/clicks/events HTTP/1.1\nhost: localhost\n\n');
  asleep.socket.pause();
  // The heartbeat, and the limit.
  await eventually(() => expect(vi.getTimerCount()).toBe(2));
  const reads = waits.length;
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  // What was sent may still be taken, for as long again.
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  asleep.socket.resume();
  await asleep.closed;
  expect(asleep.heard().length).toBeLessThan(LARGE_BYTES);
  expect(asleep.heard()).not.toContain('heartbeat');
  expect(waits.length).toBe(reads);
  expect(turnedAway).toEqual(['127.0.0.1 nothing was taken for 30 s']);
  expect(vi.getTimerCount()).toBe(0);
});

async function stream(options: { autoPong?: boolean } = {}): Promise<{ socket: WebSocket; next: () => Promise<Record<string, unknown>> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${listening.port}/v1/stream`, ['ringlog.v1'], options);
  sockets.push(socket);
  const frames: Record<string, unknown>[] = [];
  let wake = (): void => undefined;
  socket.on('message', (data: Buffer) => {
    frames.push(unpacked(data) as Record<string, unknown>);
    wake();
  });
  const next = async (): Promise<Record<string, unknown>> => {
    while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return frames.shift()!;
  };
  expect(await next()).toMatchObject({ t: 'hello' });
  return { socket, next };
}

test('a subscriber of a WebSocket that takes nothing for 30 s is cut off with the reason', async () => {
  fetched = async (offset) => (offset === 0 ? largeRecord() : new Promise(() => undefined));
  const { socket, next } = await stream();
  socket.send(packed({ t: 'subscribe', id: 1, topic: 'clicks', offset: 0, credit: 2 * LARGE_BYTES }));
  expect(await next()).toMatchObject({ t: 'subscribed' });
  socket.pause();
  // The pings, and the limit.
  await eventually(() => expect(vi.getTimerCount()).toBe(2));
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  const closed = once(socket, 'close') as Promise<[number, Buffer]>;
  socket.resume();
  const [code, reason] = await closed;
  expect([code, reason.toString()]).toEqual([1008, 'nothing was taken for 30 s']);
  expect(turnedAway).toEqual(['127.0.0.1 1008 nothing was taken for 30 s']);
});

test('who answers pings stays; who does not for 30 s is gone', async () => {
  const there = await stream();
  const gone = await stream({ autoPong: false });
  const closed = once(gone.socket, 'close');
  for (let id = 1; id <= 3; id++) {
    const pinged = once(there.socket, 'ping');
    await vi.advanceTimersByTimeAsync(SILENCE_MS);
    await pinged;
    // Behind the pong: its answer says that the broker has that too.
    there.socket.send(packed({ t: 'topic', id, topic: 'clicks' }));
    expect(await there.next()).toMatchObject({ t: 'topic', id });
  }
  expect((await closed)[0]).toBe(1006);
  expect(there.socket.readyState).toBe(WebSocket.OPEN);
});

// Its own clock, of 10 s and real, is wound up every few seconds of ours: what it does by itself is in slow-headers.test.ts.
describe.skipIf((await loadUws()).uws === null)('over uWebSockets.js', () => {
  /** How often it looks who is silent. */
  const WATCH_MS = 4000;
  beforeAll(async () => void ({ listen } = await httpEngine('uws')));
  afterAll(() => void (listen = listenNodeHttp));

  /** Whatever waits is looked at on the way. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += WATCH_MS) {
      await vi.advanceTimersByTimeAsync(WATCH_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test('a body may last as long as it goes on; one that does not is answered 408, with what of it is stored', async () => {
    const { socket, heard } = await ask(`${POST}application/x-ndjson\n\n`);
    for (let i = 1; i <= 3; i++) {
      socket.write(chunk(line));
      await eventually(() => expect(appended).toBe(i));
      await pass(SILENCE_MS - WATCH_MS);
      expect(heard()).toBe('');
    }
    await pass(2 * WATCH_MS);
    await eventually(() => expect(heard()).toMatch(/^HTTP\/1.1 408 [^]*nothing of the body came for 30 s[^]*"count":3/));
  });

  test('an answer that is not taken is kept for 30 s, and no longer', async () => {
    for (const [ms, whole] of [
      [SILENCE_MS - 2 * WATCH_MS, true],
      [SILENCE_MS + 2 * WATCH_MS, false],
    ] as const) {
      fetched = async () => largeRecord();
      const { socket, closed } = await ask('GET /v1/topics/clicks/partitions/0/records HTTP/1.1\nhost: localhost\n\n');
      socket.pause();
      await eventually(() => expect(socket.bytesRead).toBeGreaterThan(0));
      await pass(ms);
      socket.resume();
      if (whole) await eventually(() => expect(socket.bytesRead).toBeGreaterThan(LARGE_BYTES));
      else await closed;
      expect(socket.bytesRead > LARGE_BYTES).toBe(whole);
    }
  });

  test('a tail, and a subscriber of a WebSocket, that take nothing for 30 s are cut off with the reason', async () => {
    fetched = async (offset) => (offset === 0 ? largeRecord() : new Promise(() => undefined));
    const tail = await ask('GET /v1/topics/clicks/events?offset=0 HTTP/1.1\nhost: localhost\n\n');
    tail.socket.pause();
    const { socket, next } = await stream();
    socket.send(packed({ t: 'subscribe', id: 1, topic: 'clicks', offset: 0, credit: 2 * LARGE_BYTES }));
    expect(await next()).toMatchObject({ t: 'subscribed' });
    socket.pause();
    await eventually(() => expect(waits.length).toBeGreaterThanOrEqual(2));
    await pass(SILENCE_MS + 3 * WATCH_MS);
    await eventually(() =>
      expect(turnedAway.toSorted()).toEqual(['127.0.0.1 1008 nothing was taken for 30 s', '127.0.0.1 nothing was taken for 30 s']),
    );
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.resume();
    const [code, reason] = await closed;
    expect([code, reason.toString()]).toEqual([1008, 'nothing was taken for 30 s']);
    // What was on its way, and why it ends.
    tail.socket.resume();
    await eventually(() => expect(tail.socket.bytesRead).toBeGreaterThan(LARGE_BYTES));
    await eventually(() => expect(tail.heard().slice(-200)).toContain('event: end\ndata: {"error":"nothing was taken for 30 s"}'));
  });
});
