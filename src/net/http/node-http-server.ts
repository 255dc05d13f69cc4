// HTTP over node:http. Owner: the supervisor's thread. Not hot: scrapes, health checks and the console come once a second.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpAnswer, HttpRequest } from './http-exchange.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 256;
const HEADER_BYTES_MAX = 16 * 1024;

export interface HttpListening {
  readonly host: string;
  readonly port: number;
  /** Requests under way are answered, then every connection is closed. */
  close(): Promise<void>;
}

/** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
export async function listenHttp(
  host: string,
  port: number,
  answer: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpListening> {
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: HEADER_BYTES_MAX },
    (incoming, response) => void exchange(incoming, response, answer),
  );
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const bound = server.address() as AddressInfo;
  return { host, port: bound.port, close: () => closeServer(server) };
}

async function exchange(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<void> {
  // No route here takes a body.
  incoming.resume();
  const { status, headers, body } = await answer(requestOf(incoming));
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(incoming.method === 'HEAD' ? undefined : body);
}

function requestOf(incoming: IncomingMessage): HttpRequest {
  const target = incoming.url ?? '/';
  const question = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: question < 0 ? target : target.slice(0, question),
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // A client that does not read its answer keeps nobody from stopping.
    const limit = setTimeout(() => server.closeAllConnections(), 1000);
    limit.unref();
  });
}
