// What a commit journal looks like on disk. Pure.
//
// A file `commit-journal.<shard>` in the root of a log directory, written in blocks of 4096 bytes:
//
//   block 0     the header: whose journal it is, and from which record on it counts; zeros when none counts any more
//   block 1..   records, each at a block's beginning, one write each; the space is used round and round
//
//   record      head, one entry a log, the bytes of each entry one after the other, zeros up to the next block
//   entry       which bytes of which log: topic id, partition, segment, position, length, first offset
//
// Header and record begin with the CRC-32C of all that follows it in them, padding excepted. A record is read when its
// checksum is right, its epoch is the header's and its sequence is not below the header's firstSequence; they lie one behind
// the other from the header's firstPosition on, and go on at block 1 where the next one found no room. The epoch is
// random and new at each start: no record of an earlier start, and no client's bytes, can pass for one. Records are
// independent: one that was torn was never acked, and those behind it still count. Big-endian, as the log itself.

import { crc32c } from '../base/crc32c.ts';
import { readInt64, writeInt64 } from '../record/batch-header.ts';
import { uuidFromBytes } from '../base/uuid.ts';

export const COMMIT_BLOCK_BYTES = 4096;
/** Where records begin. */
export const RECORDS_START = 4096;
const EPOCH_BYTES = 16;

export const JournalHeader = {
  CRC: 0,
  MAGIC: 4,
  VERSION: 8,
  SHARD: 12,
  EPOCH: 16,
  FIRST_SEQUENCE: 32,
  FIRST_POSITION: 40,
  /** Text: a length byte and ASCII. */
  DIRECTORY_ID: 48,
  BYTES: 128,
} as const;

export const RecordHead = {
  CRC: 0,
  MAGIC: 4,
  EPOCH: 8,
  SEQUENCE: 24,
  /** Bytes of head and entries. */
  HEAD_BYTES: 32,
  ENTRIES: 36,
  PAYLOAD_BYTES: 40,
  BYTES: 64,
} as const;

export const JournalEntry = {
  TOPIC_ID: 0,
  PARTITION: 16,
  LENGTH: 20,
  BASE_OFFSET: 24,
  SEGMENT_BASE: 32,
  POSITION: 40,
  BYTES: 48,
} as const;

const HEADER_MAGIC = 0x524c434a;
export const RECORD_MAGIC = 0x524c4352;
const VERSION = 1;
const TEXT_BYTES_MAX = 39;

export interface JournalFacts {
  readonly shard: number;
  readonly epoch: Uint8Array;
  readonly firstSequence: number;
  readonly firstPosition: number;
  /** Of the log directory, as its meta.properties says. */
  readonly directoryId: string;
}

/** Without the checksum, which whoever writes it puts in. */
export function encodeJournalHeader(facts: JournalFacts): Uint8Array {
  const bytes = new Uint8Array(JournalHeader.BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(JournalHeader.MAGIC, HEADER_MAGIC);
  view.setInt16(JournalHeader.VERSION, VERSION);
  view.setInt32(JournalHeader.SHARD, facts.shard);
  bytes.set(facts.epoch, JournalHeader.EPOCH);
  writeInt64(view, JournalHeader.FIRST_SEQUENCE, facts.firstSequence);
  writeInt64(view, JournalHeader.FIRST_POSITION, facts.firstPosition);
  putText(bytes, JournalHeader.DIRECTORY_ID, facts.directoryId);
  return bytes;
}

/** Null when these bytes are no header of this version. */
export function decodeJournalHeader(bytes: Uint8Array): JournalFacts | null {
  if (bytes.length < JournalHeader.BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(JournalHeader.MAGIC) !== HEADER_MAGIC || view.getInt16(JournalHeader.VERSION) !== VERSION) return null;
  if (crc32c(bytes, JournalHeader.MAGIC, JournalHeader.BYTES - JournalHeader.MAGIC) !== view.getUint32(JournalHeader.CRC)) return null;
  return {
    shard: view.getInt32(JournalHeader.SHARD),
    epoch: bytes.slice(JournalHeader.EPOCH, JournalHeader.EPOCH + EPOCH_BYTES),
    firstSequence: readInt64(view, JournalHeader.FIRST_SEQUENCE),
    firstPosition: readInt64(view, JournalHeader.FIRST_POSITION),
    directoryId: textAt(bytes, JournalHeader.DIRECTORY_ID),
  };
}

/** One entry, decoded. */
export interface JournalRange {
  readonly topicId: string;
  readonly partition: number;
  readonly segmentBase: number;
  readonly position: number;
  readonly baseOffset: number;
  readonly bytes: Uint8Array;
}

/** The entries of a record whose checksum was found right. */
export function decodeEntries(record: Uint8Array): JournalRange[] {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const ranges: JournalRange[] = [];
  let from = view.getInt32(RecordHead.HEAD_BYTES);
  for (let i = 0; i < view.getInt32(RecordHead.ENTRIES); i++) {
    const at = RecordHead.BYTES + i * JournalEntry.BYTES;
    const length = view.getInt32(at + JournalEntry.LENGTH);
    ranges.push({
      topicId: uuidFromBytes(record, at + JournalEntry.TOPIC_ID),
      partition: view.getInt32(at + JournalEntry.PARTITION),
      segmentBase: readInt64(view, at + JournalEntry.SEGMENT_BASE),
      position: readInt64(view, at + JournalEntry.POSITION),
      baseOffset: readInt64(view, at + JournalEntry.BASE_OFFSET),
      bytes: record.subarray(from, from + length),
    });
    from += length;
  }
  return ranges;
}

export function roundUpToBlock(bytes: number): number {
  return Math.ceil(bytes / COMMIT_BLOCK_BYTES) * COMMIT_BLOCK_BYTES;
}

export function journalFileName(shard: number): string {
  return `commit-journal.${shard}`;
}

/** Shard of a journal's file name, or -1. */
export function shardOfJournal(name: string): number {
  const match = /^commit-journal\.(\d{1,4})$/.exec(name);
  return match === null ? -1 : Number(match[1]);
}

function putText(into: Uint8Array, at: number, text: string): void {
  const bytes = new TextEncoder().encode(text).subarray(0, TEXT_BYTES_MAX);
  into[at] = bytes.length;
  into.set(bytes, at + 1);
}

function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + Math.min(bytes[at]!, TEXT_BYTES_MAX)));
}
