// Look through the records of one batch for a timestamp. Pure. Not hot.
//
// A record: varint length of the rest, int8 attributes, varlong timestamp delta, varint offset delta, and what is not
// needed here.

import { MalformedBytes, ByteReader } from '../base/byte-reader.ts';

/** Record bytes of a batch, decompressed, and what its header says. */
export interface RecordBytes {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly baseOffset: number;
  readonly baseTimestamp: number;
  readonly recordCount: number;
}

export interface FoundRecord {
  readonly offset: number;
  readonly timestamp: number;
}

/** The first record at or above `minOffset` with a timestamp >= `timestampMs`; null when there is none. */
export function firstRecordSince(records: RecordBytes, timestampMs: number, minOffset: number): FoundRecord | null {
  const reader = new ByteReader(records.bytes, records.from, records.to);
  try {
    for (let i = 0; i < records.recordCount; i++) {
      const length = reader.varint();
      const end = reader.position + length;
      reader.int8();
      const timestamp = records.baseTimestamp + reader.varlong();
      const offset = records.baseOffset + reader.varint();
      if (timestamp >= timestampMs && offset >= minOffset) return { offset, timestamp };
      reader.skip(end - reader.position);
    }
  } catch (error) {
    // The CRC was right when the batch was stored: the client wrote nonsense, and no record of it can be named.
    if (!(error instanceof MalformedBytes)) throw error;
  }
  return null;
}
