// The gateway's WebSocket, asked of a whole broker frame by frame, and by the client that pages use: pipelined acks, sessions
// that are stored once, credit, and what ends a connection.

import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { GatewayTerms } from '../../../src/net/http/gateway/gateway-log.ts';
import { packed, unpacked } from '../../../src/net/http/gateway/msgpack.ts';
import { streamRoute } from '../../../src/net/http/gateway/stream-route.ts';
import type { HttpRequest } from '../../../src/net/http/http-exchange.ts';
import type { SocketPeer } from '../../../src/net/http/socket-exchange.ts';
import { connect, type StreamClient, type TailedRecord } from '../../../src/browser/stream-client.ts';
import { decode, encode } from '../../../src/browser/msgpack.ts';
import { startTestBroker, type TestBroker } from '../../support/broker.ts';
import { openFront } from './broker-front.ts';
import { httpConfig } from './http-config.ts';

const HTTP = httpConfig();

let broker: TestBroker;
const closers: (() => void)[] = [];
/** As a page has it: a connection that does not come about is no exception. */
class PageSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    this.on('error', () => undefined);
  }
}
beforeAll(() => {
  (globalThis as { WebSocket?: unknown }).WebSocket ??= PageSocket;
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await broker.stop();
});

type Frame = Record<string, any>;

/** Frames as they come. */
class Peer {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly frames: Frame[] = [];
  private wake: (() => void) | null = null;

  constructor(headers: Record<string, string> = {}, protocols: string[] = ['ringlog.v1']) {
    this.socket = new WebSocket(`ws://127.0.0.1:${broker.running.facts.httpPort}/v1/stream`, protocols, { headers });
    closers.push(() => this.socket.terminate());
    this.socket.on('message', (data: Buffer) => {
      this.frames.push(unpacked(data) as Frame);
      this.wake?.();
    });
    this.closed = new Promise((resolve, reject) => {
      this.socket.on('error', reject);
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.closed.catch(() => undefined);
  }

  send(frame: Frame): void {
    this.socket.send(packed(frame));
  }

  async next(): Promise<Frame> {
    while (this.frames.length === 0) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.frames.shift()!;
  }

  get waiting(): number {
    return this.frames.length;
  }
}

async function begin(topic = 'clicks', partitions = 1): Promise<Peer> {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic(topic, partitions);
  const peer = new Peer();
  expect(await peer.next()).toEqual({ t: 'hello', version: 1, frameBytesMax: 1048576, inFlightBytesMax: 8388608 });
  return peer;
}

test('produce frames are acked as they reach the disk, and a session is stored once and in order', async () => {
  const peer = await begin('clicks', 2);
  expect(peer.socket.protocol).toBe('ringlog.v1');
  expect(peer.socket.extensions).toBe('');
  peer.send({ t: 'topic', id: 1, topic: 'clicks' });
  expect(await peer.next()).toEqual({ t: 'topic', id: 1, topic: 'clicks', partitions: 2 });
  const frames = [0, 1, 2, 3, 4].map((i) => ({
    ...{ t: 'produce', id: 10 + i, topic: 'clicks', partition: 1, session: 's', seq: i * 2 },
    records: [{ value: `${i}a` }, { value: Buffer.from(`${i}b`) }],
  }));
  for (const frame of frames) peer.send(frame);
  const acks = [];
  while (acks.length < 5) acks.push(await peer.next());
  expect(acks.map(({ t, id, offset, durability }) => [t, id, offset, durability])).toEqual(
    [0, 1, 2, 3, 4].map((i) => ['ack', 10 + i, i * 2, 'disk']),
  );
  // The last five come again on another connection: they are found where they are.
  const again = new Peer();
  await again.next();
  for (const frame of frames) again.send(frame);
  for (let i = 0; i < 5; i++) expect(await again.next()).toMatchObject({ t: 'ack', id: 10 + i, offset: i * 2 });
  again.send({ ...frames[0], id: 30, seq: 12 });
  expect(await again.next()).toMatchObject({ t: 'error', id: 30, status: 422, again: false });
  expect(await broker.endOffset('clicks', 1)).toBe(10);
  // Without a session, keys choose, and nothing is told of acks=0.
  again.send({ t: 'produce', id: 40, topic: 'clicks', acks: 0, records: [{ key: 'k', value: 'v' }] });
  again.send({ t: 'produce', id: 41, topic: 'clicks', acks: 1, records: [{ value: { deep: [1] }, partition: 0 }] });
  expect(await again.next()).toMatchObject({ t: 'ack', id: 41, durability: 'written' });
});

test('a subscription sends what its credit allows, from any offset', async () => {
  const peer = await begin();
  for (let i = 0; i < 8; i++) {
    peer.send({ t: 'produce', id: i, topic: 'clicks', records: [{ value: `${i}`.repeat(40_000) }] });
    // A batch each: where a fetch ends decides where frames end.
    await peer.next();
  }
  peer.send({ t: 'subscribe', id: 50, topic: 'clicks', partition: 0, offset: 2, credit: 1 });
  expect(await peer.next()).toEqual({ t: 'subscribed', id: 50, next: 2 });
  const first = await peer.next();
  expect([first['t'], first['records'].map(({ offset }: Frame) => offset), first['next']]).toEqual(['records', [2, 3], 4]);
  // In debt by a frame of 80 kB: what pays for half of it brings nothing, the next answer shows.
  peer.send({ t: 'credit', id: 50, bytes: 40_000 });
  peer.send({ t: 'topic', id: 60, topic: 'clicks' });
  expect((await peer.next())['t']).toBe('topic');
  peer.send({ t: 'credit', id: 50, bytes: 60_000 });
  expect((await peer.next())['next']).toBe(6);
  peer.send({ t: 'credit', id: 50, bytes: 1_000_000 });
  expect((await peer.next())['next']).toBe(8);
  peer.send({ t: 'produce', id: 61, topic: 'clicks', acks: 0, records: [{ key: Buffer.from([255]), value: null, headers: { a: 'b' } }] });
  expect(await peer.next()).toMatchObject({ t: 'records', id: 50, next: 9, records: [{ offset: 8, value: null, headers: { a: 'b' } }] });
  peer.send({ t: 'unsubscribe', id: 50 });
  peer.send({ t: 'subscribe', id: 51, topic: 'clicks', offset: 99, credit: 1 });
  expect(await peer.next()).toMatchObject({ t: 'subscribed', id: 51 });
  expect(await peer.next()).toEqual({ t: 'gap', id: 51, from: 99, next: 9 });
});

test('frames of a turn are one append, and a record that is refused takes no other with it', async () => {
  broker = await startTestBroker({ config: HTTP });
  await broker.createTopic('states', 1, { 'cleanup.policy': 'compact' });
  const { caller } = broker.running;
  const produce = caller.produce.bind(caller);
  let appends = 0;
  caller.produce = (...args) => (appends++, produce(...args));
  const peers = Array.from({ length: 4 }, () => new Peer());
  for (const peer of peers) await peer.next();
  // In one segment to the kernel, so that one turn has them.
  for (const [p, { socket }] of peers.entries()) {
    const { _socket: raw } = socket as unknown as { _socket: { cork(): void; uncork(): void } };
    raw.cork();
    for (let i = 0; i < 50; i++) {
      const record = i === 25 ? { value: 'keyless' } : { key: `${p}`, value: `${i}` };
      socket.send(packed({ t: 'produce', id: i, topic: 'states', acks: 1, records: [record] }));
    }
    raw.uncork();
  }
  for (const peer of peers) {
    const answers = [];
    while (answers.length < 50) answers.push(await peer.next());
    const refused = answers.filter(({ t }) => t === 'error');
    expect(refused).toEqual([expect.objectContaining({ id: 25, status: 400, code: 'INVALID_RECORD', again: false, stored: [] })]);
    const stored = answers.filter(({ t }) => t === 'ack');
    expect(stored.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, i) => i).filter((i) => i !== 25));
    const offsets = stored.map(({ offset }) => offset as number);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  }
  expect(await broker.endOffset('states', 0)).toBe(196);
  expect(appends).toBeLessThan(40);
  const reader = peers[0]!;
  reader.send({ t: 'subscribe', id: 99, topic: 'states', offset: 0, credit: 1_000_000 });
  await reader.next();
  const seen = new Map<string, number[]>();
  for (let next = 0; next < 196;) {
    const frame = await reader.next();
    next = frame['next'];
    for (const { key, value } of frame['records']) seen.set(key, [...(seen.get(key) ?? []), Number(value)]);
  }
  for (const values of seen.values()) expect(values).toEqual(Array.from({ length: 50 }, (_, i) => i).filter((i) => i !== 25));
});

test('what is wrong with a frame is told; who is no client, or has too much on its way, is cut off with a reason', async () => {
  const peer = await begin();
  const bad: readonly [frame: Frame, status: number, what: RegExp][] = [
    [{ t: 'fetch', id: 1 }, 400, /no frames 'fetch'/],
    [{ t: 'topic' }, 400, /id/],
    [{ t: 'topic', id: 1, topic: 'other' }, 404, /ringlog topic create/],
    [{ t: 'produce', id: 1, topic: 'clicks', records: [] }, 400, /at least one/],
    [{ t: 'produce', id: 1, topic: 'clicks', records: [{}] }, 400, /records\[0\]/],
    [{ t: 'produce', id: 1, topic: 'clicks', partition: 3, records: [{ value: 1 }] }, 404, /partitions 0 to 0/],
    [{ t: 'produce', id: 1, topic: 'clicks', session: 's', seq: 0, records: [{ value: 1 }] }, 400, /'partition'/],
    [{ t: 'produce', id: 1, topic: 'clicks', session: 's', partition: 0, records: [{ value: 1 }] }, 400, /'seq'/],
    [{ t: 'subscribe', id: 1, topic: 'clicks', offset: 'soon' }, 400, /an offset is/],
    [{ t: 'subscribe', id: 1, topic: 'clicks', credit: -1 }, 400, /credit/],
  ];
  for (const [frame, status, what] of bad) {
    peer.send(frame);
    expect([frame, await peer.next()]).toEqual([
      frame,
      expect.objectContaining({ t: 'error', status, error: expect.stringMatching(what) }),
    ]);
  }
  peer.socket.send(Buffer.from([0xc1]));
  expect(await peer.closed).toEqual({ code: 1008, reason: expect.stringContaining('no frame') });
  const text = new Peer();
  await text.next();
  text.socket.send('{}');
  expect(await text.closed).toEqual({ code: 1003, reason: 'frames are binary, msgpack' });
  const large = new Peer();
  await large.next();
  large.socket.send(Buffer.alloc(1_100_000));
  expect((await large.closed).code).toBe(1009);
  const { caller } = broker.running;
  caller.produce = () => new Promise(() => undefined);
  const eager = new Peer();
  await eager.next();
  for (let i = 0; i < 10; i++) eager.send({ t: 'produce', id: i, topic: 'clicks', records: [{ value: Buffer.alloc(900_000) }] });
  expect(await eager.closed).toEqual({ code: 1008, reason: expect.stringContaining('without their acks') });
});

test('a page of another site is not let in, and a token may come as a protocol', async () => {
  broker = await startTestBroker({ config: { ...HTTP, 'ringlog.http.token': 's (1)' } });
  await expect(new Peer().closed).rejects.toThrow('401');
  await expect(new Peer({ authorization: 'Bearer s (1)', origin: 'https://evil.example' }).closed).rejects.toThrow('403');
  const shown = new Peer({}, ['ringlog.v1', 'token.s%2520%281%29']);
  expect((await shown.next())['t']).toBe('hello');
  await broker.createTopic('clicks');
  const client = page('s (1)');
  expect((await client.send('clicks', { value: 'x' })).offset).toBe(0);
});

function page(token?: string): StreamClient {
  const client = connect(`ws://127.0.0.1:${broker.running.facts.httpPort}`, token === undefined ? {} : { token });
  closers.push(() => client.close());
  return client;
}

test("a page's client sends and tails over a restart of the broker, without loss or repeat", async () => {
  await begin('clicks', 3);
  const { dir } = broker;
  const front = await openFront(() => broker.running.facts.httpPort!);
  const client = connect(`ws://127.0.0.1:${front.port}`);
  closers.push(() => client.close(), front.close);
  const seen: TailedRecord[] = [];
  let begun = 0;
  await client.tail('clicks', (records) => {
    if (records.length === 0) begun++;
    seen.push(...records);
  });
  await expect.poll(() => begun, { timeout: 30_000 }).toBe(3);
  const sent: Promise<{ partition: number; offset: number }>[] = [];
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) sent.push(client.send('clicks', { key: `k${i % 7}`, value: String(sent.length) }));
  };
  send(200);
  await Promise.all(sent);
  // What is stored now has an ack that nobody hears: all of it comes again.
  front.deafen();
  send(200);
  const stored = async (): Promise<number> => {
    const ends = await Promise.all([0, 1, 2].map((partition) => broker.endOffset('clicks', partition)));
    return ends.reduce((sum, end) => sum + end);
  };
  await expect.poll(stored, { timeout: 30_000 }).toBeGreaterThan(200);
  await broker.halt();
  send(100);
  broker = await startTestBroker({ config: HTTP, dir });
  send(100);
  const places = await Promise.all(sent);
  await expect.poll(() => seen.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(600);
  expect(await stored()).toBe(600);
  expect(new Set(places.map(({ partition, offset }) => `${partition}:${offset}`)).size).toBe(600);
  expect(seen.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, i) => i));
  // Of one key, in order; and where the ack said.
  for (const { value, partition, offset } of seen) expect(places[Number(value)]).toMatchObject({ partition, offset });
  for (let key = 0; key < 7; key++) {
    const own = seen.filter((record) => record.key === `k${key}`).map(({ offset }) => offset);
    expect(own).toEqual([...own].sort((a, b) => a - b));
  }
});

test('a record that is refused fails alone', async () => {
  await begin();
  const client = page();
  const ended = new Promise<string>((resolve) => {
    void client.tail('other', (_, error) => error !== undefined && resolve(error), { partitions: [0] });
  });
  expect(await ended).toContain('ringlog topic create');
  await expect(client.send('other', { value: 1 })).rejects.toThrow('ringlog topic create');
  await expect(client.send('clicks', { value: new Uint8Array(2_000_000) })).rejects.toThrow('too large');
  const headers = { a: 5 } as unknown as Record<string, string>;
  const sent = [
    client.send('clicks', { value: 'a' }),
    client.send('clicks', { value: 'b', headers }),
    client.send('clicks', { value: 'c' }),
  ];
  const results = await Promise.allSettled(sent);
  // They went in one frame.
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect((await client.send('clicks', { value: 'd' })).offset).toBe(0);
});

test("the page's msgpack says what msgpackr says", () => {
  const value = [
    null,
    true,
    false,
    0,
    127,
    128,
    65_535,
    65_536,
    2 ** 32,
    1.5,
    2 ** 52,
    '',
    'é',
    'x'.repeat(300),
    'y'.repeat(70_000),
    [],
    {},
    { a: { b: [1] } },
  ];
  const bytes = new Uint8Array([0, 255]);
  expect(unpacked(encode(value))).toEqual(value);
  const own = (from: Uint8Array): ArrayBuffer => new Uint8Array(from).buffer;
  expect(decode(own(packed(value)))).toEqual(value);
  expect(decode(own(packed({ bytes: Buffer.alloc(300, 7), small: Buffer.from(bytes) })))).toEqual({
    bytes: new Uint8Array(300).fill(7),
    small: bytes,
  });
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`n${i}`, i]));
  expect(decode(own(packed([many, Array.from({ length: 70_000 }, () => 1)])))).toEqual([many, Array.from({ length: 70_000 }, () => 1)]);
});

test('the bundle of pages is under 3 kB', () => {
  const path = new URL('../../../dist/browser/ringlog.js', import.meta.url);
  expect(statSync(path).size).toBeLessThan(3000);
  expect(readFileSync(path, 'utf8')).not.toContain('import');
});

test('a client that takes no answers is cut off', () => {
  const sent: Frame[] = [];
  const closed: number[] = [];
  let bufferedBytes = 0;
  const peer: SocketPeer = {
    send: (frames) => void sent.push(...frames.map((bytes) => unpacked(bytes) as Frame)),
    get bufferedBytes() {
      return bufferedBytes;
    },
    drained: async () => undefined,
    close: (code) => void closed.push(code),
  };
  const turnedAway: string[] = [];
  const terms = { wallMs: Date.now, turnedAway: (remote: string, reason: string) => void turnedAway.push(`${remote} ${reason}`) };
  const client = streamRoute(terms as unknown as GatewayTerms).open({ remote: '10.0.0.1' } as HttpRequest, peer);
  client.onFrame(packed({ t: 'x'.repeat(1000), id: 1 }));
  expect(closed).toEqual([]);
  expect(sent.map(({ t }) => t)).toEqual(['hello', 'error']);
  // What it sent is not sent back whole.
  expect(sent[1]!['error'].length).toBeLessThan(200);
  bufferedBytes = 40 * 1024 * 1024;
  for (let id = 2; id < 5; id++) client.onFrame(packed({ t: 'nothing', id }));
  expect(closed[0]).toBe(1008);
  expect(turnedAway[0]).toMatch(/^10.0.0.1 1008 more than \d+ bytes were not taken$/);
  expect(sent.length).toBe(3);
});
