// Producer state on the disk: `N.snapshot` holds it as of offset N, exclusive. Owner: the shard's thread. Not hot.
//
// On disk: int16 version 1, uint32 CRC-32C of all bytes from 6 on, then the entries. A snapshot saves recovery from
// replaying the whole log; losing one costs time only. It is written to a temporary name and renamed, without a sync: after
// a crash a torn one fails its CRC and is deleted.

import { ByteReader, MalformedBytes } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { crc32c } from '../base/crc32c.ts';
import type { FileSystem } from '../io/file-system.ts';
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../record/generated/producer-snapshot.ts';
import { ProducerEntry, type ProducerState } from './producer-state.ts';
import { offsetOfFileName, segmentFileName, SNAPSHOT_SUFFIX } from './segment-name.ts';
import { readWholeFile } from './segment-files.ts';

const VERSION = 1;
const CRC_AT = 2;
const CRC_COVERS_FROM = 6;

export function snapshotPath(dir: string, offset: number): string {
  return `${dir}/${segmentFileName(offset, SNAPSHOT_SUFFIX)}`;
}

export function encodeSnapshot(producers: ProducerState): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(VERSION);
  const producerEntries = [...producers.entries.values()].map((entry) => ({
    producerId: entry.producerId,
    epoch: entry.epoch,
    lastSequence: entry.lastSequence,
    lastOffset: entry.lastOffset,
    offsetDelta: entry.lastOffsetDelta,
    timestamp: entry.lastTimestamp,
    coordinatorEpoch: entry.coordinatorEpoch,
    currentTxnFirstOffset: entry.currentTxnFirstOffset,
  }));
  encodeProducerSnapshot(writer, { crc: 0, producerEntries }, VERSION);
  writer.patchInt32(CRC_AT, crc32c(writer.u8, CRC_COVERS_FROM, writer.position - CRC_COVERS_FROM) | 0);
  return writer.copy();
}

/** State as of `offset`. False when the bytes are not a whole snapshot of a version we know; the state is then empty. */
export function decodeSnapshot(bytes: Uint8Array, offset: number, producers: ProducerState): boolean {
  producers.clear();
  try {
    const reader = new ByteReader(bytes);
    if (reader.int16() !== VERSION) return false;
    const snapshot = decodeProducerSnapshot(reader, VERSION);
    if (reader.remaining !== 0) return false;
    if ((crc32c(bytes, CRC_COVERS_FROM, bytes.length - CRC_COVERS_FROM) | 0) !== (snapshot.crc | 0)) return false;
    for (const stored of snapshot.producerEntries) {
      const entry = new ProducerEntry(stored.producerId, stored.epoch);
      if (stored.lastSequence >= 0) entry.add(stored.lastSequence, stored.lastOffset, stored.offsetDelta, stored.timestamp);
      entry.lastTimestamp = stored.timestamp;
      entry.coordinatorEpoch = stored.coordinatorEpoch;
      entry.currentTxnFirstOffset = stored.currentTxnFirstOffset;
      producers.entries.set(entry.producerId, entry);
    }
    producers.snapshotOffset = offset;
    return true;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    producers.clear();
    return false;
  }
}

export function writeSnapshot(fs: FileSystem, dir: string, offset: number, producers: ProducerState): void {
  const bytes = encodeSnapshot(producers);
  const path = snapshotPath(dir, offset);
  const fd = fs.open(`${path}.tmp`, 'w+');
  try {
    fs.write(fd, bytes, 0, bytes.length, 0);
  } finally {
    fs.close(fd);
  }
  fs.rename(`${path}.tmp`, path);
}

/** Offsets of the snapshots in a directory, ascending. */
export function listSnapshots(fs: FileSystem, dir: string): number[] {
  const offsets: number[] = [];
  for (const name of fs.list(dir)) {
    const offset = offsetOfFileName(name, SNAPSHOT_SUFFIX);
    if (offset >= 0) offsets.push(offset);
  }
  return offsets.sort((a, b) => a - b);
}

/** Load the newest whole snapshot at or below `offset`; bad ones are deleted. @returns its offset, -1 when there is none */
export function loadSnapshot(fs: FileSystem, dir: string, offset: number, producers: ProducerState): number {
  const offsets = listSnapshots(fs, dir);
  for (let i = offsets.length - 1; i >= 0; i--) {
    if (offsets[i]! > offset) continue;
    const bytes = readWholeFile(fs, snapshotPath(dir, offsets[i]!));
    if (bytes !== null && decodeSnapshot(bytes, offsets[i]!, producers)) return offsets[i]!;
    fs.remove(snapshotPath(dir, offsets[i]!));
  }
  producers.clear();
  return -1;
}

/** Snapshots above the log's end describe batches that no longer exist. */
export function removeSnapshotsAbove(fs: FileSystem, dir: string, offset: number): void {
  for (const found of listSnapshots(fs, dir)) if (found > offset) fs.remove(snapshotPath(dir, found));
}
