// Everything a data directory holds, batch by batch, looked at with nothing trusted. Owner: tests. Not hot.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../src/engine/base/crc32c.ts';
import { BATCH_HEADER_BYTES, BatchAttribute, BatchField } from '../../src/engine/record/batch-header.ts';
import { BatchWalker, WalkStatus } from '../../src/engine/record/batch-walker.ts';

export interface StoredBatch {
  /** Folder of the partition. */
  readonly partition: string;
  readonly baseOffset: number;
  readonly recordCount: number;
  readonly crc: number;
}

/** @throws when a byte of any .log file is not part of a valid batch whose records are as many as it says */
export function storedBatches(dir: string): StoredBatch[] {
  const found: StoredBatch[] = [];
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^\d{20}\.log$/.test(entry.name)) continue;
    // The controller's own log has another format.
    if (entry.parentPath.endsWith('ringlog-metadata')) continue;
    walkFile(join(entry.parentPath, entry.name), entry.parentPath.slice(dir.length + 1), found);
  }
  return found;
}

function walkFile(path: string, partition: string, found: StoredBatch[]): void {
  const bytes = readFileSync(path);
  const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: 1 << 30 });
  walker.minOffset = Number(/(\d{20})\.log$/.exec(path)![1]);
  walker.wrap(bytes, 0, bytes.length, 0);
  while (walker.next() === WalkStatus.BATCH) {
    const { header, offset, sizeBytes } = walker;
    const where = `${partition} offset ${header.baseOffset}`;
    const crc = crc32c(bytes, offset + BatchField.ATTRIBUTES, sizeBytes - BatchField.ATTRIBUTES) >>> 0;
    if (crc !== bytes.readUInt32BE(offset + BatchField.CRC)) throw new Error(`${where}: checksum`);
    if (header.recordCount !== header.lastOffsetDelta + 1)
      throw new Error(`${where}: ${header.recordCount} records, last delta ${header.lastOffsetDelta}`);
    if ((header.attributes & BatchAttribute.CODEC_MASK) === 0) {
      const records = countRecords(bytes, offset + BATCH_HEADER_BYTES, offset + sizeBytes);
      if (records !== header.recordCount) throw new Error(`${where}: ${header.recordCount} records announced, ${records} there`);
    }
    found.push({ partition, baseOffset: header.baseOffset, recordCount: header.recordCount, crc });
  }
  if (walker.status !== WalkStatus.END) throw new Error(`${path}: status ${walker.status} at ${walker.position} of ${bytes.length}`);
}

function countRecords(bytes: Buffer, from: number, end: number): number {
  let records = 0;
  for (let at = from; at < end; records++) {
    let raw = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += raw >>> 1;
    if (at > end) return -1;
  }
  return records;
}
