// Frames and Produce requests made byte by byte from the protocol's definition, for tests.

import { crc32c } from '../../../src/engine/base/crc32c.ts';

/** Header of any request: api_key, api_version, correlation_id, null client id; then `padding` bytes counting up. */
export function requestBytes(apiKey: number, apiVersion: number, correlationId: number, padding = 0): Buffer {
  const bytes = Buffer.alloc(10 + padding);
  bytes.writeInt16BE(apiKey, 0);
  bytes.writeInt16BE(apiVersion, 2);
  bytes.writeInt32BE(correlationId, 4);
  bytes.writeInt16BE(-1, 8);
  for (let i = 0; i < padding; i++) bytes[10 + i] = (i * 7 + correlationId) & 0xff;
  return bytes;
}

/** Behind its 4-byte length. */
export function framed(payload: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(payload.length);
  return Buffer.concat([prefix, payload]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

export interface BatchSpec {
  readonly values?: readonly string[];
  readonly magic?: number;
  readonly recordCount?: number;
  readonly attributes?: number;
  readonly badCrc?: boolean;
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly baseTimestamp?: bigint;
}

/** A record batch (magic 2) with one record a value. */
export function recordBatch(spec: BatchSpec = {}): Buffer {
  const values = spec.values ?? ['value'];
  const records = Buffer.concat(values.map((value, index) => record(index, value)));
  const batch = Buffer.alloc(61 + records.length);
  records.copy(batch, 61);
  const baseTimestamp = spec.baseTimestamp ?? 1_700_000_000_000n;
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(spec.magic ?? 2, 16);
  batch.writeInt16BE(spec.attributes ?? 0, 21);
  batch.writeInt32BE(values.length - 1, 23);
  batch.writeBigInt64BE(baseTimestamp, 27);
  batch.writeBigInt64BE(baseTimestamp + BigInt(values.length - 1), 35);
  batch.writeBigInt64BE(spec.producerId ?? -1n, 43);
  batch.writeInt16BE(spec.producerEpoch ?? -1, 51);
  batch.writeInt32BE(spec.baseSequence ?? -1, 53);
  batch.writeInt32BE(spec.recordCount ?? values.length, 57);
  batch.writeInt32BE(crc32c(batch, 21, batch.length - 21) | 0, 17);
  if (spec.badCrc === true) batch[20]! ^= 1;
  return batch;
}

function record(index: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  const body = Buffer.concat([Buffer.from([0]), varint(index), varint(index), varint(-1), varint(bytes.length), bytes, varint(0)]);
  return Buffer.concat([varint(body.length), body]);
}

export interface TopicSpec {
  /** Bytes of a name, or 16 bytes of an id for version 13. */
  readonly topic: string | Buffer;
  readonly partitions: readonly { readonly index: number; readonly records: Buffer | null }[];
}

export interface ProduceSpec {
  readonly version: number;
  readonly correlationId?: number;
  readonly acks?: number;
  readonly timeoutMs?: number;
  readonly transactionalId?: string | null;
  readonly topics: readonly TopicSpec[];
}

/** A Produce request, header and body, of versions 3..13. */
export function produceRequest(spec: ProduceSpec): Buffer {
  const flexible = spec.version >= 9;
  const tags = flexible ? [Buffer.from([0])] : [];
  const count = (length: number): Buffer => (flexible ? unsignedVarint(length + 1) : int32(length));
  const string = (text: string | null): Buffer => {
    const bytes = Buffer.from(text ?? '');
    const length = text === null ? -1 : bytes.length;
    return Buffer.concat([flexible ? unsignedVarint(length + 1) : int16(length), bytes]);
  };
  const header = [int16(0), int16(spec.version), int32(spec.correlationId ?? 1), int16(-1), ...tags];
  const body: Buffer[] = [
    string(spec.transactionalId ?? null),
    int16(spec.acks ?? -1),
    int32(spec.timeoutMs ?? 1500),
    count(spec.topics.length),
  ];
  for (const { topic, partitions } of spec.topics) {
    body.push(typeof topic === 'string' ? string(topic) : topic, count(partitions.length));
    for (const { index, records } of partitions)
      body.push(int32(index), count(records === null ? -1 : records.length), records ?? Buffer.alloc(0), ...tags);
    body.push(...tags);
  }
  return Buffer.concat([...header, ...body, ...tags]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
