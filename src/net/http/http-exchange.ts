// One request and its answer as the routes see them, whichever server carries them. Owner: shared words of the HTTP room;
// the supervisor's thread runs it. Not hot.

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The client's address. */
  readonly remote: string;
  /** Names in lower case; what came several times is joined as HTTP says. Of what is not ASCII engines make different things. */
  header(name: string): string | undefined;
  /** Names and values of all that begin with `prefix`. */
  headersFrom(prefix: string): readonly (readonly [name: string, value: string])[];
  /**
   * The body as it arrives, once; nothing more is read from the client before a piece is taken. @throws BodyLost when the
   * client went away or fell silent
   */
  body(): AsyncIterable<Uint8Array>;
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal;
}

/** The rest of a body did not come. */
export class BodyLost extends Error {
  override readonly name = 'BodyLost';
}

/** An answer that is written as it comes into being. */
export interface AnswerStream {
  /**
   * Resolves when there is room for more: at most one piece is held for a client. @throws the request's abort, or
   * StalledReader when nothing was taken for long
   */
  write(piece: string | Uint8Array): Promise<void>;
}

/** The client takes nothing. */
export class StalledReader extends Error {
  override readonly name = 'StalledReader';
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A function writes until its promise resolves, which ends the answer. */
  readonly body: string | Uint8Array | ((stream: AnswerStream) => Promise<void>);
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST';
  /** Segments that begin with a colon stand for any one: `/v1/topics/:topic/records`. */
  readonly path: string;
  /** Anybody may have it: it tells nothing of what the broker holds. */
  readonly open?: boolean;
  /** @param params what stood for the path's colons, decoded, in their order */
  readonly handle: (request: HttpRequest, params: readonly string[]) => HttpAnswer | Promise<HttpAnswer>;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };

export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: `${JSON.stringify(body)}\n` };
}

/** Whoever reads `what` should know what to do. */
export function refusal(status: number, what: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return jsonAnswer(status, { error: what }, headers);
}

/** Thrown inside a route: its answer is the request's. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly answer: HttpAnswer;

  constructor(status: number, what: string, headers: Readonly<Record<string, string>> = {}) {
    super(what);
    this.answer = refusal(status, what, headers);
  }
}
