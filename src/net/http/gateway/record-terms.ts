// Records as clients of the gateway write them, in JSON or msgpack, checked and turned into what the log stores. Owner:
// pure. Warm: once a record.
//
//   { "key": "u1", "value": {"any": "JSON"}, "headers": {"trace": "x"}, "timestamp": 1700000000000, "partition": 0 }
//
// A text is stored as its UTF-8, anything else of JSON as its JSON text, null as a tombstone; `valueBase64` and `keyBase64`
// are for bytes, which msgpack has of its own.

import type { NewRecord, RecordHeader } from '../../../engine/record/batch-builder.ts';

export interface GivenRecord extends NewRecord {
  /** null: chosen by the key, or for the request. */
  readonly partition: number | null;
}

/** What the request says for records that say nothing themselves. */
export interface RecordDefaults {
  readonly key: Uint8Array | null;
  readonly partition: number | null;
  readonly timestamp: number | null;
}

/** The record is wrong; the message says how. */
export class BadRecord extends Error {
  override readonly name = 'BadRecord';
}

const FIELDS: ReadonlySet<string> = new Set(['key', 'keyBase64', 'value', 'valueBase64', 'headers', 'timestamp', 'partition']);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const NO_HEADERS: readonly RecordHeader[] = [];

/** @throws BadRecord */
export function readRecord(given: unknown, defaults: RecordDefaults): GivenRecord {
  if (!isMap(given)) throw new BadRecord(`a record is an object with value, key, headers, timestamp, partition; this is ${kindOf(given)}`);
  for (const name in given) if (!FIELDS.has(name)) throw new BadRecord(`a record has no '${name}': ${[...FIELDS].join(', ')}`);
  if (given['value'] === undefined && given['valueBase64'] === undefined) throw new BadRecord("'value' is missing; null is a tombstone");
  const key = given['key'] === undefined && given['keyBase64'] === undefined ? defaults.key : fieldOf(given, 'key');
  const timestamp = wholeNumber(given['timestamp'], 'timestamp', 'milliseconds since 1970') ?? defaults.timestamp;
  return {
    key,
    value: fieldOf(given, 'value'),
    headers: headersOf(given['headers']),
    partition: wholeNumber(given['partition'], 'partition', 'its number') ?? defaults.partition,
    ...(timestamp === null ? {} : { timestamp }),
  };
}

function fieldOf(given: Readonly<Record<string, unknown>>, name: 'key' | 'value'): Uint8Array | null {
  const base64 = given[`${name}Base64`];
  if (base64 === undefined) return bytesOf(given[name], name);
  if (given[name] !== undefined) throw new BadRecord(`'${name}' and '${name}Base64' are one too many`);
  if (typeof base64 !== 'string' || !BASE64.test(base64)) throw new BadRecord(`'${name}Base64' is not base64`);
  return Buffer.from(base64, 'base64');
}

function bytesOf(value: unknown, name: string): Uint8Array | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  try {
    return Buffer.from(JSON.stringify(value));
  } catch {
    throw new BadRecord(`'${name}' cannot be written as JSON: give it as bytes`);
  }
}

function headersOf(given: unknown): readonly RecordHeader[] {
  if (given === undefined || given === null) return NO_HEADERS;
  if (!isMap(given)) throw new BadRecord("'headers' is an object of texts");
  return Object.entries(given).map(([key, value]) => {
    if (value !== null && typeof value !== 'string' && !(value instanceof Uint8Array))
      throw new BadRecord(`header '${key}' is a text or null`);
    return { key, value: typeof value === 'string' ? Buffer.from(value) : value };
  });
}

function wholeNumber(given: unknown, name: string, what: string): number | null {
  if (given === undefined || given === null) return null;
  if (!Number.isSafeInteger(given) || (given as number) < 0) throw new BadRecord(`'${name}' is ${what}, a whole number`);
  return given as number;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
