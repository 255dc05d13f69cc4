// From a request to the route that answers it, past what guards the broker: the token, and the name a browser came by.
// Owner: the supervisor's thread. Not hot.

import { createHash, timingSafeEqual } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, type HttpRoute, refusal } from './http-exchange.ts';

export interface HttpGuard {
  /** Null: whoever can connect may ask. */
  readonly token: string | null;
  /** Only this machine can connect: a page of another site must not ask in its user's name. */
  readonly loopback: boolean;
}

const LOCAL_NAME = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
/** Nothing is fetched, framed or run that does not come from here. */
const PAGE_POLICY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export class HttpDispatch {
  private readonly routes: readonly HttpRoute[];
  private readonly guard: HttpGuard;
  private readonly failed: (path: string, error: unknown) => void;

  /** @param failed a route threw: a bug */
  constructor(routes: readonly HttpRoute[], guard: HttpGuard, failed: (path: string, error: unknown) => void) {
    this.routes = routes;
    this.guard = guard;
    this.failed = failed;
  }

  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.answerOf(request);
    return { ...answer, headers: { ...PAGE_POLICY, ...answer.headers } };
  }

  private async answerOf(request: HttpRequest): Promise<HttpAnswer> {
    const stranger = this.strangerAnswer(request);
    if (stranger !== null) return stranger;
    const there = this.routes.filter(({ path }) => path === request.path);
    if (there.length === 0) return refusal(404, `there is nothing at ${request.path}; see /metrics, /healthz, /readyz and the page at /`);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = there.find((one) => one.method === method);
    if (route === undefined) {
      const allowed = there.map((one) => one.method).join(', ');
      return refusal(405, `${request.path} takes ${allowed}, not ${request.method}`, { allow: allowed });
    }
    if (route.open !== true && !this.hasToken(request)) {
      return refusal(401, 'send the token of ringlog.http.token as: Authorization: Bearer TOKEN', { 'www-authenticate': 'Bearer' });
    }
    try {
      return await route.handle(request);
    } catch (error) {
      this.failed(request.path, error);
      return refusal(500, 'this is a fault of the broker; its log has a line about it');
    }
  }

  /** A name of another site that leads to this machine (DNS rebinding) is how a page elsewhere would get in. */
  private strangerAnswer(request: HttpRequest): HttpAnswer | null {
    if (!this.guard.loopback || this.guard.token !== null) return null;
    const host = request.header('host') ?? '';
    if (LOCAL_NAME.test(host)) return null;
    return refusal(403, `this listener is for this machine: come by localhost or 127.0.0.1, not by '${host}', or set ringlog.http.token`);
  }

  private hasToken(request: HttpRequest): boolean {
    const { token } = this.guard;
    if (token === null) return true;
    const [scheme, given] = (request.header('authorization') ?? '').split(' ', 2);
    return scheme?.toLowerCase() === 'bearer' && given !== undefined && timingSafeEqual(digest(given), digest(token));
  }
}

/** Of equal length, whatever is compared. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
