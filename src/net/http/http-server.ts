// What carries requests and sockets: node:http with ws, or uWebSockets.js, behind one interface and one conformance suite.
// Owner: shared words of the HTTP room.

import type { HttpAnswer, HttpRequest } from './http-exchange.ts';
import type { SocketRoute } from './socket-exchange.ts';

export interface HttpListening {
  readonly host: string;
  readonly port: number;
  /** Requests under way are told to end, then every connection is closed. */
  close(): Promise<void>;
}

export interface HttpService {
  answer(request: HttpRequest): Promise<HttpAnswer>;
  /** The route that takes the connection over, or why none does. */
  upgrade(request: HttpRequest): Promise<SocketRoute | HttpAnswer>;
}

/** How long a client may send nothing of a body it began, or take nothing of an answer. */
export const SILENCE_MS = 30_000;
export const CONNECTIONS_MAX = 4096;
export const HEADER_BYTES_MAX = 16 * 1024;
/** A socket's buffer counts as drained below this. */
export const DRAINED_BYTES = 64 * 1024;
