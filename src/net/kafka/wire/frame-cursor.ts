// A position in a request frame, for hand-tuned walkers that must neither allocate nor throw. Owner: the shard's thread. Hot.
//
// After a step past the end it is bad for good and reads zeros, so steps need no checks of their own: whoever acts on a
// value looks at `bad` first. (ByteReader throws instead, and serves everything else.)

/** Kafka refuses longer strings in the compact form too. */
const STRING_MAX = 0x7fff;

export class FrameCursor {
  private view: DataView = new DataView(new ArrayBuffer(0));
  private end = 0;
  at = 0;
  bad = false;

  wrap(view: DataView, offset: number, length: number): void {
    this.view = view;
    this.at = offset;
    this.end = offset + length;
    this.bad = false;
  }

  /** Everything was read, and nothing went wrong. */
  get finished(): boolean {
    return !this.bad && this.at === this.end;
  }

  fail(): number {
    this.bad = true;
    this.at = this.end;
    return 0;
  }

  skip(bytes: number): void {
    if (bytes > this.end - this.at) this.fail();
    else this.at += bytes;
  }

  int16(): number {
    const at = this.at;
    if (this.end - at < 2) return this.fail();
    this.at = at + 2;
    return this.view.getInt16(at);
  }

  int32(): number {
    const at = this.at;
    if (this.end - at < 4) return this.fail();
    this.at = at + 4;
    return this.view.getInt32(at);
  }

  /** Unsigned, at most 5 bytes and 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.at === this.end) break;
      const byte = this.view.getUint8(this.at++);
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return this.fail();
  }

  /** The length of an array or records field: -1 for null, otherwise 0 or more; other values are malformed. */
  length(flexible: boolean): number {
    return flexible ? this.compactLength() : this.checked(this.int32());
  }

  stringLength(flexible: boolean): number {
    const length = flexible ? this.compactLength() : this.checked(this.int16());
    return length > STRING_MAX ? this.fail() : length;
  }

  skipTags(flexible: boolean): void {
    if (!flexible) return;
    for (let count = this.uvarint(); count > 0 && !this.bad; count--) {
      this.uvarint();
      this.skip(this.uvarint());
    }
  }

  private compactLength(): number {
    const plusOne = this.uvarint();
    return plusOne > 0x8000_0000 ? this.fail() : plusOne - 1;
  }

  private checked(length: number): number {
    return length < -1 ? this.fail() : length;
  }
}
