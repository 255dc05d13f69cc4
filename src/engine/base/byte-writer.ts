// ByteWriter: a growing byte buffer with Kafka's wire encodings (big-endian, varints, plain and compact forms).
// Owner: whoever encodes; one per thread, reset and reused. Not hot: Produce and Fetch answers are written by hand.
//
// What it refuses is our own mistake, never a stranger's: a value out of the field's range or a field the version lacks.

import { Buffer } from 'node:buffer';

/** A value that the wire format, or this version of the message, cannot carry. */
export class UnencodableField extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'UnencodableField';
  }

  /** The version has no such field, and dropping the value would change the meaning. */
  static absent(field: string, version: number): UnencodableField {
    return new UnencodableField(`${field} has a value, but version ${version} has no such field`);
  }

  static notNullable(field: string, version: number): UnencodableField {
    return new UnencodableField(`${field} is null, which version ${version} cannot carry`);
  }
}

const STRING_BYTES_MAX = 0x7fff;
const TWO_POW_32 = 0x1_0000_0000;
const TWO_POW_31 = 0x8000_0000;

/** Bytes that uvarint(value) takes. */
export function uvarintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Bytes that varint(value) takes. */
export function varintSize(value: number): number {
  return uvarintSize(((value << 1) ^ (value >> 31)) >>> 0);
}

/** Bytes that varlong(value) takes. */
export function varlongSize(value: number): number {
  // Zigzag without bit operations: they would cut the value to 32 bits.
  let raw = value < 0 ? -(value + 1) : value;
  // One bit fewer in the first group: zigzag's sign bit takes it.
  raw = Math.floor(raw / 64);
  let size = 1;
  while (raw > 0) {
    raw = Math.floor(raw / 128);
    size++;
  }
  return size;
}

export class ByteWriter {
  /** The bytes written are [0, position); replaced when it grows, so never keep it across a write. */
  u8: Buffer;
  position = 0;

  constructor(capacity = 1024) {
    this.u8 = Buffer.allocUnsafeSlow(Math.max(capacity, 16));
  }

  /** Forgets what was written; the memory is kept and reused. */
  reset(): this {
    this.position = 0;
    return this;
  }

  /** What was written, sharing memory: valid until the next write or reset. */
  view(): Uint8Array {
    return new Uint8Array(this.u8.buffer, this.u8.byteOffset, this.position);
  }

  /** What was written, as bytes of its own. */
  copy(): Uint8Array {
    return this.view().slice();
  }

  /** Makes room for `size` bytes, moves past them and returns where they begin. */
  reserve(size: number): number {
    const at = this.position;
    const need = at + size;
    if (need > this.u8.length) this.grow(need);
    this.position = need;
    return at;
  }

  private grow(need: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.u8.length * 2));
    this.u8.copy(grown, 0, 0, this.position);
    this.u8 = grown;
  }

  bool(value: boolean): void {
    const at = this.reserve(1);
    this.u8[at] = value ? 1 : 0;
  }

  int8(value: number): void {
    inRange('int8', value, -0x80, 0x7f);
    const at = this.reserve(1);
    this.u8[at] = value;
  }

  int16(value: number): void {
    inRange('int16', value, -0x8000, 0x7fff);
    this.put16(value);
  }

  uint16(value: number): void {
    inRange('uint16', value, 0, 0xffff);
    this.put16(value);
  }

  private put16(value: number): void {
    const at = this.reserve(2);
    this.u8[at] = value >>> 8;
    this.u8[at + 1] = value;
  }

  int32(value: number): void {
    inRange('int32', value, -TWO_POW_31, TWO_POW_31 - 1);
    this.put32(value, this.reserve(4));
  }

  uint32(value: number): void {
    inRange('uint32', value, 0, TWO_POW_32 - 1);
    this.put32(value, this.reserve(4));
  }

  int64(value: number): void {
    inRange('int64', value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const at = this.reserve(8);
    this.put32(Math.floor(value / TWO_POW_32), at);
    this.put32(value | 0, at + 4);
  }

  /** Overwrites four bytes written before: a size that is known only at the end. */
  patchInt32(at: number, value: number): void {
    if (at < 0 || at + 4 > this.position) throw new RangeError(`patch at ${at} of ${this.position}`);
    inRange('int32', value, -TWO_POW_31, TWO_POW_31 - 1);
    this.put32(value, at);
  }

  private put32(value: number, at: number): void {
    const u8 = this.u8;
    u8[at] = value >>> 24;
    u8[at + 1] = value >>> 16;
    u8[at + 2] = value >>> 8;
    u8[at + 3] = value;
  }

  float64(value: number): void {
    const at = this.reserve(8);
    this.u8.writeDoubleBE(value, at);
  }

  uvarint(value: number): void {
    inRange('uvarint', value, 0, TWO_POW_32 - 1);
    let left = value;
    let at = this.reserve(uvarintSize(value));
    while (left > 0x7f) {
      this.u8[at++] = (left & 0x7f) | 0x80;
      left = left >>> 7;
    }
    this.u8[at] = left;
  }

  varint(value: number): void {
    inRange('varint', value, -TWO_POW_31, TWO_POW_31 - 1);
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  varlong(value: number): void {
    inRange('varlong', value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const negative = value < 0;
    let left = negative ? -(value + 1) : value;
    let at = this.reserve(varlongSize(value));
    // The first group holds the sign in bit 0 and six bits of the value.
    let group = ((left % 64) << 1) | (negative ? 1 : 0);
    left = Math.floor(left / 64);
    while (left > 0) {
      this.u8[at++] = group | 0x80;
      group = left % 128;
      left = Math.floor(left / 128);
    }
    this.u8[at] = group;
  }

  /** From Kafka's text form, 22 characters of base64url. */
  uuid(text: string): void {
    const at = this.reserve(16);
    if (text.length !== 22 || this.u8.write(text, at, 16, 'base64url') !== 16) {
      throw new UnencodableField(`not a uuid: ${JSON.stringify(text)}`);
    }
  }

  string(text: string): void {
    const size = stringSize(text);
    this.put16(size);
    this.utf8(text, size);
  }

  nullableString(text: string | null): void {
    if (text === null) this.put16(-1);
    else this.string(text);
  }

  compactString(text: string): void {
    const size = stringSize(text);
    this.uvarint(size + 1);
    this.utf8(text, size);
  }

  compactNullableString(text: string | null): void {
    if (text === null) this.uvarint(0);
    else this.compactString(text);
  }

  private utf8(text: string, size: number): void {
    const at = this.reserve(size);
    this.u8.write(text, at, size, 'utf8');
  }

  bytes(bytes: Uint8Array): void {
    this.int32(bytes.length);
    this.raw(bytes);
  }

  nullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) this.int32(-1);
    else this.bytes(bytes);
  }

  compactBytes(bytes: Uint8Array): void {
    this.uvarint(bytes.length + 1);
    this.raw(bytes);
  }

  compactNullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) this.uvarint(0);
    else this.compactBytes(bytes);
  }

  /** The bytes alone, without a length before them. */
  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.u8.set(bytes, at);
  }

  /** An array's element count; -1 is the null array. */
  arrayLength(count: number): void {
    this.int32(count);
  }

  /** An array's element count; -1 is the null array. */
  compactArrayLength(count: number): void {
    this.uvarint(count + 1);
  }

  /** The int8 before a nullable struct. */
  structPresent(present: boolean): void {
    this.int8(present ? 1 : -1);
  }

  /** Starts a tagged field; the payload follows, then endTag with what this returned. */
  beginTag(tag: number): number {
    this.uvarint(tag);
    return this.reserve(1);
  }

  /** Puts the payload's size before it. One byte was kept for it; a longer payload is moved up to make room. */
  endTag(at: number): void {
    const size = this.position - at - 1;
    const sizeBytes = uvarintSize(size);
    if (sizeBytes > 1) {
      this.reserve(sizeBytes - 1);
      this.u8.copyWithin(at + sizeBytes, at + 1, at + 1 + size);
    }
    const end = this.position;
    this.position = at;
    this.uvarint(size);
    this.position = end;
  }
}

function stringSize(text: string): number {
  const size = Buffer.byteLength(text, 'utf8');
  if (size > STRING_BYTES_MAX) throw new UnencodableField(`string of ${size} bytes`);
  return size;
}

function inRange(type: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UnencodableField(`${String(value)} is no ${type}`);
  }
}
