// RecoveryNote: what the log was at one position of one segment, so that recovery reads only what lies behind it. Owner: the
// shard's thread. Not hot: one every few MiB (log-note.ts).
//
// Two files of our own lie beside Kafka's in a partition's directory, of one format:
//   recovery-note.cache  written in place every few MiB and never synced. It names the session it was written in (boot and
//                        mount), so it is believed only while the page cache that holds it and the log is the same one.
//   recovery-note.disk   all that it speaks of is on the disk. Replaced whole; believed when Kafka's recovery point has come
//                        as far, which it has unless another program cut the log meanwhile.
// On disk: int32 length of what follows, uint32 CRC-32C of the rest, int16 version, then the fields in the order below.

import { ByteReader, MalformedBytes } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { crc32c } from '../base/crc32c.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { Log } from './log.ts';
import { ProducerEntry, type ProducerState } from './producer-state.ts';
import { readWholeFile } from './segment-files.ts';

export const CACHE_NOTE = 'recovery-note.cache';
export const DISK_NOTE = 'recovery-note.disk';
/** A disk note on its way: the supervisor syncs it, then gives it its name. */
export const NEXT_NOTE = 'recovery-note.next';

const VERSION = 1;
const LENGTH_BYTES = 4;
const CRC_BYTES = 4;

export interface RecoveryNote {
  readonly session: string;
  /** Of the segment. */
  readonly baseOffset: number;
  /** Where in its file the batch with `offset` begins, or will. */
  readonly position: number;
  readonly offset: number;
  // The segment's state there.
  readonly maxTimestamp: number;
  readonly maxTimestampOffset: number;
  readonly firstTimestamp: number;
  readonly sinceIndexBytes: number;
  /** Entries that its index files hold, and the last of them. */
  readonly offsetEntries: number;
  readonly lastRelativeOffset: number;
  readonly lastPosition: number;
  readonly timeEntries: number;
  readonly lastTimestamp: number;
  readonly lastTimeOffset: number;
  /** The log's leader epochs and producers there. */
  readonly epochs: readonly { readonly epoch: number; readonly startOffset: number }[];
  readonly producers: readonly ProducerEntry[];
  /** See ProducerState. */
  readonly snapshotOffset: number;
}

/** The log as it is now. Nothing may be staged: everything the note says must be in the files. */
export function encodeNote(log: Log): Uint8Array {
  const writer = new ByteWriter();
  const segment = log.active;
  const offsets = segment.offsetIndex!;
  const times = segment.timeIndex!;
  const lastOffset = offsets.count - 1;
  const lastTime = times.count - 1;
  writer.int32(0);
  writer.int32(0);
  writer.int16(VERSION);
  writer.string(log.session);
  writer.int64(segment.baseOffset);
  writer.int64(segment.writtenBytes);
  writer.int64(log.writtenOffset);
  writer.int64(segment.maxTimestamp);
  writer.int64(segment.maxTimestampOffset);
  writer.int64(segment.firstTimestamp);
  writer.int64(segment.sinceIndexBytes);
  writer.int32(offsets.total);
  writer.int32(lastOffset < 0 ? 0 : offsets.relativeOffsets[lastOffset]!);
  writer.int32(lastOffset < 0 ? 0 : offsets.positions[lastOffset]!);
  writer.int32(times.total);
  writer.int64(lastTime < 0 ? 0 : times.timestamps[lastTime]!);
  writer.int32(lastTime < 0 ? 0 : times.relativeOffsets[lastTime]!);
  const { epochs, startOffsets } = log.leaderEpochs;
  writer.arrayLength(epochs.length);
  for (let i = 0; i < epochs.length; i++) {
    writer.int32(epochs[i]!);
    writer.int64(startOffsets[i]!);
  }
  encodeProducers(writer, log.producers);
  writer.int64(log.producers.snapshotOffset);
  const from = LENGTH_BYTES + CRC_BYTES;
  writer.patchInt32(0, writer.position - LENGTH_BYTES);
  writer.patchInt32(LENGTH_BYTES, crc32c(writer.u8, from, writer.position - from) | 0);
  return writer.copy();
}

/** All five batches of each, unlike Kafka's snapshot: a producer that repeats one after the restart is still told where it is. */
function encodeProducers(writer: ByteWriter, producers: ProducerState): void {
  writer.arrayLength(producers.entries.size);
  for (const entry of producers.entries.values()) {
    writer.int64(entry.producerId);
    writer.int16(entry.epoch);
    writer.int32(entry.coordinatorEpoch);
    writer.int64(entry.currentTxnFirstOffset);
    writer.int64(entry.lastTimestamp);
    writer.arrayLength(entry.count);
    for (const batch of entry.batches()) {
      writer.int32(batch.lastSequence);
      writer.int64(batch.lastOffset);
      writer.int32(batch.offsetDelta);
      writer.int64(batch.timestamp);
    }
  }
}

/** Null when the bytes are not a whole note of a version we know. What lies behind the note is of an older, longer one. */
function decodeNote(bytes: Uint8Array): RecoveryNote | null {
  try {
    const reader = new ByteReader(bytes);
    const length = reader.int32();
    const from = LENGTH_BYTES + CRC_BYTES;
    const end = LENGTH_BYTES + length;
    if (length < CRC_BYTES || end > bytes.length) return null;
    if (reader.uint32() !== crc32c(bytes, from, end - from)) return null;
    if (reader.int16() !== VERSION) return null;
    return {
      session: reader.string(),
      baseOffset: reader.int64(),
      position: reader.int64(),
      offset: reader.int64(),
      maxTimestamp: reader.int64(),
      maxTimestampOffset: reader.int64(),
      firstTimestamp: reader.int64(),
      sinceIndexBytes: reader.int64(),
      offsetEntries: reader.int32(),
      lastRelativeOffset: reader.int32(),
      lastPosition: reader.int32(),
      timeEntries: reader.int32(),
      lastTimestamp: reader.int64(),
      lastTimeOffset: reader.int32(),
      epochs: Array.from({ length: reader.arrayLength() }, () => ({ epoch: reader.int32(), startOffset: reader.int64() })),
      producers: Array.from({ length: reader.arrayLength() }, () => decodeProducer(reader)),
      snapshotOffset: reader.int64(),
    };
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    return null;
  }
}

function decodeProducer(reader: ByteReader): ProducerEntry {
  const entry = new ProducerEntry(reader.int64(), reader.int16());
  entry.coordinatorEpoch = reader.int32();
  entry.currentTxnFirstOffset = reader.int64();
  const lastTimestamp = reader.int64();
  for (let left = reader.arrayLength(); left > 0; left--) entry.add(reader.int32(), reader.int64(), reader.int32(), reader.int64());
  entry.lastTimestamp = lastTimestamp;
  return entry;
}

export function readNote(fs: FileSystem, dir: string, name: string): RecoveryNote | null {
  const bytes = readWholeFile(fs, `${dir}/${name}`);
  return bytes === null ? null : decodeNote(bytes);
}

/** In place: a kill in the middle leaves a bad checksum, and costs no more than the older note would have. */
export function writeCacheNote(fs: FileSystem, dir: string, bytes: Uint8Array): void {
  const path = `${dir}/${CACHE_NOTE}`;
  const fd = fs.open(path, fs.exists(path) ? 'r+' : 'w+');
  try {
    fs.write(fd, bytes, 0, bytes.length, 0);
  } finally {
    fs.close(fd);
  }
}

/** To the name that the supervisor, or a clean stop, makes the disk note of. */
export function writeNextNote(fs: FileSystem, dir: string, bytes: Uint8Array): void {
  const fd = fs.open(`${dir}/${NEXT_NOTE}`, 'w+');
  try {
    fs.write(fd, bytes, 0, bytes.length, 0);
  } finally {
    fs.close(fd);
  }
}

/** The log was cut to something that the notes do not speak of any more. */
export function removeNotes(fs: FileSystem, dir: string): void {
  for (const name of [CACHE_NOTE, DISK_NOTE, NEXT_NOTE]) fs.remove(`${dir}/${name}`);
}
