// RecordCursor: the records of one batch's body (decompressed), one after the other, told by where their parts are.
// Owner: whoever owns the bytes. Hot enough for compaction: nothing is allocated a record.
//
// A record: varint length of the rest, int8 attributes, varlong timestamp delta, varint offset delta, key, value, headers;
// key and value are a varint length (-1: none) and bytes.

import { ByteReader, MalformedBytes } from '../base/byte-reader.ts';

export class RecordCursor {
  /** The current record, its length field included. */
  start = 0;
  end = 0;
  timestampDelta = 0;
  /** From here to the end nothing depends on the batch's base timestamp. */
  offsetDeltaAt = 0;
  offsetDelta = 0;
  keyAt = 0;
  /** -1: none. */
  keyBytes = 0;
  valueAt = 0;
  /** -1: none, a tombstone. */
  valueBytes = 0;
  bytes: Uint8Array;
  private readonly reader: ByteReader;
  private left = 0;
  private bodyStart = 0;
  private bodyEnd = 0;

  constructor() {
    this.bytes = new Uint8Array(0);
    this.reader = new ByteReader(this.bytes);
  }

  /** Walk the `count` records that fill [from, to) of the bytes. */
  wrap(bytes: Uint8Array, from: number, to: number, count: number): void {
    this.bytes = bytes;
    this.reader.reset(bytes, from, to);
    this.bodyStart = from;
    this.bodyEnd = to;
    this.rewind(count);
  }

  /** Walk the same records again. */
  rewind(count: number): void {
    this.left = count;
    this.end = this.bodyStart;
    this.offsetDelta = -1;
  }

  /** False behind the last record. @throws MalformedBytes */
  next(): boolean {
    const { reader } = this;
    reader.position = this.end;
    reader.end = this.bodyEnd;
    if (this.left === 0) {
      if (reader.remaining !== 0) throw new MalformedBytes(`${reader.remaining} bytes behind the last record`);
      return false;
    }
    this.left--;
    this.start = this.end;
    const size = reader.varint();
    if (size < 0 || size > reader.remaining) throw new MalformedBytes(`record of ${size} bytes, ${reader.remaining} left`);
    this.end = reader.position + size;
    reader.end = this.end;
    reader.skip(1);
    this.timestampDelta = reader.varlong();
    this.offsetDeltaAt = reader.position;
    const offsetDelta = reader.varint();
    if (offsetDelta <= this.offsetDelta) throw new MalformedBytes(`offset delta ${offsetDelta} after ${this.offsetDelta}`);
    this.offsetDelta = offsetDelta;
    this.keyBytes = this.field();
    this.keyAt = reader.position - Math.max(this.keyBytes, 0);
    this.valueBytes = this.field();
    this.valueAt = reader.position - Math.max(this.valueBytes, 0);
    return true;
  }

  /** A view, null when there is none. */
  get key(): Uint8Array | null {
    return this.keyBytes < 0 ? null : this.bytes.subarray(this.keyAt, this.keyAt + this.keyBytes);
  }

  get value(): Uint8Array | null {
    return this.valueBytes < 0 ? null : this.bytes.subarray(this.valueAt, this.valueAt + this.valueBytes);
  }

  private field(): number {
    const size = this.reader.varint();
    if (size < -1) throw new MalformedBytes(`length ${size}`);
    if (size > 0) this.reader.skip(size);
    return size;
  }
}
