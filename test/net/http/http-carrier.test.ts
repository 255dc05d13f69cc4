// What carries requests and sockets, on either engine, without a broker: whole and streamed bodies both ways, back-pressure,
// clients that go away, refusals, and a close that leaves nothing.

import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { HttpAnswer, HttpRequest } from '../../../src/net/http/http-exchange.ts';
import { type HttpEngineChoice, httpEngine } from '../../../src/net/http/http-engine.ts';
import type { HttpListening, HttpService } from '../../../src/net/http/http-server.ts';
import type { SocketPeer, SocketRoute } from '../../../src/net/http/socket-exchange.ts';
import { loadUws } from '../../../src/net/http/uws-module.ts';

const LARGE_BYTES = 24 * 1024 * 1024;

const here = await loadUws();
if (here.uws === null) process.stdout.write(`not run on uWebSockets.js: ${here.reason}\n`);
const engines: HttpEngineChoice[] = here.uws === null ? ['node'] : ['uws', 'node'];

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(choice: HttpEngineChoice, service: Partial<HttpService>, port = 0): Promise<HttpListening> {
  const { listen: open } = await httpEngine(choice);
  const nothing = async (): Promise<HttpAnswer> => ({ status: 404, body: 'nothing' });
  const listening = await open('127.0.0.1', port, { answer: nothing, upgrade: nothing, ...service });
  closers.push(() => listening.close());
  return listening;
}

function socketTo({ port }: HttpListening, text: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).write(text);
  closers.push(() => socket.destroy());
  return socket;
}

/** All that comes until the end, or until `enough` of it has come. */
function heard(socket: Socket, enough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
      if (enough(text)) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
}

async function bodyOf(request: HttpRequest): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of request.body()) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe.each(engines)('%s', (choice) => {
  test('a request comes as it was sent, and its answer as it was given', async () => {
    const listening = await listen(choice, {
      answer: async (request) => {
        const { method, path, query } = request;
        const own = { method, path, a: query.get('a'), key: request.header('x-key'), many: request.headersFrom('x-m') };
        const body = JSON.stringify({ ...own, body: (await bodyOf(request)).toString('latin1') });
        return { status: 201, headers: { 'x-own': 'yes' }, body };
      },
    });
    const root = `http://127.0.0.1:${listening.port}`;
    const headers = [
      ['x-key', 'k'.repeat(8000)],
      ['x-m1', 'a'],
      ['x-m2', 'b'],
      ['x-m2', 'c'],
    ] as [string, string][];
    const answer = await fetch(`${root}/some/%41path?a=%20x&b`, { method: 'PUT', headers, body: 'b'.repeat(300_000) });
    expect([answer.status, answer.headers.get('x-own')]).toEqual([201, 'yes']);
    expect(await answer.json()).toEqual({
      ...{ method: 'PUT', path: '/some/%41path', a: ' x', key: 'k'.repeat(8000) },
      ...{ many: [['x-m1', 'a'], ['x-m2', 'b, c']], body: 'b'.repeat(300_000) }, // prettier-ignore
    });
    const head = await fetch(`${root}/`, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length')) > 20, await head.text()]).toEqual([201, true, '']);
    // A body may come in chunks, and the next request stands behind it.
    const chunked = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n';
    const socket = socketTo(listening, '');
    socket.write(chunked);
    await heard(socket, (text) => text.includes('"body":"abc"'));
    socket.write(chunked.replace('ab\r', 'xy\r'));
    await heard(socket, (text) => text.includes('"body":"xyc"'));
  });

  test('headers above 16 KB are answered 431, and requests ahead of their turn with all answers or an end', async () => {
    const listening = await listen(choice, {
      answer: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return { status: 200, body: 'fine' };
      },
    });
    const get = 'GET / HTTP/1.1\r\nhost: a\r\n';
    const long = socketTo(listening, `${get}x: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(await heard(long)).toMatch(/^HTTP\/1.1 431 /);
    const answers = (text: string): number => text.match(/HTTP\/1.1 200 [^]*?\r\n\r\nfine/g)?.length ?? 0;
    const ahead = await heard(socketTo(listening, `${get}\r\n`.repeat(2)), (text) => answers(text) === 2);
    // uWebSockets.js closes the connection: nothing is left out, or answered to somebody else.
    expect(ahead === '' ? 'cut off' : answers(ahead)).toBe(choice === 'node' ? 2 : 'cut off');
  });

  test('who waits for 100-continue is told to go on', async () => {
    const listening = await listen(choice, { answer: async (request) => ({ status: 200, body: await bodyOf(request) }) });
    const socket = socketTo(listening, 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n');
    await heard(socket, (text) => text.startsWith('HTTP/1.1 100 '));
    socket.write('body');
    expect(await heard(socket, (text) => text.endsWith('body'))).toMatch(/HTTP\/1.1 200 OK\r\n/);
  });

  test('pieces of a body are read as they are taken: a client gets no further ahead than a few buffers', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let bytes = 0;
    const listening = await listen(choice, {
      answer: async (request) => {
        for await (const piece of request.body()) {
          bytes += piece.length;
          await held;
        }
        return { status: 200, body: String(bytes) };
      },
    });
    const socket = socketTo(listening, `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${LARGE_BYTES}\r\nconnection: close\r\n\r\n`);
    const answer = heard(socket);
    socket.write(Buffer.alloc(LARGE_BYTES));
    await expect.poll(() => bytes > 0, { timeout: 30_000 }).toBe(true);
    // What the client could not get rid of is more than kernels hold and we do.
    expect(socket.writableLength).toBeGreaterThan(0);
    go();
    expect(await answer).toMatch(new RegExp(`\r\n\r\n${LARGE_BYTES}$`));
  });

  test('a large answer and a long stream come whole to a client that takes its time', async () => {
    const large = Buffer.alloc(LARGE_BYTES, 'abcdefg');
    let written = 0;
    const listening = await listen(choice, {
      answer: async ({ path }) => {
        if (path === '/whole') return { status: 200, body: large };
        const body: HttpAnswer['body'] = async ({ write }) => {
          for (; written < LARGE_BYTES; written += 1 << 20) await write(large.subarray(written, written + (1 << 20)));
        };
        return { status: 200, body };
      },
    });
    for (const path of ['/whole', '/stream']) {
      const answer = await fetch(`http://127.0.0.1:${listening.port}${path}`);
      // Nothing is read before its reader asks: a stream stops half-way.
      if (path === '/stream') {
        await expect.poll(() => written > 0, { timeout: 30_000 }).toBe(true);
        expect(written).toBeLessThan(LARGE_BYTES);
      }
      expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true);
    }
  });

  test('an answer that fails half-way does not look whole, and a client that goes is heard of', async () => {
    const reasons: string[] = [];
    const listening = await listen(choice, {
      answer: async (request) => ({
        status: 200,
        body: async ({ write }) => {
          await write('half');
          if (request.path === '/fails') throw new Error('no more');
          await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
          reasons.push((request.signal.reason as Error).message);
          await expect(write('more')).rejects.toThrow();
          reasons.push('refused');
        },
      }),
    });
    await expect(fetch(`http://127.0.0.1:${listening.port}/fails`).then((answer) => answer.text())).rejects.toThrow();
    const socket = socketTo(listening, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await heard(socket, (text) => text.includes('half'));
    socket.destroy();
    await expect.poll(() => reasons, { timeout: 30_000 }).toEqual(['the client is gone', 'refused']);
  });

  test('a body that nobody wants, or that ends too early, harms nobody', async () => {
    const lost: unknown[] = [];
    const listening = await listen(choice, {
      answer: async (request) => {
        if (request.path === '/early') return { status: 413, body: 'too much' };
        await bodyOf(request).catch((error: Error) => lost.push(error.name));
        return { status: 200, body: 'taken' };
      },
    });
    const early = socketTo(listening, 'POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n');
    early.write(Buffer.alloc(900_000));
    expect(await heard(early, (text) => text.includes('too much'))).toContain('HTTP/1.1 413 ');
    const short = socketTo(listening, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nxx');
    await new Promise((resolve) => short.write('', resolve));
    short.destroy();
    const next = await fetch(`http://127.0.0.1:${listening.port}/`, { method: 'POST', body: 'x' });
    expect(await next.text()).toBe('taken');
    await expect.poll(() => lost, { timeout: 30_000 }).toEqual(['BodyLost']);
  });

  test('an address that is taken is an error with its code', async () => {
    const other = createServer();
    closers.push(() => other.close());
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    );
    await expect(listen(choice, {}, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a socket holds what its client does not take until it is drained, and tells how it ends', async () => {
    let peer: SocketPeer | null = null;
    let closed = 0;
    const frames: number[] = [];
    const route: SocketRoute = {
      path: '/s',
      protocol: 'p.v1',
      frameBytesMax: 1000,
      open: (_request, own) => {
        peer = own;
        return { onFrame: (frame) => frames.push(frame.length), onClose: () => closed++ };
      },
    };
    const refused: HttpAnswer = { status: 403, headers: { 'x-why': 'so' }, body: 'no' };
    const listening = await listen(choice, { upgrade: async ({ path }) => (path === '/s' ? route : refused) });
    const open = (path: string): WebSocket => {
      const socket = new WebSocket(`ws://127.0.0.1:${listening.port}${path}`, ['x', 'p.v1']);
      // One that was refused is ended before it was open.
      socket.on('error', () => undefined);
      closers.push(() => socket.terminate());
      return socket;
    };
    const refusal = await new Promise((resolve) =>
      open('/no').on('unexpected-response', (_, { statusCode, headers }) => resolve([statusCode, headers['x-why']])),
    );
    expect(refusal).toEqual([403, 'so']);
    const socket = open('/s');
    await new Promise((resolve) => socket.on('open', resolve));
    expect(socket.protocol).toBe('p.v1');
    socket.pause();
    for (let i = 0; i < 24; i++) peer!.send([Buffer.alloc(1 << 20)]);
    expect(peer!.bufferedBytes).toBeGreaterThan(1 << 20);
    let drained = false;
    const emptied = peer!.drained().then(() => (drained = true));
    socket.send(Buffer.alloc(7));
    await expect.poll(() => frames, { timeout: 30_000 }).toEqual([7]);
    expect(drained).toBe(false);
    socket.resume();
    await emptied;
    const end = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
    socket.send(Buffer.alloc(1001));
    expect([await end, frames.length]).toEqual([1009, 1]);
    await expect.poll(() => closed, { timeout: 30_000 }).toBe(1);
    const last = open('/s');
    await new Promise((resolve) => last.on('open', resolve));
    const told = new Promise((resolve) => last.on('close', (code, reason) => resolve([code, reason.toString()])));
    await listening.close();
    expect(await told).toEqual([1012, 'the broker stops; connect again']);
  });

  test('a close lets go of every descriptor', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const once = async (): Promise<void> => {
      const listening = await listen(choice, { answer: async () => ({ status: 200, body: 'x' }) });
      const socket = socketTo(listening, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      await heard(socket, (text) => text.endsWith('x'));
      const gone = new Promise((resolve) => socket.on('close', resolve));
      socket.resume();
      await closers.pop();
      await listening.close();
      await gone;
      closers.length = 0;
    };
    await once();
    const before = open();
    for (let i = 0; i < 10; i++) await once();
    await expect.poll(open, { timeout: 30_000 }).toBeLessThanOrEqual(before);
  });
});

test('a thread that may be ended has node:http, unless the other is asked for by name', async () => {
  expect(await httpEngine('auto', true)).toMatchObject({ name: 'node:http', reason: expect.stringContaining('threads') });
  if (here.uws === null) return;
  expect(await httpEngine('uws', true)).toMatchObject({ name: 'uWebSockets.js' });
  expect(await httpEngine('auto')).toMatchObject({ name: 'uWebSockets.js' });
});

test('where uWebSockets.js does not load it is node:http, unless it was asked for by name', async () => {
  vi.doMock('uWebSockets.js', () => {
    throw new Error('no binary');
  });
  try {
    expect(await httpEngine('auto')).toMatchObject({ name: 'node:http', reason: expect.stringContaining('uWebSockets.js') });
    await expect(httpEngine('uws')).rejects.toMatchObject({
      name: 'HttpEngineAbsent',
      message: expect.stringContaining('ringlog.http.engine=uws: uWebSockets.js'),
    });
  } finally {
    vi.doUnmock('uWebSockets.js');
  }
});
