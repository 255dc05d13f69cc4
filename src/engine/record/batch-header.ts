// The header of a record batch (magic 2): where its fields are, and a flyweight to read and patch them in place.
// Owner: whoever owns the bytes. Hot: point one BatchHeader at batch after batch, it allocates nothing.
//
// The CRC covers byte 21 to the end: base offset and leader epoch lie outside, so the log assigns them without touching it.

/** Byte offsets of the fields, from the first byte of the batch. */
export const BatchField = {
  BASE_OFFSET: 0,
  /** Bytes after this field: the whole batch is 12 more. */
  LENGTH: 8,
  LEADER_EPOCH: 12,
  MAGIC: 16,
  CRC: 17,
  ATTRIBUTES: 21,
  LAST_OFFSET_DELTA: 23,
  BASE_TIMESTAMP: 27,
  MAX_TIMESTAMP: 35,
  PRODUCER_ID: 43,
  PRODUCER_EPOCH: 51,
  BASE_SEQUENCE: 53,
  RECORD_COUNT: 57,
} as const;

/** Bytes before the records: no batch is shorter. */
export const BATCH_HEADER_BYTES = 61;
/** A batch's bytes beyond what its LENGTH field counts. */
export const BATCH_LENGTH_OVERHEAD = 12;
export const BATCH_MAGIC = 2;

/** Bits of ATTRIBUTES. */
export const BatchAttribute = {
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  CODEC_MASK: 0x07,
  LOG_APPEND_TIME: 0x08,
  TRANSACTIONAL: 0x10,
  CONTROL: 0x20,
  /** Base timestamp holds the time from which tombstones may go. Only the cleaner sets it. */
  DELETE_HORIZON: 0x40,
  RESERVED_MASK: 0xff80,
} as const;

/** zstd: codecs above are unknown. */
export const CODEC_MAX = 4;

const TWO_POW_32 = 0x1_0000_0000;

/** An int64 as the nearest number: exact up to 2^53 either way, and what a cast to double gives beyond. */
export function readInt64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_POW_32 + view.getUint32(at + 4);
}

/** `value` must be an integer; up to 2^53 either way it is written exactly. */
export function writeInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / TWO_POW_32));
  view.setInt32(at + 4, value);
}

/** Reads the batch that begins at `at`; the caller has made sure that a whole header is there. */
export class BatchHeader {
  view: DataView;
  at: number;

  constructor(view: DataView, at = 0) {
    this.view = view;
    this.at = at;
  }

  /** Points at another batch. */
  wrap(view: DataView, at: number): this {
    this.view = view;
    this.at = at;
    return this;
  }

  get baseOffset(): number {
    return readInt64(this.view, this.at + BatchField.BASE_OFFSET);
  }
  set baseOffset(value: number) {
    writeInt64(this.view, this.at + BatchField.BASE_OFFSET, value);
  }
  get leaderEpoch(): number {
    return this.view.getInt32(this.at + BatchField.LEADER_EPOCH);
  }
  set leaderEpoch(value: number) {
    this.view.setInt32(this.at + BatchField.LEADER_EPOCH, value);
  }
  /** Of the whole batch. A corrupt length field gives less than BATCH_HEADER_BYTES, or more than there is. */
  get sizeBytes(): number {
    return this.view.getInt32(this.at + BatchField.LENGTH) + BATCH_LENGTH_OVERHEAD;
  }
  get magic(): number {
    return this.view.getInt8(this.at + BatchField.MAGIC);
  }
  /** As a signed int32, comparable with signedCrc32c(). */
  get crc(): number {
    return this.view.getInt32(this.at + BatchField.CRC);
  }
  get attributes(): number {
    return this.view.getInt16(this.at + BatchField.ATTRIBUTES);
  }
  get codec(): number {
    return this.attributes & BatchAttribute.CODEC_MASK;
  }
  get isTransactional(): boolean {
    return (this.attributes & BatchAttribute.TRANSACTIONAL) !== 0;
  }
  get isControl(): boolean {
    return (this.attributes & BatchAttribute.CONTROL) !== 0;
  }
  get usesLogAppendTime(): boolean {
    return (this.attributes & BatchAttribute.LOG_APPEND_TIME) !== 0;
  }
  get lastOffsetDelta(): number {
    return this.view.getInt32(this.at + BatchField.LAST_OFFSET_DELTA);
  }
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta;
  }
  get baseTimestamp(): number {
    return readInt64(this.view, this.at + BatchField.BASE_TIMESTAMP);
  }
  get maxTimestamp(): number {
    return readInt64(this.view, this.at + BatchField.MAX_TIMESTAMP);
  }
  get producerId(): number {
    return readInt64(this.view, this.at + BatchField.PRODUCER_ID);
  }
  get producerEpoch(): number {
    return this.view.getInt16(this.at + BatchField.PRODUCER_EPOCH);
  }
  get baseSequence(): number {
    return this.view.getInt32(this.at + BatchField.BASE_SEQUENCE);
  }
  /** Sequences wrap from 2^31-1 to 0. -1 when the batch has none. */
  get lastSequence(): number {
    const base = this.baseSequence;
    return base < 0 ? -1 : (base + this.lastOffsetDelta) & 0x7fff_ffff;
  }
  get recordCount(): number {
    return this.view.getInt32(this.at + BatchField.RECORD_COUNT);
  }
}
