// Writes records into a batch, in place. Owner: the calling thread. Hot: no object a record when keys, values and header
// values are bytes or strings.
//
// prepare() looks at a record once; then its size is known, and write() lays it out where there is room.

import { sharedCopy } from '../engine/base/shared-copy.ts';
import { RinglogError } from './ringlog-error.ts';

export type Bytes = Uint8Array | string;
export type Headers = Readonly<Record<string, Bytes | null>> | readonly (readonly [name: string, value: Bytes | null])[];

/** The longest key that is hashed without an allocation. */
const SCRATCH_BYTES = 4096;
const NONE = -1;
/** Below it, and not negative, as nearly all are: four bytes at most, and integers all the way. */
const SMALL_MAX = 2 ** 27;
const NO_HEADERS: readonly (readonly [string, Bytes | null])[] = [];

export class RecordEncoder {
  /** Bytes of the key; NONE when there is none. */
  keyBytes = NONE;
  private key: Bytes | null = null;
  private value: Bytes | null = null;
  private valueBytes = NONE;
  private headers: readonly (readonly [string, Bytes | null])[] = NO_HEADERS;
  private headersSize = 0;
  private bodySize = 0;
  private scratch = Buffer.alloc(SCRATCH_BYTES);

  prepare(key: Bytes | null, value: Bytes | null, headers: Headers | undefined): void {
    this.key = key;
    this.keyBytes = lengthOf(key);
    this.value = value;
    this.valueBytes = lengthOf(value);
    this.headers =
      headers === undefined ? NO_HEADERS : Array.isArray(headers) ? headers : Object.entries(headers as Record<string, Bytes | null>);
    this.headersSize = varintSize(this.headers.length);
    for (let i = 0; i < this.headers.length; i++) {
      const header = this.headers[i]!;
      if (typeof header[0] !== 'string') throw new RinglogError('INVALID_ARGUMENT', 'the name of a header is a string');
      this.headersSize += fieldSize(Buffer.byteLength(header[0])) + fieldSize(lengthOf(header[1]));
    }
  }

  /** The key's bytes, until the next call; only when there is a key. */
  keyView(): Uint8Array {
    if (typeof this.key !== 'string') return this.key!;
    if (this.keyBytes > this.scratch.length) this.scratch = Buffer.alloc(this.keyBytes * 2);
    return this.scratch.subarray(0, this.scratch.write(this.key));
  }

  /** Bytes of the prepared record, its length field included. */
  sizeWith(timestampDelta: number, offsetDelta: number): number {
    this.bodySize =
      1 + varintSize(timestampDelta) + varintSize(offsetDelta) + fieldSize(this.keyBytes) + fieldSize(this.valueBytes) + this.headersSize;
    return varintSize(this.bodySize) + this.bodySize;
  }

  /** Right after sizeWith() of the same deltas. @returns where the record ends */
  write(into: Buffer, start: number, timestampDelta: number, offsetDelta: number): number {
    let at = writeVarint(into, start, this.bodySize);
    // Attributes of a record: none are defined.
    into[at++] = 0;
    at = writeVarint(into, at, timestampDelta);
    at = writeVarint(into, at, offsetDelta);
    at = writeField(into, at, this.key, this.keyBytes);
    at = writeField(into, at, this.value, this.valueBytes);
    at = writeVarint(into, at, this.headers.length);
    for (let i = 0; i < this.headers.length; i++) {
      const header = this.headers[i]!;
      at = writeField(into, at, header[0], Buffer.byteLength(header[0]));
      at = writeField(into, at, header[1], lengthOf(header[1]));
    }
    return at;
  }

  /** Let go of what the record was made of. */
  forget(): void {
    this.key = null;
    this.value = null;
    this.headers = NO_HEADERS;
  }
}

function lengthOf(bytes: Bytes | null): number {
  if (bytes === null) return NONE;
  if (typeof bytes === 'string') return Buffer.byteLength(bytes);
  if (bytes instanceof Uint8Array) return bytes.length;
  const wrong = bytes === undefined ? 'a record has a value: null makes it a tombstone of its key' : `${typeof bytes} is no bytes`;
  throw new RinglogError(
    'INVALID_ARGUMENT',
    `${wrong}; keys, values and header values are Uint8Array, string or null: give a codec for other types`,
  );
}

function fieldSize(length: number): number {
  return length < 0 ? 1 : varintSize(length) + length;
}

/** Zigzag without bit operations: timestamps' deltas go beyond 32 bits. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function varintSize(value: number): number {
  if (value >= 0 && value < SMALL_MAX) return value < 64 ? 1 : value < 8192 ? 2 : value < 1_048_576 ? 3 : 4;
  let size = 1;
  for (let rest = zigzag(value); rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

function writeVarint(into: Buffer, start: number, value: number): number {
  let at = start;
  if (value >= 0 && value < SMALL_MAX) {
    let small = value << 1;
    for (; small >= 128; small >>= 7) into[at++] = (small & 127) | 128;
    into[at++] = small;
    return at;
  }
  let rest = zigzag(value);
  for (; rest >= 128; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 128;
  into[at++] = rest;
  return at;
}

function writeField(into: Buffer, start: number, bytes: Bytes | null, length: number): number {
  const at = writeVarint(into, start, length);
  if (bytes === null) return at;
  if (typeof bytes === 'string') into.write(bytes, at, length, 'utf8');
  else sharedCopy(into, at, bytes);
  return at + length;
}
