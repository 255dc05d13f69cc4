// As much of msgpack as the frames of the gateway have, for a page. Owner: pure; runs in a browser, without any import.
// Small before fast: the whole client is under 3 kB.

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const listOf = <T>(length: number, item: (none: unknown, i: number) => T): T[] => Array.from({ length }, item);

/** Every length takes 32 bits: a short form for each would be half of this. */
export function encode(value: unknown): Uint8Array {
  const out: number[] = [];
  const number = new DataView(new ArrayBuffer(8));
  const raw = new Uint8Array(number.buffer);
  const bytes = (from: Uint8Array): void => from.forEach((byte) => out.push(byte));
  const head = (type: number, length: number): void => {
    number.setUint32(0, length);
    out.push(type);
    bytes(raw.slice(0, 4));
  };
  const blob = (type: number, from: Uint8Array): void => {
    head(type, from.length);
    bytes(from);
  };
  const put = (one: any): void => {
    const kind = typeof one;
    if (one == null) out.push(0xc0);
    else if (one === !!one) out.push(0xc2 + one);
    else if (kind === 'number') {
      number.setFloat64(0, one);
      out.push(0xcb);
      bytes(raw);
    } else if (kind === 'string') blob(0xdb, utf8(one));
    else if (one instanceof Uint8Array) blob(0xc6, one);
    else if (Array.isArray(one)) {
      head(0xdd, one.length);
      one.forEach(put);
    } else {
      // One level: lists among the values stay as they are.
      const fields = Object.entries(one).flat();
      head(0xdf, fields.length / 2);
      fields.forEach(put);
    }
  };
  put(value);
  return new Uint8Array(out);
}

/** Numbers of the gateway are whole and not negative, or 64 bits. */
export function decode(from: ArrayBuffer): any {
  const raw = new Uint8Array(from);
  let at = 0;
  const uint = (size: number): number => (size ? uint(size - 1) * 256 + raw[at++]! : 0);
  const bytes = (length: number): Uint8Array => raw.subarray(at, (at += length));
  const text = (length: number): string => new TextDecoder().decode(bytes(length));
  const list = (length: number): any[] => listOf(length, take);
  const map = (length: number): object => Object.fromEntries(listOf(length, () => [take(), take()]));
  function take(): any {
    const type = uint(1);
    if (type < 0x80) return type;
    if (type < 0x90) return map(type & 15);
    if (type < 0xa0) return list(type & 15);
    if (type < 0xc0) return text(type & 31);
    if (type < 0xc4) return type < 0xc1 ? null : type > 0xc2;
    if (type < 0xc7) return bytes(uint(1 << (type - 0xc4)));
    if (type === 0xcb) return new DataView(from).getFloat64((at += 8) - 8);
    if (type < 0xd0) return uint(1 << (type - 0xcc));
    if (type < 0xdc) return text(uint(1 << (type - 0xd9)));
    return (type < 0xde ? list : map)(uint(type & 1 ? 4 : 2));
  }
  return take();
}
