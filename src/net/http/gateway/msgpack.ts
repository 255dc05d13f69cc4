// msgpack in and out of the gateway. Owner: pure. Warm: once a body or frame.
//
// A decoder makes an array as long as its header claims before it reads what is in it, so a stranger's bytes are walked
// first: nothing may claim more than there is, or lie deeper than anybody needs.

import { Packr, Unpackr } from 'msgpackr';

const DEPTH_MAX = 32;
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

export function packed(value: unknown): Buffer {
  return packr.pack(value);
}

/** @throws SyntaxError when the bytes are not one value of msgpack */
export function unpacked(bytes: Uint8Array): unknown {
  const end = walk(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (end !== bytes.length) throw new SyntaxError(`${bytes.length - end} bytes follow the value at byte ${end}`);
  return unpackr.unpack(bytes);
}

/** Bytes of a value's own head, and of what follows it that is no value: by the type byte from 0xc0 to 0xdf. */
const FIXED: Readonly<Record<number, number>> = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/** @returns where the first value ends */
function walk(view: DataView): number {
  // Of each open container, how many values are missing.
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    const top = open.length - 1;
    if (open[top] === 0) {
      open.pop();
      continue;
    }
    open[top]!--;
    const type = byteAt(view, at++);
    const lengthBytes = lengthBytesOf(type);
    const length = lengthBytes === 0 ? 0 : readLength(view, at, lengthBytes);
    at += lengthBytes;
    const values = valuesOf(type, length);
    if (values < 0) at += payloadOf(type, length);
    else {
      if (values > view.byteLength - at) throw new SyntaxError(`byte ${at}: ${values} values are claimed and the bytes end before`);
      if (open.length > DEPTH_MAX) throw new SyntaxError(`byte ${at}: values lie more than ${DEPTH_MAX} deep`);
      open.push(values);
    }
    if (at > view.byteLength) throw new SyntaxError('the bytes end within a value');
  }
  return at;
}

function byteAt(view: DataView, at: number): number {
  if (at >= view.byteLength) throw new SyntaxError('the bytes end within a value');
  return view.getUint8(at);
}

/** Of the length field behind a type byte: str, bin, array and map of 8, 16 and 32 bits. */
function lengthBytesOf(type: number): number {
  if (type === 0xc4 || type === 0xd9) return 1;
  if (type === 0xc5 || type === 0xda || type === 0xdc || type === 0xde) return 2;
  return type === 0xc6 || type === 0xdb || type === 0xdd || type === 0xdf ? 4 : 0;
}

function readLength(view: DataView, at: number, bytes: number): number {
  if (at + bytes > view.byteLength) throw new SyntaxError('the bytes end within a value');
  return bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at) : view.getUint32(at);
}

/** Values in a container; -1 for what is none. */
function valuesOf(type: number, length: number): number {
  if (type >= 0x80 && type <= 0x8f) return (type & 0x0f) * 2;
  if (type >= 0x90 && type <= 0x9f) return type & 0x0f;
  if (type === 0xde || type === 0xdf) return length * 2;
  return type === 0xdc || type === 0xdd ? length : -1;
}

function payloadOf(type: number, length: number): number {
  if (type <= 0x7f || type >= 0xe0) return 0;
  if (type >= 0xa0 && type <= 0xbf) return type & 0x1f;
  if (lengthBytesOf(type) > 0) return length;
  const fixed = FIXED[type];
  // Extensions are how one program speaks to itself: records and references of the decoder among them.
  if (fixed === undefined)
    throw new SyntaxError(`type 0x${type.toString(16)} is not taken: nil, bool, numbers, str, bin, array and map are`);
  return fixed;
}
