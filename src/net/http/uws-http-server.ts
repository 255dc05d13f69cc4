// HTTP and WebSockets over uWebSockets.js. Owner: the supervisor's thread. Warm: once a request or frame.
//
// Other than node:http it takes no request before the one ahead of it on the connection is answered: who pipelines is cut off.

import { createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js';
import { CONNECTIONS_MAX, DRAINED_BYTES, type HttpListening, type HttpService, SILENCE_MS } from './http-server.ts';
import { SocketClose, type SocketPeer, type SocketRoute } from './socket-exchange.ts';
import { UwsExchange } from './uws-exchange.ts';
import type { UwsModule } from './uws-module.ts';

const CLOSE_LIMIT_MS = 1000;
const WATCH_MS = 4000;
/** A frame above its route's bound is told so; far above it, uWebSockets.js drops the connection without a word. */
const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
export async function listenUws(uws: UwsModule, host: string, port: number, service: HttpService): Promise<HttpListening> {
  const server = new UwsServer(uws, service);
  const bound = server.listen(host, port);
  if (bound === null) {
    server.drop();
    throw await whyNot(host, port);
  }
  return { host, port: bound, close: () => server.close() };
}

/** Its fields are copied onto uWebSockets.js' own object, which is what getUserData() gives back. */
interface UwsUserData {
  readonly peer: UwsSocket;
}
type UwsUpgraded = WebSocket<UwsUserData>;

class UwsServer {
  private readonly uws: UwsModule;
  private readonly app: TemplatedApp;
  private readonly underWay = new Set<UwsExchange>();
  private readonly sockets = new Set<UwsSocket>();
  private readonly watcher: NodeJS.Timeout;
  private listening: us_listen_socket | null = null;
  private connections = 0;
  private closed = false;
  private closing: Promise<void> | null = null;
  private emptied: (() => void) | null = null;

  constructor(uws: UwsModule, service: HttpService) {
    this.uws = uws;
    this.app = uws.App();
    this.app.filter((response, change) => {
      this.connections += change;
      if (this.connections > CONNECTIONS_MAX) response.close();
    });
    this.app.any('/*', (response, request) => {
      const exchange = new UwsExchange(request, response, this.forget);
      this.underWay.add(exchange);
      void service.answer(exchange).then((answer) => exchange.answer(answer, this.isClosed));
    });
    this.takeSockets(service);
    this.watcher = setInterval(() => {
      const nowMs = performance.now();
      for (const exchange of this.underWay) exchange.watch(nowMs);
    }, WATCH_MS);
    this.watcher.unref();
  }

  /** @returns the port, null when it could not */
  listen(host: string, port: number): number | null {
    const { us_socket_local_port: portOf, LIBUS_LISTEN_EXCLUSIVE_PORT: exclusive } = this.uws as UwsConstants;
    // Nor do the types know options beside a host.
    const listen = this.app.listen.bind(this.app) as unknown as UwsListen;
    listen(host, port, exclusive, (socket) => (this.listening = socket === false ? null : socket));
    return this.listening === null ? null : portOf(this.listening);
  }

  drop(): void {
    clearInterval(this.watcher);
    this.app.close();
  }

  /** uWebSockets.js would take a second one for a listener that is there. */
  close(): Promise<void> {
    return (this.closing ??= this.closeOnce());
  }

  private async closeOnce(): Promise<void> {
    this.closed = true;
    this.uws.us_listen_socket_close(this.listening!);
    for (const exchange of this.underWay) exchange.abort(new Error('the server closes'));
    for (const socket of this.sockets) socket.close(SocketClose.RESTART, 'the broker stops; connect again');
    if (this.underWay.size > 0) {
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, CLOSE_LIMIT_MS);
        this.emptied = () => {
          clearTimeout(limit);
          resolve();
        };
      });
    }
    this.drop();
    // Descriptors go when the loop comes round.
    await setImmediate();
    await setImmediate();
  }

  private readonly isClosed = (): boolean => this.closed;

  private readonly forget = (exchange: UwsExchange): void => {
    this.underWay.delete(exchange);
    if (this.underWay.size === 0) this.emptied?.();
  };

  private takeSockets(service: HttpService): void {
    this.app.ws<UwsUserData>('/*', {
      compression: (this.uws as UwsConstants).DISABLED,
      maxPayloadLength: FRAME_BYTES_MAX,
      // Routes wait for drained(), and cut off who takes nothing.
      maxBackpressure: 0,
      idleTimeout: (2 * SILENCE_MS) / 1000,
      sendPingsAutomatically: true,
      upgrade: async (response, request, context) => {
        const key = request.getHeader('sec-websocket-key');
        const extensions = request.getHeader('sec-websocket-extensions');
        const exchange = new UwsExchange(request, response, this.forget);
        this.underWay.add(exchange);
        const found = await service.upgrade(exchange);
        if (exchange.ended) return;
        if ('status' in found) return exchange.answer(found, () => true);
        if (this.closed) return exchange.cut();
        const offered = (exchange.header('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim());
        // Kept: there is no response to ask behind this.
        void exchange.remote;
        exchange.end();
        response.cork(() =>
          response.upgrade(
            { peer: new UwsSocket(found, exchange) },
            key,
            offered.includes(found.protocol) ? found.protocol : '',
            extensions,
            context,
          ),
        );
      },
      open: (socket) => {
        const { peer } = socket.getUserData();
        this.sockets.add(peer);
        peer.open(socket);
      },
      message: (socket, message, isBinary) => socket.getUserData().peer.take(message, isBinary),
      drain: (socket) => socket.getUserData().peer.drain(),
      close: (socket) => {
        this.connections--;
        const { peer } = socket.getUserData();
        this.sockets.delete(peer);
        peer.end();
      },
    });
  }
}

/** Its types leave out the values. */
type UwsConstants = UwsModule & { readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number; readonly DISABLED: number };
type UwsListen = (host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void) => void;

/** One WebSocket and its route. */
class UwsSocket implements SocketPeer {
  private readonly route: SocketRoute;
  private readonly exchange: UwsExchange;
  private handler: ReturnType<SocketRoute['open']> | null = null;
  private socket: UwsUpgraded | null = null;
  private waiting: (() => void)[] = [];

  constructor(route: SocketRoute, exchange: UwsExchange) {
    this.route = route;
    this.exchange = exchange;
  }

  open(socket: UwsUpgraded): void {
    this.socket = socket;
    this.handler = this.route.open(this.exchange, this);
  }

  take(message: ArrayBuffer, isBinary: boolean): void {
    if (!isBinary) this.close(SocketClose.UNSUPPORTED, 'frames are binary, msgpack');
    else if (message.byteLength > this.route.frameBytesMax) {
      this.close(SocketClose.TOO_LARGE, `a frame has at most ${this.route.frameBytesMax} bytes`);
    } else this.handler?.onFrame(Buffer.from(new Uint8Array(message)));
  }

  send(frames: readonly Uint8Array[]): void {
    const { socket } = this;
    if (frames.length === 1) socket?.send(frames[0]!, true);
    else socket?.cork(() => frames.forEach((frame) => socket.send(frame, true)));
  }

  get bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  async drained(): Promise<void> {
    while (this.bufferedBytes > DRAINED_BYTES) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  close(code: number, reason: string): void {
    this.socket?.end(code, reason);
  }

  drain(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** uWebSockets.js has let go of it. */
  end(): void {
    this.socket = null;
    this.drain();
    this.exchange.abort(new Error('the client is gone'));
    this.handler?.onClose();
  }
}

/** uWebSockets.js says no more than that it could not listen; Node's own listener says why. */
function whyNot(host: string, port: number): Promise<Error> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () =>
      server.close(() => resolve(new Error(`uWebSockets.js cannot listen on ${host}:${port}; ringlog.http.engine=node may`))),
    );
  });
}
