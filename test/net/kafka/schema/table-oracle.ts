// A second opinion on the wire format: a decoder and an encoder that walk the tables field by field. They share nothing with
// the generated codecs but the tables' parser: no ByteReader, no ByteWriter, 64-bit integers by way of bigint.
// Owner: tests; pure.

import { Buffer } from 'node:buffer';
import type { Field, Message, Range } from '../../../../src/net/kafka/schema/table.ts';

type Struct = Record<string, unknown>;
const holds = (range: Range, version: number): boolean => version >= range.from && version <= range.to;

export function defaultOf(field: Field): unknown {
  if (field.fallback !== undefined) return field.fallback;
  if (field.array) return [];
  if (field.struct !== null) {
    return field.nullable.to >= field.nullable.from
      ? null
      : Object.fromEntries(field.struct.map((member) => [member.name, defaultOf(member)]));
  }
  const byType: Record<string, unknown> = { bool: false, string: '', uuid: 'A'.repeat(22), records: null };
  if (field.type === 'bytes') return new Uint8Array(0);
  return field.type in byType ? byType[field.type] : 0;
}

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }

  take(size: number): Buffer {
    if (size < 0 || this.at + size > this.bytes.length) throw new Error(`oracle: ${size} bytes at ${this.at}`);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  uvarint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.take(1)[0]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }
}

export function oracleDecode(message: Message, bytes: Uint8Array, version: number): { value: Struct; used: number } {
  const cursor = new Cursor(bytes);
  const value = readStruct(cursor, message.fields, version, version >= message.flexibleSince);
  return { value, used: cursor.at };
}

function readStruct(c: Cursor, fields: readonly Field[], version: number, flexible: boolean): Struct {
  const value: Struct = Object.fromEntries(fields.map((field) => [field.name, defaultOf(field)]));
  for (const field of fields) {
    if (field.tag < 0 && holds(field.versions, version)) value[field.name] = readField(c, field, version, flexible);
  }
  if (!flexible) return value;
  for (let left = c.uvarint(); left > 0; left--) {
    const tag = c.uvarint();
    const payload = new Cursor(c.take(c.uvarint()));
    const field = fields.find((one) => one.tag === tag && holds(one.versions, version));
    if (field !== undefined) value[field.name] = readField(payload, field, version, true);
  }
  return value;
}

function readField(c: Cursor, field: Field, version: number, flexible: boolean): unknown {
  if (!field.array) return readOne(c, field, version, flexible && !field.plain);
  const count = flexible ? c.uvarint() - 1 : c.take(4).readInt32BE();
  if (count < 0) return null;
  return Array.from({ length: count }, () => readOne(c, { ...field, nullable: { from: 0, to: -1 } }, version, flexible));
}

function readOne(c: Cursor, field: Field, version: number, flexible: boolean): unknown {
  if (field.struct !== null) {
    if (holds(field.nullable, version)) {
      const mark = field.tag >= 0 ? c.uvarint() : c.take(1).readInt8();
      if (mark !== 1) return null;
    }
    return readStruct(c, field.struct, version, flexible);
  }
  switch (field.type) {
    case 'bool':
      return c.take(1)[0] !== 0;
    case 'int8':
      return c.take(1).readInt8();
    case 'int16':
      return c.take(2).readInt16BE();
    case 'uint16':
      return c.take(2).readUInt16BE();
    case 'int32':
      return c.take(4).readInt32BE();
    case 'uint32':
      return c.take(4).readUInt32BE();
    case 'int64':
      return Number(c.take(8).readBigInt64BE());
    case 'float64':
      return c.take(8).readDoubleBE();
    case 'uuid':
      return c.take(16).toString('base64url');
    case 'string': {
      const size = flexible ? c.uvarint() - 1 : c.take(2).readInt16BE();
      return size < 0 ? null : c.take(size).toString('utf8');
    }
    default: {
      const size = flexible ? c.uvarint() - 1 : c.take(4).readInt32BE();
      return size < 0 ? null : Uint8Array.from(c.take(size));
    }
  }
}

/** `strange` tags are added to every struct's tag section, as a newer version of the protocol would. */
export function oracleEncode(message: Message, value: unknown, version: number, strange: readonly number[] = []): Uint8Array {
  const out: Buffer[] = [];
  writeStruct(out, message.fields, value as Struct, version, version >= message.flexibleSince, strange);
  return Uint8Array.from(Buffer.concat(out));
}

function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

function integer(size: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes.subarray(8 - size);
}

function writeStruct(
  out: Buffer[],
  fields: readonly Field[],
  value: Struct,
  version: number,
  flexible: boolean,
  strange: readonly number[],
): void {
  const tagged = new Map<number, Buffer>(strange.map((tag) => [tag, Buffer.from('strange')]));
  for (const field of fields.filter((one) => holds(one.versions, version))) {
    if (field.tag < 0) {
      writeField(out, field, value[field.name], version, flexible, strange);
    } else if (JSON.stringify(value[field.name]) !== JSON.stringify(defaultOf(field))) {
      const payload: Buffer[] = [];
      writeField(payload, field, value[field.name], version, true, strange);
      tagged.set(field.tag, Buffer.concat(payload));
    }
  }
  if (!flexible) return;
  out.push(uvarint(tagged.size));
  for (const [tag, payload] of [...tagged].sort(([a], [b]) => a - b)) {
    out.push(uvarint(tag), uvarint(payload.length), payload);
  }
}

function writeField(out: Buffer[], field: Field, value: unknown, version: number, flexible: boolean, strange: readonly number[]): void {
  const compact = flexible && !field.plain;
  const sized = (size: number, bytes: Buffer | null): void => {
    const length = bytes === null ? -1 : bytes.length;
    out.push(compact ? uvarint(length + 1) : integer(size, length));
    if (bytes !== null) out.push(bytes);
  };
  if (field.array) {
    const items = value as unknown[] | null;
    const count = items === null ? -1 : items.length;
    out.push(compact ? uvarint(count + 1) : integer(4, count));
    const element = { ...field, array: false, nullable: { from: 0, to: -1 } };
    for (const item of items ?? []) writeField(out, element, item, version, flexible, strange);
  } else if (field.struct !== null) {
    if (holds(field.nullable, version)) {
      const yes = value !== null;
      out.push(field.tag >= 0 ? uvarint(yes ? 1 : 0) : integer(1, yes ? 1 : -1));
      if (!yes) return;
    }
    writeStruct(out, field.struct, value as Struct, version, flexible, strange);
  } else if (field.type === 'uuid') out.push(Buffer.from(value as string, 'base64url'));
  else if (field.type === 'string') sized(2, value === null ? null : Buffer.from(value as string, 'utf8'));
  else if (field.type === 'bytes' || field.type === 'records') sized(4, value === null ? null : Buffer.from(value as Uint8Array));
  else if (field.type === 'bool') out.push(Buffer.from([value === true ? 1 : 0]));
  else out.push(integer(Number(/\d+/.exec(field.type)![0]) / 8, value as number));
}
