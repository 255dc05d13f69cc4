// What kafka-dump-log checks of a partition's files, on a disk in memory: every fault found, as text.

import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { crc32c } from '../../../src/engine/base/crc32c.ts';
import { BATCH_HEADER_BYTES, BatchField, BatchHeader, readInt64 } from '../../../src/engine/record/batch-header.ts';

interface Batch {
  readonly position: number;
  readonly lastOffset: number;
  /** Of its records: -1 when compaction has taken all. */
  readonly maxTimestamp: number;
}

export function dumpFaults(fs: MemoryFileSystem, dir: string): string[] {
  const faults: string[] = [];
  for (const name of fs.list(dir).sort()) {
    if (!name.endsWith('.log')) continue;
    const base = Number(name.slice(0, 20));
    const stem = `${dir}/${name.slice(0, 20)}`;
    const batches = checkLog(fs.bytesOf(`${dir}/${name}`), base, faults);
    if (fs.exists(`${stem}.index`)) checkOffsets(fs.bytesOf(`${stem}.index`), base, batches, faults);
    else faults.push(`${base}: no .index`);
    if (fs.exists(`${stem}.timeindex`)) checkTimes(fs.bytesOf(`${stem}.timeindex`), base, batches, faults);
    else faults.push(`${base}: no .timeindex`);
  }
  return faults;
}

function checkLog(bytes: Uint8Array, base: number, faults: string[]): Batch[] {
  const batches: Batch[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let expected = base;
  while (at + BATCH_HEADER_BYTES <= bytes.length) {
    const header = new BatchHeader(view, at);
    if (header.magic !== 2 || at + header.sizeBytes > bytes.length) break;
    const crc = crc32c(bytes, at + BatchField.ATTRIBUTES, header.sizeBytes - BatchField.ATTRIBUTES);
    if (crc !== header.crc >>> 0) faults.push(`${base}: bad checksum at ${at}`);
    if (header.baseOffset < expected) faults.push(`${base}: offset ${header.baseOffset} at ${at}, wanted ${expected}`);
    expected = header.lastOffset + 1;
    batches.push({ position: at, lastOffset: header.lastOffset, maxTimestamp: header.recordCount === 0 ? -1 : header.maxTimestamp });
    at += header.sizeBytes;
  }
  if (at !== bytes.length) faults.push(`${base}: ${bytes.length - at} trailing bytes`);
  return batches;
}

function checkOffsets(bytes: Uint8Array, base: number, batches: readonly Batch[], faults: string[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 8) {
    const offset = base + view.getInt32(at);
    const position = view.getInt32(at + 4);
    const batch = batches.find((candidate) => candidate.position === position);
    if (batch?.lastOffset !== offset) faults.push(`${base}.index: entry ${offset} at ${position} is not a batch's`);
  }
}

function checkTimes(bytes: Uint8Array, base: number, batches: readonly Batch[], faults: string[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let before = -1;
  for (let at = 0; at < bytes.length; at += 12) {
    const timestamp = readInt64(view, at);
    const offset = base + view.getInt32(at + 8);
    const batch = batches.find((candidate) => candidate.lastOffset === offset);
    if (batch?.maxTimestamp !== timestamp) faults.push(`${base}.timeindex: entry ${timestamp} at ${offset} is not a batch's`);
    if (timestamp <= before) faults.push(`${base}.timeindex: ${timestamp} does not ascend`);
    if (batches.some((other) => other.lastOffset <= offset && other.maxTimestamp > timestamp)) {
      faults.push(`${base}.timeindex: a batch up to ${offset} is later than ${timestamp}`);
    }
    before = timestamp;
  }
}
