// Records of the log as the gateway shows them: in JSON as text where they are text, otherwise as base64; in msgpack as
// text or bytes. Owner: pure. Warm: once a record.

import { isUtf8 } from 'node:buffer';
import type { LogRecord } from '../../../engine/record/log-records.ts';

/** As readRecord() takes it, with its place. */
export function recordJson({ offset, timestamp, key, value, headers }: LogRecord): Readonly<Record<string, unknown>> {
  return {
    offset,
    timestamp,
    ...field('key', key),
    ...field('value', value),
    ...(headers.length > 0 ? { headers: headersJson(headers) } : {}),
  };
}

export function recordMsgpack({ offset, timestamp, key, value, headers }: LogRecord): Readonly<Record<string, unknown>> {
  return {
    offset,
    timestamp,
    key: textOrBytes(key),
    value: textOrBytes(value),
    ...(headers.length > 0 ? { headers: Object.fromEntries(headers.map((one) => [one.key, textOrBytes(one.value)])) } : {}),
  };
}

function field(name: string, bytes: Uint8Array | null): Readonly<Record<string, unknown>> {
  if (bytes === null) return { [name]: null };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { [name]: buffer.toString() } : { [`${name}Base64`]: buffer.toString('base64') };
}

/** Of a name that comes twice, the last. */
function headersJson(headers: LogRecord['headers']): Readonly<Record<string, string | null>> {
  return Object.fromEntries(headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()]));
}

function textOrBytes(bytes: Uint8Array | null): string | Uint8Array | null {
  if (bytes === null || !isUtf8(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
