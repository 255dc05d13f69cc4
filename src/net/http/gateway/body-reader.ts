// Bodies of requests, bounded: whole ones, and streams of lines. Owner: the supervisor's thread. Warm: once a piece.
//
// All that is held for bodies is counted against one bound of the gateway. Beyond it the next request is told to come later
// (429); what has begun is finished.

import { HttpRefusal, type HttpRequest } from '../http-exchange.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const LINE_BYTES = 4096;

export class BodyBudget {
  private readonly maxBytes: number;
  private heldBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** @throws HttpRefusal 429 */
  take(bytes: number): void {
    if (this.heldBytes > 0 && this.heldBytes + bytes > this.maxBytes) {
      throw new HttpRefusal(
        429,
        `bodies of ${this.heldBytes} bytes wait for their answers already, and ${this.maxBytes} are the most: try again later`,
        { 'retry-after': '1' },
      );
    }
    this.heldBytes += bytes;
  }

  give(bytes: number): void {
    this.heldBytes -= bytes;
  }
}

/** @throws HttpRefusal 413, 429 */
export async function readBody(request: HttpRequest, maxBytes: number, budget: BodyBudget, held: { bytes: number }): Promise<Buffer> {
  const promised = Number(request.header('content-length') ?? 0);
  if (promised > maxBytes) throw tooLarge(promised, maxBytes);
  const hold = (bytes: number): void => {
    if (bytes <= held.bytes) return;
    budget.take(bytes - held.bytes);
    held.bytes = bytes;
  };
  hold(promised);
  let whole: GrowingBytes | null = null;
  for await (const piece of request.body()) {
    const bytes = piece.length + (whole?.length ?? 0);
    if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
    hold(bytes);
    whole ??= new GrowingBytes(Math.max(promised, piece.length));
    whole.add(piece);
  }
  return whole?.bytes() ?? Buffer.alloc(0);
}

/** Pieces of any size, put together without an object a piece: a client may send a byte at a time. */
class GrowingBytes {
  length = 0;
  private buffer: Buffer;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes);
  }

  add(piece: Uint8Array): void {
    if (this.length + piece.length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + piece.length));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
    this.buffer.set(piece, this.length);
    this.length += piece.length;
  }

  /** Until the next add(). */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

export interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * The whole lines of each piece of the body, as they come; empty ones are left out. `hold` hears how much is kept of a line
 * that has no end yet. @throws HttpRefusal 413
 */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  hold: (bytes: number) => void,
): AsyncGenerator<readonly Line[]> {
  const rest = new GrowingBytes(LINE_BYTES);
  let number = 1;
  const lineOf = (bytes: Uint8Array): Line | null => {
    const end = bytes.length > 0 && bytes[bytes.length - 1] === RETURN ? bytes.length - 1 : bytes.length;
    const line = { number: number++, text: Buffer.from(bytes.buffer, bytes.byteOffset, end).toString() };
    return line.text.trim() === '' ? null : line;
  };
  for await (const piece of body) {
    const lines: Line[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      const part = piece.subarray(start, end);
      if (rest.length + part.length > maxBytes) throw lineTooLong(number, maxBytes);
      if (rest.length > 0) rest.add(part);
      const line = lineOf(rest.length === 0 ? part : rest.bytes());
      if (line !== null) lines.push(line);
      rest.length = 0;
      start = end + 1;
    }
    if (start < piece.length) {
      if (rest.length + piece.length - start > maxBytes) throw lineTooLong(number, maxBytes);
      rest.add(piece.subarray(start));
      hold(rest.length);
    }
    if (lines.length > 0) yield lines;
  }
  const last = rest.length === 0 ? null : lineOf(rest.bytes());
  if (last !== null) yield [last];
}

function tooLarge(bytes: number, maxBytes: number): HttpRefusal {
  return new HttpRefusal(
    413,
    `a body of ${bytes} bytes is more than ringlog.http.body.bytes.max=${maxBytes}: send several, or lines as application/x-ndjson, which has no end`,
  );
}

function lineTooLong(number: number, maxBytes: number): HttpRefusal {
  return new HttpRefusal(413, `line ${number} is longer than ringlog.http.body.bytes.max=${maxBytes}`);
}
