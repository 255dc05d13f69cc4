// ByteReader: a bounds-checked cursor over bytes in Kafka's wire encodings (big-endian, varints, plain and compact forms).
// Owner: whoever decodes; one per thread or connection, never shared. Not hot: Produce and Fetch have hand-written readers.
//
// Everything it is given may come from a stranger, so each length is checked against what is left before anything is
// allocated or moved. The only error it throws is MalformedBytes.
//
// 64-bit integers are numbers. Offsets and timestamps fit 2^53; values beyond (clients send the int64 extremes as "no
// limit") saturate to Number.MAX_SAFE_INTEGER / MIN_SAFE_INTEGER and so keep their meaning but not their exact value.

import { Buffer } from 'node:buffer';

/** Bytes that do not follow the encoding they claim. The connection that sent them cannot be resynchronised. */
export class MalformedBytes extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(`malformed bytes: ${reason}`);
    this.name = 'MalformedBytes';
    this.reason = reason;
  }
}

/** Kafka bounds a string by a positive int16 in both encodings. */
const STRING_BYTES_MAX = 0x7fff;
const TWO_POW_32 = 0x1_0000_0000;
const NOTHING = Buffer.alloc(0);

/** The signed value of two 32-bit halves, saturated to what a number holds exactly. */
function int64FromHalves(hi: number, lo: number): number {
  if (hi >= 0x20_0000) return Number.MAX_SAFE_INTEGER;
  if (hi < -0x20_0000 || (hi === -0x20_0000 && lo === 0)) return Number.MIN_SAFE_INTEGER;
  return hi * TWO_POW_32 + (lo >>> 0);
}

export class ByteReader {
  /** A Buffer over the same memory as the given bytes: it has the text decoders. */
  private u8: Buffer = NOTHING;
  private source: Uint8Array = NOTHING;
  /** The next byte to read, as an index into the given bytes. */
  position = 0;
  /** One past the last readable byte. */
  end = 0;
  /** Array elements that may still be announced. */
  private elementsLeft = Infinity;

  constructor(u8: Uint8Array = NOTHING, offset = 0, end: number = u8.length) {
    this.reset(u8, offset, end);
  }

  /**
   * Points the reader at [offset, end) of the bytes. A bad range is the caller's bug, not malformed input.
   * `elementsMax`: more array elements than this, of all arrays together, are malformed. An element of two bytes becomes
   * an object of a hundred, so what fits a frame may not fit the heap.
   */
  reset(u8: Uint8Array, offset = 0, end: number = u8.length, elementsMax = Infinity): this {
    if (offset < 0 || end < offset || end > u8.length) {
      throw new RangeError(`reader range ${offset}..${end} of ${u8.length} bytes`);
    }
    if (this.source !== u8) {
      this.source = u8;
      this.u8 = Buffer.isBuffer(u8) ? u8 : Buffer.from(u8.buffer, u8.byteOffset, u8.byteLength);
    }
    this.position = offset;
    this.end = end;
    this.elementsLeft = elementsMax;
    return this;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Moves past `size` bytes and returns where they began. */
  private take(size: number): number {
    const at = this.position;
    if (size > this.end - at) {
      throw new MalformedBytes(`${size} bytes wanted at ${at}, ${this.end - at} left`);
    }
    this.position = at + size;
    return at;
  }

  skip(size: number): void {
    if (size < 0) throw new MalformedBytes(`negative length ${size}`);
    this.take(size);
  }

  bool(): boolean {
    return this.u8[this.take(1)] !== 0;
  }

  int8(): number {
    return (this.u8[this.take(1)]! << 24) >> 24;
  }

  uint8(): number {
    return this.u8[this.take(1)]!;
  }

  int16(): number {
    const at = this.take(2);
    return ((this.u8[at]! << 24) >> 16) | this.u8[at + 1]!;
  }

  uint16(): number {
    const at = this.take(2);
    return (this.u8[at]! << 8) | this.u8[at + 1]!;
  }

  int32(): number {
    return this.int32At(this.take(4));
  }

  uint32(): number {
    return this.int32At(this.take(4)) >>> 0;
  }

  /** Saturates beyond 2^53 - 1, see the head of this file. */
  int64(): number {
    const at = this.take(8);
    return int64FromHalves(this.int32At(at), this.int32At(at + 4));
  }

  float64(): number {
    return this.u8.readDoubleBE(this.take(8));
  }

  private int32At(at: number): number {
    const u8 = this.u8;
    return (u8[at]! << 24) | (u8[at + 1]! << 16) | (u8[at + 2]! << 8) | u8[at + 3]!;
  }

  /** Unsigned base-128, at most 32 bits. */
  uvarint(): number {
    const first = this.u8[this.take(1)]!;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.u8[this.take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.u8[this.take(1)]!;
    if (last > 0x0f) throw new MalformedBytes('uvarint longer than 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** Zigzag base-128, 32 bits. */
  varint(): number {
    const raw = this.uvarint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Zigzag base-128, 64 bits; saturates like int64. */
  varlong(): number {
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.u8[this.take(1)]!;
      const bits = byte & 0x7f;
      if (shift < 28) {
        lo |= bits << shift;
      } else if (shift === 28) {
        lo |= bits << 28;
        hi = bits >>> 4;
      } else {
        if (shift === 63 && byte > 1) throw new MalformedBytes('varlong longer than 64 bits');
        hi |= bits << (shift - 32);
      }
      if (byte < 0x80) {
        const sign = -(lo & 1);
        return int64FromHalves((hi >>> 1) ^ sign, ((lo >>> 1) | (hi << 31)) ^ sign);
      }
    }
    throw new MalformedBytes('varlong longer than 10 bytes');
  }

  /** Kafka's text form: base64url without padding, 22 characters; zero is 'AAAAAAAAAAAAAAAAAAAAAA'. */
  uuid(): string {
    const at = this.take(16);
    return this.u8.toString('base64url', at, at + 16);
  }

  string(): string {
    const size = this.int16();
    if (size < 0) throw new MalformedBytes(`string length ${size}`);
    return this.utf8(size);
  }

  nullableString(): string | null {
    const size = this.int16();
    if (size < 0) return this.nullLength(size);
    return this.utf8(size);
  }

  compactString(): string {
    const size = this.uvarint() - 1;
    if (size < 0) throw new MalformedBytes('null string');
    return this.utf8(size);
  }

  compactNullableString(): string | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.utf8(size);
  }

  /** Bytes that are no UTF-8 become U+FFFD, as in Kafka; only the length can be wrong. */
  private utf8(size: number): string {
    if (size > STRING_BYTES_MAX) throw new MalformedBytes(`string of ${size} bytes`);
    const at = this.take(size);
    return this.u8.toString('utf8', at, at + size);
  }

  /** A copy: the memory below is a frame that will be reused. */
  bytes(): Uint8Array {
    return this.copy(this.bytesLength());
  }

  nullableBytes(): Uint8Array | null {
    const size = this.int32();
    return size < 0 ? this.nullLength(size) : this.copy(size);
  }

  compactBytes(): Uint8Array {
    return this.copy(this.compactBytesLength());
  }

  compactNullableBytes(): Uint8Array | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.copy(size);
  }

  /** The view variants share memory with the frame and are valid only as long as it is. */
  bytesView(): Uint8Array {
    return this.view(this.bytesLength());
  }

  nullableBytesView(): Uint8Array | null {
    const size = this.int32();
    return size < 0 ? this.nullLength(size) : this.view(size);
  }

  compactBytesView(): Uint8Array {
    return this.view(this.compactBytesLength());
  }

  compactNullableBytesView(): Uint8Array | null {
    const size = this.uvarint() - 1;
    return size < 0 ? null : this.view(size);
  }

  /** The next `size` bytes without a length before them, copied. */
  copy(size: number): Uint8Array {
    const at = this.take(size);
    const bytes = new Uint8Array(size);
    bytes.set(this.u8.subarray(at, at + size));
    return bytes;
  }

  /** The next `size` bytes without a length before them, shared with the frame. */
  view(size: number): Uint8Array {
    const at = this.take(size);
    return new Uint8Array(this.u8.buffer, this.u8.byteOffset + at, size);
  }

  private bytesLength(): number {
    const size = this.int32();
    if (size < 0) throw new MalformedBytes(`bytes length ${size}`);
    return size;
  }

  private compactBytesLength(): number {
    const size = this.uvarint() - 1;
    if (size < 0) throw new MalformedBytes('null bytes');
    return size;
  }

  /**
   * An array's element count. `elementBytes` is the least an element occupies: a count that what is left cannot hold is
   * refused here, before the caller allocates for it.
   */
  arrayLength(elementBytes = 1): number {
    const count = this.int32();
    if (count < 0) throw new MalformedBytes(`array length ${count}`);
    return this.plausible(count, elementBytes);
  }

  /** As arrayLength; -1 for a null array. */
  nullableArrayLength(elementBytes = 1): number {
    const count = this.int32();
    if (count < -1) throw new MalformedBytes(`array length ${count}`);
    return this.plausible(count, elementBytes);
  }

  compactArrayLength(elementBytes = 1): number {
    const count = this.uvarint() - 1;
    if (count < 0) throw new MalformedBytes('null array');
    return this.plausible(count, elementBytes);
  }

  compactNullableArrayLength(elementBytes = 1): number {
    return this.plausible(this.uvarint() - 1, elementBytes);
  }

  private plausible(count: number, elementBytes: number): number {
    if (count * elementBytes > this.end - this.position) {
      throw new MalformedBytes(`array of ${count}, ${this.end - this.position} bytes left`);
    }
    // Null, -1, counts for nothing.
    if (count > 0) this.elementsLeft -= count;
    if (this.elementsLeft < 0) throw new MalformedBytes('more array elements than one request may have');
    return count;
  }

  private nullLength(size: number): null {
    if (size !== -1) throw new MalformedBytes(`length ${size}`);
    return null;
  }

  /** The int8 before a nullable struct: -1 null, 1 present. */
  structPresent(): boolean {
    const mark = this.int8();
    if (mark !== -1 && mark !== 1) throw new MalformedBytes(`struct marker ${mark}`);
    return mark === 1;
  }

  /** A tagged field's size; returns where its payload ends, for leaveTag. */
  enterTag(): number {
    const size = this.uvarint();
    if (size > this.end - this.position) {
      throw new MalformedBytes(`tagged field of ${size}, ${this.end - this.position} bytes left`);
    }
    return this.position + size;
  }

  /** Checks that a known tag's payload was exactly as long as announced. */
  leaveTag(end: number): void {
    if (this.position !== end) throw new MalformedBytes(`tagged field ends at ${this.position}, not ${end}`);
  }

  /** A whole tag section none of whose tags is known. */
  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.position = this.enterTag();
    }
  }
}
