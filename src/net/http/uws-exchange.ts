// One request over uWebSockets.js and its answer. Owner: the supervisor's thread. Warm: once a request or piece of a body.
//
// What uWebSockets.js lends is good for one callback: headers are taken out of the request at once, and pieces of a body are
// copied. A response is dead once it is aborted or ended, and touching it then throws. Its own clock ends a connection that
// says or takes nothing for 10 s; here it may be 30: watch() winds it up again (pause() and resume() do) until then.

import { STATUS_CODES } from 'node:http';
import type { HttpRequest as UwsRequest, HttpResponse } from 'uWebSockets.js';
import { type AnswerStream, BodyLost, type HttpAnswer, type HttpRequest, StalledReader } from './http-exchange.ts';
import { SILENCE_MS } from './http-server.ts';

/** As much of a body is held as the kernel had at once, and no more is read from the client above this. */
const HELD_BYTES = 64 * 1024;
/**
 * A piece that a client has no room for goes on in slices of this, one each time its socket takes something, which is then at
 * least a third of the kernel's buffer: what is held here does not grow.
 */
const SLICE_BYTES = 16 * 1024;
/** Answers above this stay with us until the socket has taken them. */
const WHOLE_BYTES = 64 * 1024;

interface Drain {
  readonly sinceMs: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class UwsExchange implements HttpRequest {
  readonly method: string;
  readonly path: string;
  private readonly response: HttpResponse;
  private readonly search: string;
  private readonly headers = new Map<string, string>();
  private readonly incoming: IncomingBody | null;
  private readonly onEnd: (exchange: UwsExchange) => void;
  private remoteText: string | null = null;
  private parsedQuery: URLSearchParams | null = null;
  private abortion: AbortController | null = null;
  private abortReason: Error | null = null;
  private over = false;
  private drain: Drain | null = null;

  /** In the callback that brought the request, which must not have ended. @param onEnd no more can be done with it */
  constructor(request: UwsRequest, response: HttpResponse, onEnd: (exchange: UwsExchange) => void) {
    this.method = request.getCaseSensitiveMethod();
    this.path = request.getUrl();
    this.search = request.getQuery() ?? '';
    request.forEach((name, value) => {
      const before = this.headers.get(name);
      this.headers.set(name, before === undefined ? value : `${before}, ${value}`);
    });
    this.response = response;
    this.onEnd = onEnd;
    response.onAborted(() => this.lose());
    const hasBody = this.headers.has('transfer-encoding') || Number(this.headers.get('content-length') ?? 0) > 0;
    this.incoming = hasBody ? new IncomingBody(response) : null;
  }

  /** Not to be had once the response is gone: asked for before that, it is kept. */
  get remote(): string {
    if (this.remoteText === null) this.remoteText = this.over ? 'unknown' : Buffer.from(this.response.getRemoteAddressAsText()).toString();
    return this.remoteText;
  }

  get query(): URLSearchParams {
    return (this.parsedQuery ??= new URLSearchParams(this.search));
  }

  header(name: string): string | undefined {
    return this.headers.get(name);
  }

  headersFrom(prefix: string): readonly (readonly [name: string, value: string])[] {
    return [...this.headers].filter(([name]) => name.startsWith(prefix));
  }

  async *body(): AsyncGenerator<Uint8Array> {
    if (this.incoming === null) return;
    for (let piece = await this.incoming.next(); piece !== null; piece = await this.incoming.next()) yield piece;
  }

  /** Made when it is asked for: most requests are answered without. */
  get signal(): AbortSignal {
    if (this.abortion === null) {
      this.abortion = new AbortController();
      if (this.abortReason !== null) this.abortion.abort(this.abortReason);
    }
    return this.abortion.signal;
  }

  get ended(): boolean {
    return this.over;
  }

  /** What has begun is told to end. */
  abort(reason: Error): void {
    if (this.abortReason !== null) return;
    this.abortReason = reason;
    this.drain?.reject(reason);
    this.abortion?.abort(reason);
  }

  /** The response is somebody else's from here on, or gone. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.onEnd(this);
  }

  /** The connection is cut. */
  cut(): void {
    if (!this.over) this.response.close();
  }

  /** Once every few seconds, for what a client keeps waiting. */
  watch(nowMs: number): void {
    if (this.over) return;
    if (this.drain !== null) {
      if (nowMs - this.drain.sinceMs > SILENCE_MS) {
        this.drain.reject(new StalledReader(`nothing was taken for ${SILENCE_MS / 1000} s`));
        return;
      }
      this.response.pause();
      this.response.resume();
    } else this.incoming?.watch(nowMs);
  }

  /** @param last no other request is taken over this connection */
  async answer(answer: HttpAnswer, last: () => boolean): Promise<void> {
    if (this.over) return;
    this.incoming?.drop();
    const { body } = answer;
    if (this.method === 'HEAD') this.sendHead(answer, last());
    else if (typeof body === 'function') await this.sendStream(answer, body);
    else if (body.length > WHOLE_BYTES) await this.sendLarge(answer, typeof body === 'string' ? Buffer.from(body) : body);
    else {
      this.response.cork(() => {
        this.writeHead(answer);
        this.response.end(body, last());
      });
      this.end();
    }
  }

  private sendHead(answer: HttpAnswer, last: boolean): void {
    const { body } = answer;
    this.response.cork(() => {
      this.writeHead(answer);
      if (typeof body === 'function') this.response.endWithoutBody(undefined, last);
      else this.response.endWithoutBody(Buffer.byteLength(body), last);
    });
    this.end();
  }

  /** What the socket does not take is kept here, not copied. */
  private async sendLarge(answer: HttpAnswer, bytes: Uint8Array): Promise<void> {
    const { response } = this;
    const more = (offset: number): boolean => {
      const [taken, done] = response.tryEnd(bytes.subarray(offset), bytes.length);
      if (done) this.end();
      return taken;
    };
    response.onWritable((offset) => {
      this.wakeDrain();
      return more(offset);
    });
    response.cork(() => {
      this.writeHead(answer);
      more(0);
    });
    try {
      while (!this.over) await this.drained();
    } catch (error) {
      // A server that closes leaves it the time that it has.
      if (error instanceof StalledReader) this.cut();
    }
  }

  private async sendStream(answer: HttpAnswer, body: (stream: AnswerStream) => Promise<void>): Promise<void> {
    const { response } = this;
    response.onWritable(() => {
      // Nothing of what is held back goes on by itself while there is this handler.
      response.cork(() => undefined);
      this.wakeDrain();
      return true;
    });
    response.cork(() => this.writeHead(answer));
    try {
      await body({ write: (piece) => this.write(piece) });
    } catch {
      // Cut off: an answer that looks whole would be a lie.
      this.cut();
      return;
    }
    if (this.over) return;
    // Told to close it would write a header here, in the midst of the body.
    response.cork(() => response.end());
    this.end();
  }

  private async write(piece: string | Uint8Array): Promise<void> {
    if (this.over) throw this.abortReason ?? new Error('the client is gone');
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    let failure: unknown = null;
    for (let at = 0; at < bytes.length && !this.over; at += SLICE_BYTES) {
      const slice = bytes.subarray(at, at + SLICE_BYTES);
      let room = true;
      this.response.cork(() => (room = this.response.write(slice)));
      // What ends an answer comes behind a whole piece: the rest of one goes also when nobody waits any more.
      if (!room && failure === null) await this.drained().catch((error: unknown) => (failure = error));
    }
    if (failure !== null) throw failure;
  }

  private writeHead({ status, headers = {} }: HttpAnswer): void {
    this.response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    for (const name in headers) this.response.writeHeader(name, headers[name]!);
  }

  private drained(): Promise<void> {
    if (this.abortReason !== null) return Promise.reject(this.abortReason);
    return new Promise<void>((resolve, reject) => {
      this.drain = { sinceMs: performance.now(), resolve, reject };
    }).finally(() => (this.drain = null));
  }

  private wakeDrain(): void {
    this.drain?.resolve();
  }

  private lose(): void {
    this.over = true;
    this.incoming?.lose(new BodyLost('the client went away'));
    this.abort(new Error('the client is gone'));
    this.onEnd(this);
  }
}

/** Pieces of a body between the callback that brings them and who reads them. */
class IncomingBody {
  private readonly response: HttpResponse;
  private readonly pieces: Uint8Array[] = [];
  private heldBytes = 0;
  private heardMs = performance.now();
  private whole = false;
  private paused = false;
  private dropped = false;
  private lost: BodyLost | null = null;
  private wake: (() => void) | null = null;

  constructor(response: HttpResponse) {
    this.response = response;
    response.onData((chunk, isLast) => this.take(chunk, isLast));
  }

  /** Null at the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.pieces.shift();
      if (piece !== undefined) {
        this.heldBytes -= piece.length;
        return piece;
      }
      if (this.lost !== null) throw this.lost;
      if (this.whole) return null;
      this.go();
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = null;
    }
  }

  lose(error: BodyLost): void {
    this.lost ??= error;
    this.wake?.();
  }

  /** The rest is read from the client and forgotten: the next request stands behind it. */
  drop(): void {
    this.dropped = true;
    this.pieces.length = 0;
    if (!this.whole) this.go();
  }

  watch(nowMs: number): void {
    if (this.whole || this.dropped || this.lost !== null) return;
    if (this.paused) {
      // It is the log that takes nothing.
      this.heardMs = nowMs;
      this.response.pause();
    } else if (nowMs - this.heardMs > SILENCE_MS) this.lose(new BodyLost(`nothing of the body came for ${SILENCE_MS / 1000} s`));
    else {
      this.response.pause();
      this.response.resume();
    }
  }

  private take(chunk: ArrayBuffer, isLast: boolean): void {
    this.whole = isLast;
    if (this.dropped) return;
    this.heardMs = performance.now();
    if (chunk.byteLength > 0) {
      const own = Buffer.from(new Uint8Array(chunk));
      this.pieces.push(own);
      this.heldBytes += own.length;
    }
    if (!isLast && !this.paused && this.heldBytes > HELD_BYTES) {
      this.paused = true;
      this.response.pause();
    }
    this.wake?.();
  }

  private go(): void {
    if (!this.paused) return;
    this.paused = false;
    this.response.resume();
  }
}
