// Does a compressed batch hold a record without a key? Asked of what comes in for a compacted topic, where such a record
// could never be kept. Pure: no thread owns it. Not hot: the walkers answer it for uncompressed batches on their way.

import { MalformedBytes } from '../base/byte-reader.ts';
import { CannotDecompress, decompress } from './compression.ts';
import { RecordCursor } from './record-cursor.ts';

const cursor = new RecordCursor();

/** Also true when the bytes are not `count` records, or cannot be opened here: nobody could look for their keys later. */
export function hasKeylessRecord(codec: number, body: Uint8Array, count: number): boolean {
  try {
    const records = decompress(codec, body);
    cursor.wrap(records, 0, records.length, count);
    while (cursor.next()) if (cursor.keyBytes < 0) return true;
    return false;
  } catch (error) {
    if (error instanceof MalformedBytes || error instanceof CannotDecompress) return true;
    throw error;
  }
}
