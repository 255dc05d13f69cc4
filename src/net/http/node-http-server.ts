// HTTP over node:http, WebSockets over ws. Owner: the supervisor's thread. Warm: once a request or frame.

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type AnswerStream, BodyLost, type HttpAnswer, type HttpRequest, StalledReader } from './http-exchange.ts';
import { CONNECTIONS_MAX, DRAINED_BYTES, HEADER_BYTES_MAX, type HttpListening, type HttpService, SILENCE_MS } from './http-server.ts';
import { SocketClose, type SocketPeer, type SocketRoute } from './socket-exchange.ts';

const HEADERS_TIMEOUT_MS = 10_000;
/** How often node:http looks who is over it; by itself every 30 s. */
const HEADERS_CHECK_MS = 1000;
const CLOSE_LIMIT_MS = 1000;
/** Whoever takes less than this of a long answer within SILENCE_MS is cut off. */
const PIECE_BYTES = 256 * 1024;

const BINARY = { binary: true };

/** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
export async function listenNodeHttp(host: string, port: number, service: HttpService): Promise<HttpListening> {
  // A body may come for as long as it keeps coming: body() watches over it.
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: HEADERS_CHECK_MS,
    requestTimeout: 0,
    maxHeaderSize: HEADER_BYTES_MAX,
  });
  const underWay = new UnderWay();
  const sockets = new NodeSockets(underWay);
  server.on('request', (incoming, response) => void exchange(incoming, response, service, underWay));
  server.on('upgrade', (incoming, socket, head) => void sockets.upgrade(incoming, socket, head, service));
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const bound = server.address() as AddressInfo;
  const close = (): Promise<void> => {
    underWay.close();
    sockets.close();
    return closeServer(server);
  };
  return { host, port: bound.port, close };
}

/** The requests of a server that have no end yet: all hear when it closes. */
class UnderWay {
  closed = false;
  private readonly requests = new Set<AbortController>();

  /** @param carrier what closes when the client is gone, or has its answer */
  begin(carrier: ServerResponse | Duplex): AbortSignal {
    const request = new AbortController();
    this.requests.add(request);
    carrier.once('close', () => {
      this.requests.delete(request);
      request.abort(new Error('the client is gone'));
    });
    return request.signal;
  }

  close(): void {
    this.closed = true;
    for (const request of this.requests) request.abort(new Error('the server closes'));
  }
}

async function exchange(incoming: IncomingMessage, response: ServerResponse, service: HttpService, underWay: UnderWay): Promise<void> {
  const request = requestOf(incoming, underWay.begin(response));
  const { status, headers, body } = await service.answer(request);
  if (response.destroyed) return;
  // What is left of a body that nobody reads would be taken for the next request.
  const unread = !incoming.complete && !incoming.readableEnded && hasBody(incoming);
  const connection = unread || underWay.closed ? { connection: 'close' } : {};
  const whole = typeof body !== 'function';
  const length = whole ? { 'content-length': Buffer.byteLength(body) } : {};
  response.writeHead(status, { ...headers, ...connection, ...length });
  const bodiless = incoming.method === 'HEAD';
  const small = whole && length['content-length']! <= PIECE_BYTES;
  if (!small && !bodiless) await writeBody(whole ? inPieces(body) : body, response, request.signal);
  if (response.destroyed) return;
  // What a client has not taken by then is not kept for it.
  const limit = setTimeout(() => response.destroy(), SILENCE_MS);
  response.once('close', () => clearTimeout(limit));
  response.end(small && !bodiless ? body : undefined, () => {
    if (!whole && underWay.closed) incoming.socket.end();
  });
  if (unread) incoming.resume();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function inPieces(body: string | Uint8Array): (stream: AnswerStream) => Promise<void> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return async (stream) => {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) await stream.write(bytes.subarray(at, at + PIECE_BYTES));
  };
}

async function writeBody(body: (stream: AnswerStream) => Promise<void>, response: ServerResponse, signal: AbortSignal): Promise<void> {
  response.flushHeaders();
  const stream: AnswerStream = {
    write: async (piece) => {
      // A server that closes still takes what ends an answer well.
      if (response.destroyed || response.writableEnded) throw signal.reason ?? new Error('the client is gone');
      if (!response.write(piece)) await drained(response, signal);
    },
  };
  try {
    await body(stream);
  } catch {
    // Cut off: an answer that looks whole would be a lie.
    response.destroy();
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown): void => {
      clearTimeout(limit);
      response.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
      if (error === null) resolve();
      else reject(error);
    };
    const onDrain = (): void => settle(null);
    const onAbort = (): void => settle(signal.reason);
    const limit = setTimeout(() => settle(new StalledReader(`nothing was taken for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
    response.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): HttpRequest {
  const target = incoming.url ?? '/';
  const question = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: question < 0 ? target : target.slice(0, question),
    query: new URLSearchParams(question < 0 ? '' : target.slice(question + 1)),
    // Gone with the socket.
    remote: incoming.socket.remoteAddress ?? 'unknown',
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    headersFrom: (prefix) =>
      Object.entries(incoming.headers).flatMap(([name, value]) =>
        name.startsWith(prefix) && value !== undefined ? [[name, Array.isArray(value) ? value.join(', ') : value]] : [],
      ),
    body: () => bodyOf(incoming),
    signal,
  };
}

async function* bodyOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  const pieces = incoming.iterator({ destroyOnReturn: false });
  let limit: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new BodyLost(`nothing of the body came for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  });
  silence.catch(() => undefined);
  try {
    for (;;) {
      limit!.refresh();
      const { done, value } = await Promise.race([pieces.next(), silence]).catch((error: unknown) => {
        throw error instanceof BodyLost ? error : new BodyLost('the client went away');
      });
      if (done === true) return;
      yield value as Buffer;
    }
  } finally {
    clearTimeout(limit);
  }
}

/** The WebSockets of one server. */
class NodeSockets {
  private readonly server = new WebSocketServer({ noServer: true, clientTracking: true, perMessageDeflate: false });
  private readonly underWay: UnderWay;

  constructor(underWay: UnderWay) {
    this.underWay = underWay;
  }

  async upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, service: HttpService): Promise<void> {
    socket.on('error', () => undefined);
    const request = requestOf(incoming, this.underWay.begin(socket));
    const found = await service.upgrade(request);
    if ('status' in found) {
      refuseUpgrade(socket, found);
      return;
    }
    if (this.underWay.closed || socket.destroyed) {
      socket.destroy();
      return;
    }
    // Each route has a bound of its own, and the protocol that it speaks.
    const { options } = this.server;
    options.maxPayload = found.frameBytesMax;
    options.handleProtocols = (offered) => (offered.has(found.protocol) ? found.protocol : false);
    this.server.handleUpgrade(incoming, socket, head, (client) => attach(client, socket, found, request));
  }

  close(): void {
    for (const client of this.server.clients) client.close(SocketClose.RESTART, 'the broker stops; connect again');
    const limit = setTimeout(() => {
      for (const client of this.server.clients) client.terminate();
    }, CLOSE_LIMIT_MS / 2);
    limit.unref();
  }
}

function attach(client: WebSocket, socket: Duplex, route: SocketRoute, request: HttpRequest): void {
  const peer: SocketPeer = {
    send: (frames) => {
      socket.cork();
      for (const frame of frames) client.send(frame, BINARY);
      socket.uncork();
    },
    get bufferedBytes() {
      return client.bufferedAmount;
    },
    drained: () => socketDrained(client, socket),
    close: (code, reason) => client.close(code, reason),
  };
  const handler = route.open(request, peer);
  client.on('message', (data: RawData, isBinary: boolean) => {
    if (!isBinary) client.close(SocketClose.UNSUPPORTED, 'frames are binary, msgpack');
    else handler.onFrame(data as Buffer);
  });
  client.on('error', () => undefined);
  client.on('close', () => handler.onClose());
  watch(client);
}

/** A client that is gone without a word does not answer. */
function watch(client: WebSocket): void {
  let heard = true;
  client.on('pong', () => (heard = true));
  const timer = setInterval(() => {
    if (!heard) client.terminate();
    heard = false;
    client.ping();
  }, SILENCE_MS);
  client.on('close', () => clearInterval(timer));
}

/** ws tells of no drain; its socket does. */
async function socketDrained(client: WebSocket, socket: Duplex): Promise<void> {
  while (client.readyState === client.OPEN && client.bufferedAmount > DRAINED_BYTES) {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        client.off('close', done);
        resolve();
      };
      socket.once('drain', done);
      client.once('close', done);
    });
  }
}

function refuseUpgrade(socket: Duplex, { status, headers = {}, body }: HttpAnswer): void {
  const text = typeof body === 'string' ? body : '';
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(text) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // A client that does not read its answer keeps nobody from stopping.
    const limit = setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_MS);
    limit.unref();
  });
}
