// One request and its answer as the routes see them, whichever server carries them. Owner: shared words of the HTTP room;
// the supervisor's thread runs it. Not hot.

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case; what came several times is joined as HTTP says. */
  header(name: string): string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface HttpRoute {
  readonly method: 'GET';
  readonly path: string;
  /** Anybody may have it: it tells nothing of what the broker holds. */
  readonly open?: boolean;
  readonly handle: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };

export function jsonAnswer(status: number, body: unknown): HttpAnswer {
  return { status, headers: JSON_TYPE, body: `${JSON.stringify(body)}\n` };
}

/** Whoever reads `what` should know what to do. */
export function refusal(status: number, what: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { ...jsonAnswer(status, { error: what }), headers: { ...JSON_TYPE, ...headers } };
}
