// CommitSlot: one record of the journal while it is gathered and on its way to the disk. Owner: the shard's thread.
// Hot: once a log and commit; allocates nothing.
//
// Its block in the arena holds the head with its entries and, behind, the description of where the bytes are.

import { ReusedList } from '../base/reused-list.ts';
import { uuidToBytes } from '../base/uuid.ts';
import { CommitPiece } from '../io/tick-layout.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { writeInt64 } from '../record/batch-header.ts';
import { parsePartitionName } from './checkpoint-file.ts';
import { JournalEntry, RecordHead, RECORD_MAGIC, roundUpToBlock } from './commit-journal-format.ts';
import type { Log } from './log.ts';

const ENTRIES_MAX = 800;
const PIECES_AT = RecordHead.BYTES + ENTRIES_MAX * JournalEntry.BYTES;
const PIECE_BYTES = CommitPiece.CELLS * 8;
/** Bytes of all logs in one record. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;

export const COMMIT_SLOT_BLOCK_BYTES = PIECES_AT + ENTRIES_MAX * PIECE_BYTES;
/** The largest record: no journal may be smaller than a few of these. */
export const COMMIT_RECORD_BYTES_MAX = roundUpToBlock(PIECES_AT + PAYLOAD_BYTES_MAX);

export class CommitSlot {
  readonly block: number;
  readonly logs = new ReusedList<Log>();
  running = false;
  sequence = 0;
  payloadBytes = 0;
  /** When the tick began that sent it. */
  beganUs = 0;
  private readonly ring: TickRing;

  constructor(ring: TickRing, block: number) {
    this.ring = ring;
    this.block = block;
  }

  get headBytes(): number {
    return RecordHead.BYTES + this.logs.length * JournalEntry.BYTES;
  }

  get piecesOffset(): number {
    return this.block + PIECES_AT;
  }

  takes(bytes: number): boolean {
    return this.logs.length < ENTRIES_MAX && this.payloadBytes + bytes <= PAYLOAD_BYTES_MAX;
  }

  /** Of the record with `bytes` more of one more log. */
  totalWith(bytes: number): number {
    return roundUpToBlock(this.headBytes + JournalEntry.BYTES + this.payloadBytes + bytes);
  }

  get totalBytes(): number {
    return roundUpToBlock(this.headBytes + this.payloadBytes);
  }

  /** All that is written and not durable yet of the log's active segment. */
  add(log: Log): void {
    const { view, arena } = this.ring;
    const { commit, active } = log;
    const length = active.writtenBytes - active.durableBytes;
    const at = this.block + this.headBytes;
    commit.identity ??= identityOf(log);
    arena.set(commit.identity, at);
    view.setInt32(at + JournalEntry.LENGTH, length);
    writeInt64(view, at + JournalEntry.BASE_OFFSET, log.durableOffset);
    writeInt64(view, at + JournalEntry.SEGMENT_BASE, active.baseOffset);
    writeInt64(view, at + JournalEntry.POSITION, active.durableBytes);
    const piece = this.piecesOffset + this.logs.length * PIECE_BYTES;
    view.setFloat64(piece + CommitPiece.FD_F64 * 8, active.fd, true);
    view.setFloat64(piece + CommitPiece.POSITION_F64 * 8, active.durableBytes, true);
    view.setFloat64(piece + CommitPiece.LENGTH_F64 * 8, length, true);
    commit.running = true;
    commit.segment = active;
    commit.endBytes = active.writtenBytes;
    commit.coversOffset = log.writtenOffset;
    commit.generation = log.generation;
    active.pins++;
    log.dirtySinceMs = -1;
    this.payloadBytes += length;
    this.logs.push(log);
  }

  /** The record is whole: its head. */
  seal(epoch: Uint8Array, sequence: number): void {
    const { view, arena } = this.ring;
    const { block } = this;
    this.sequence = sequence;
    this.running = true;
    view.setInt32(block + RecordHead.MAGIC, RECORD_MAGIC);
    arena.set(epoch, block + RecordHead.EPOCH);
    writeInt64(view, block + RecordHead.SEQUENCE, sequence);
    view.setInt32(block + RecordHead.HEAD_BYTES, this.headBytes);
    view.setInt32(block + RecordHead.ENTRIES, this.logs.length);
    view.setInt32(block + RecordHead.PAYLOAD_BYTES, this.payloadBytes);
    arena.fill(0, block + RecordHead.PAYLOAD_BYTES + 4, block + RecordHead.BYTES);
  }

  clear(): void {
    this.logs.clear();
    this.payloadBytes = 0;
    this.running = false;
  }
}

function identityOf(log: Log): Uint8Array {
  const bytes = new Uint8Array(JournalEntry.LENGTH);
  bytes.set(uuidToBytes(log.topicId), JournalEntry.TOPIC_ID);
  new DataView(bytes.buffer).setInt32(JournalEntry.PARTITION, parsePartitionName(log.name)!.partition);
  return bytes;
}
