// The records of stored batches, as people and tools read them: decompressed, with absolute offsets and times.
// Owner: any thread; pure. Not hot: allocates an object a record.

import { ByteReader } from '../base/byte-reader.ts';
import { BATCH_HEADER_BYTES, BatchHeader } from './batch-header.ts';
import { BatchWalker, WalkStatus } from './batch-walker.ts';
import { decompress } from './compression.ts';

export interface LogRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[];
}

/** Records of all whole batches in `bytes`, control batches left out; a batch cut off at the end is ignored. */
export function* recordsIn(bytes: Uint8Array): Generator<LogRecord> {
  const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });
  walker.wrap(bytes, 0, bytes.length, 0);
  while (walker.next() === WalkStatus.BATCH) {
    if (!walker.header.isControl) yield* recordsOf(bytes, walker.offset, walker.sizeBytes);
  }
}

/** Records of the batch at [offset, offset + sizeBytes). @throws MalformedBytes, CannotDecompress */
export function* recordsOf(bytes: Uint8Array, offset: number, sizeBytes: number): Generator<LogRecord> {
  const header = new BatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset);
  const body = decompress(header.codec, bytes.subarray(offset + BATCH_HEADER_BYTES, offset + sizeBytes));
  const reader = new ByteReader(body);
  const { baseOffset, baseTimestamp, recordCount } = header;
  const appendTime = header.usesLogAppendTime ? header.maxTimestamp : null;
  for (let i = 0; i < recordCount; i++) {
    reader.varint();
    reader.int8();
    const timestamp = baseTimestamp + reader.varlong();
    const recordOffset = baseOffset + reader.varint();
    const key = varBytes(reader);
    const value = varBytes(reader);
    const headers: { key: string; value: Buffer | null }[] = [];
    for (let left = reader.varint(); left > 0; left--) {
      headers.push({ key: varBytes(reader)?.toString() ?? '', value: varBytes(reader) });
    }
    yield { offset: recordOffset, timestamp: appendTime ?? timestamp, key, value, headers };
  }
}

/** A copy, from Node's pool where it is short: a third of what an array of its own costs, and a batch is not kept for one record of it. */
function varBytes(reader: ByteReader): Buffer | null {
  const length = reader.varint();
  return length < 0 ? null : Buffer.from(reader.view(length));
}
