// From a request to the route that answers it, past what guards the broker: the token, the name a browser came by, and the
// site its page is of. Owner: the supervisor's thread. Warm: once a request.

import { createHash, timingSafeEqual } from 'node:crypto';
import { httpChannel, type HttpEvent } from '../../engine/base/diagnostic-channels.ts';
import { type HttpAnswer, HttpRefusal, type HttpRequest, type HttpRoute, refusal } from './http-exchange.ts';
import { RouteTable } from './route-table.ts';
import type { SocketRoute } from './socket-exchange.ts';

export interface HttpGuard {
  /** Null: whoever can connect may ask. */
  readonly token: string | null;
  /** Only this machine can connect: a page of another site must not ask in its user's name. */
  readonly loopback: boolean;
  /** Sites whose pages may ask, as `https://app.example`; `*` is all. */
  readonly origins: readonly string[];
  /** Asked after the token, for what is not open to anybody: false refuses. */
  readonly authorize?: ((request: HttpRequest) => boolean | Promise<boolean>) | undefined;
}

const LOCAL_NAME = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
/** A browser's WebSocket has no other place for a token, which stands behind it as escape(encodeURIComponent(token)). */
const TOKEN_PROTOCOL = 'token.';
/** Nothing is fetched, framed or run that does not come from here. */
const PAGE_POLICY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const PREFLIGHT = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'authorization, content-type, idempotency-key, last-event-id, x-ringlog-acks, x-ringlog-key',
  'access-control-max-age': '600',
};

export interface HttpLog {
  /** A route threw: a bug. */
  failed(path: string, error: unknown): void;
  /** A client was refused, or cut off, for a reason of its own. */
  turnedAway(remote: string, reason: string): void;
}

export class HttpDispatch {
  private readonly routes: RouteTable;
  private readonly sockets: readonly SocketRoute[];
  private readonly guard: HttpGuard;
  private readonly log: HttpLog;

  constructor(routes: readonly HttpRoute[], sockets: readonly SocketRoute[], guard: HttpGuard, log: HttpLog) {
    this.routes = new RouteTable(routes);
    this.sockets = sockets;
    this.guard = guard;
    this.log = log;
  }

  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.traced(
      request,
      (event) => this.answerOf(request, event),
      ({ status }) => status,
    );
    return { ...answer, headers: { ...PAGE_POLICY, ...this.sharing(request), ...answer.headers } };
  }

  /** The route that takes over a connection, or why none does. */
  upgrade(request: HttpRequest): Promise<SocketRoute | HttpAnswer> {
    return this.traced(
      request,
      (event) => this.socketOf(request, event),
      (found) => ('status' in found ? found.status : 101),
    );
  }

  /** Tells who traces. */
  private traced<Found>(
    request: HttpRequest,
    find: (event: HttpEvent | null) => Promise<Found>,
    statusOf: (found: Found) => number,
  ): Promise<Found> {
    if (!httpChannel.hasSubscribers) return find(null);
    const { method, path } = request;
    const event: HttpEvent = { method, path, header: (name) => request.header(name) };
    return httpChannel.tracePromise(async () => {
      const found = await find(event);
      event.status = statusOf(found);
      return found;
    }, event);
  }

  private async socketOf(request: HttpRequest, event: HttpEvent | null): Promise<SocketRoute | HttpAnswer> {
    const route = this.sockets.find(({ path }) => path === request.path);
    if (route === undefined)
      return refusal(404, `no WebSocket is at ${request.path}; see ${this.sockets.map(({ path }) => path).join(', ')}`);
    if (event !== null) event.route = route.path;
    try {
      return this.strangerAnswer(request) ?? (await this.unknownAnswer(request)) ?? route;
    } catch (error) {
      return this.failure(request, error);
    }
  }

  private async answerOf(request: HttpRequest, event: HttpEvent | null): Promise<HttpAnswer> {
    const stranger = this.strangerAnswer(request);
    if (stranger !== null) return stranger;
    const { routes, params } = this.routes.find(request.path);
    if (routes.length === 0) {
      return refusal(404, `there is nothing at ${request.path}; see /metrics, /healthz, /readyz, /v1/topics and the page at /`);
    }
    if (event !== null) event.route = routes[0]!.path;
    const allowed = routes.map(({ method }) => method).join(', ');
    if (request.method === 'OPTIONS') return { status: 204, headers: { ...PREFLIGHT, allow: allowed }, body: '' };
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = routes.find((one) => one.method === method);
    if (route === undefined) return refusal(405, `${request.path} takes ${allowed}, not ${request.method}`, { allow: allowed });
    try {
      const unknown = route.open === true ? null : await this.unknownAnswer(request);
      return unknown ?? (await route.handle(request, params));
    } catch (error) {
      return this.failure(request, error);
    }
  }

  private failure(request: HttpRequest, error: unknown): HttpAnswer {
    if (error instanceof HttpRefusal) return error.answer;
    // Nobody hears the answer, and nothing is wrong here.
    if (request.signal.aborted) return refusal(499, 'the client is gone');
    this.log.failed(request.path, error);
    return refusal(500, 'this is a fault of the broker; its log has a line about it');
  }

  /** Each is worth a line, of which the log keeps few. */
  private turnAway(request: HttpRequest, status: number, what: string, headers?: Readonly<Record<string, string>>): HttpAnswer {
    this.log.turnedAway(request.remote, `${status} ${what}`);
    return refusal(status, what, headers);
  }

  /** A name of another site that leads to this machine (DNS rebinding), or a page of another site. */
  private strangerAnswer(request: HttpRequest): HttpAnswer | null {
    const host = request.header('host') ?? '';
    if (this.guard.loopback && this.guard.token === null && !LOCAL_NAME.test(host)) {
      return this.turnAway(
        request,
        403,
        `this listener is for this machine: come by localhost or 127.0.0.1, not by '${host}', or set ringlog.http.token`,
      );
    }
    const origin = request.header('origin');
    if (origin === undefined || isOwn(origin, host) || this.isAllowed(origin)) return null;
    return this.turnAway(request, 403, `pages of ${origin} may not ask here: add it to ringlog.http.origins`);
  }

  private isAllowed(origin: string): boolean {
    return this.guard.origins.includes(origin) || this.guard.origins.includes('*');
  }

  /** Lets the page of an allowed site read the answer. */
  private sharing(request: HttpRequest): Readonly<Record<string, string>> {
    const origin = request.header('origin');
    if (origin === undefined || !this.isAllowed(origin)) return {};
    return { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after', vary: 'origin' };
  }

  private async unknownAnswer(request: HttpRequest): Promise<HttpAnswer | null> {
    if (!this.hasToken(request)) {
      const what = 'send the token of ringlog.http.token as: Authorization: Bearer TOKEN';
      return this.turnAway(request, 401, what, { 'www-authenticate': 'Bearer' });
    }
    if (this.guard.authorize !== undefined && !(await this.guard.authorize(request))) {
      return this.turnAway(request, 403, 'this request is not allowed');
    }
    return null;
  }

  private hasToken(request: HttpRequest): boolean {
    const { token } = this.guard;
    if (token === null) return true;
    const given = tokenOf(request);
    return given !== null && timingSafeEqual(digest(given), digest(token));
  }
}

function tokenOf(request: HttpRequest): string | null {
  const [scheme, given] = (request.header('authorization') ?? '').split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer' && given !== undefined) return given;
  const protocols = (request.header('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim());
  const carrier = protocols.find((name) => name.startsWith(TOKEN_PROTOCOL));
  if (carrier === undefined) return null;
  try {
    return decodeURIComponent(decodeURIComponent(carrier.slice(TOKEN_PROTOCOL.length)));
  } catch {
    return null;
  }
}

function isOwn(origin: string, host: string): boolean {
  return origin.replace(/^https?:\/\//, '').toLowerCase() === host.toLowerCase();
}

/** Of equal length, whatever is compared. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
