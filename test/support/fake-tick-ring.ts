// A tick ring that executes APPEND, SYNC, COMMIT and READ against a FileSystem, for tests of the log alone.
// Sends are not carried out: their slots are kept for a test to look at.
//
// It checks what the log promises the reactor: chains well linked, positions ascending and contiguous.

import { assert } from '../../src/engine/base/assert.ts';
import { errnoOf } from '../../src/engine/io/disk-error.ts';
import type { FileSystem } from '../../src/engine/io/file-system.ts';
import {
  APPEND_PATCH,
  COMMIT_IN_PLACE,
  COMMIT_SYNC,
  CommitPiece,
  Cq,
  CQ_SLOT_WORDS,
  CqField,
  Ctl,
  Sq,
  SQ_SLOT_WORDS,
  SqField,
  VerifyCell,
} from '../../src/engine/io/tick-layout.ts';
import type { TickRing } from '../../src/engine/io/tick-ring.ts';
import type { LogTable } from '../../src/engine/log/log-table.ts';
import type { CommitRecord } from '../../src/net/reactor/file-work.ts';
import { gatherCommit } from '../../src/net/reactor/gather-commit.ts';
import { verifyBuffer, verifyRead } from '../../src/net/reactor/verify-range.ts';
import { BatchField, writeInt64 } from '../../src/engine/record/batch-header.ts';

const SLOTS = 256;
const OUT_BYTES = 64 * 1024;

export class FakeTickRing implements TickRing {
  readonly managed = null;
  readonly arena: Uint8Array;
  readonly view: DataView;
  readonly arenaAddress = 0x1000;
  readonly ctl = new Int32Array(Ctl.WORDS);
  readonly ctlF64 = new Float64Array(this.ctl.buffer);
  readonly cqCapacity = SLOTS * 4;
  readonly cq = new Int32Array(this.cqCapacity * CQ_SLOT_WORDS);
  readonly sqCapacity: number;
  readonly sq: Int32Array;
  readonly sqF64: Float64Array;
  readonly desc = new Int32Array(0);
  readonly descF64 = new Float64Array(0);
  readonly descCapacity = 0;
  readonly outOffset = 0;
  readonly outBytes = OUT_BYTES;
  /** Where the next batch of a test goes. */
  inOffset = OUT_BYTES;
  /** readNow() finds nothing in memory. */
  cold = false;
  /** Bytes that the disk takes of the next appends before it says ENOSPC; null for all. */
  appendFault: ((path: number, lengthBytes: number) => number | null) | null = null;
  syncFault: number | null = null;
  /** What a read of the disk sees that the page cache does not show. */
  verifyFault: ((bytes: Uint8Array, position: number) => void) | null = null;
  writeBackFault: number | null = null;
  /** They are not answered: complete them by hand. */
  holdWriteBacks = false;
  readonly writeBacks: { readonly fd: number; readonly position: number; readonly length: number }[] = [];
  reads = 0;
  syncs = 0;
  commits = 0;
  commitsInPlace = 0;
  commitFault: number | null = null;
  /** So many of the next commits wait for releaseCommits(). */
  holdCommits = 0;
  appends = 0;
  private readonly fs: FileSystem;
  private readonly held: (() => void)[] = [];
  private readonly blockBytes: number;
  private nextBlock: number;

  constructor(fs: FileSystem, arenaBytes = 8 * 1024 * 1024, sqCapacity = SLOTS) {
    this.fs = fs;
    this.arena = new Uint8Array(arenaBytes);
    this.view = new DataView(this.arena.buffer);
    this.sqCapacity = sqCapacity;
    this.sq = new Int32Array(sqCapacity * SQ_SLOT_WORDS);
    this.sqF64 = new Float64Array(this.sq.buffer);
    this.blockBytes = arenaBytes;
    this.nextBlock = arenaBytes - Math.min(1024 * 1024, arenaBytes / 2);
  }

  tick(nowMs = this.ctlF64[Ctl.NOW_MS_F64]! + 1): void {
    this.ctlF64[Ctl.TICKS_F64] = this.ctlF64[Ctl.TICKS_F64]! + 1;
    this.ctlF64[Ctl.NOW_MS_F64] = nowMs;
    this.inOffset = OUT_BYTES;
  }

  /** Hand the completions so far to the table, those added meanwhile too. */
  drain(table: LogTable): void {
    for (let i = 0; i < this.ctl[Ctl.CQ_COUNT]!; i++) {
      const at = i * CQ_SLOT_WORDS;
      const ticket = this.cq[at + CqField.TICKET]!;
      const result = this.cq[at + CqField.RESULT]!;
      const op = this.cq[at + CqField.OP];
      if (op === Cq.APPENDED) table.onAppended(ticket, result);
      else if (op === Cq.SYNCED) table.onSynced(ticket, result);
      else if (op === Cq.COMMITTED) table.onCommitted(ticket, result);
      else if (op === Cq.WRITTEN_BACK) table.onWrittenBack(result);
      else if (op === Cq.VERIFIED) table.onVerified(result);
      else if (op === Cq.READ_DONE) table.onReadDone(ticket, result);
    }
    this.ctl[Ctl.CQ_COUNT] = 0;
  }

  /** A whole tick's end: writes, their completions, the sync round, its completions. */
  settle(table: LogTable): void {
    for (let i = 0; i < 3; i++) {
      this.submit();
      this.drain(table);
      table.flush();
    }
    this.submit();
    this.drain(table);
  }

  submit(): void {
    this.ctlF64[Ctl.SUBMITS_F64] = this.ctlF64[Ctl.SUBMITS_F64]! + 1;
    const count = this.ctl[Ctl.SQ_COUNT]!;
    for (let slot = 0; slot < count; slot++) {
      if (this.sq[slot * SQ_SLOT_WORDS + SqField.OP] === Sq.APPEND) this.append(slot);
    }
    for (let slot = 0; slot < count; slot++) {
      const at = slot * SQ_SLOT_WORDS;
      const op = this.sq[at + SqField.OP];
      if (op === Sq.SYNC) this.sync(at);
      else if (op === Sq.COMMIT) this.commit(at);
      else if (op === Sq.WRITE_BACK) this.writeBack(at);
      else if (op === Sq.VERIFY) this.verify(at);
      else if (op === Sq.READ) this.read(at);
    }
    this.ctl[Ctl.SQ_COUNT] = 0;
    this.ctl[Ctl.OUT_USED] = 0;
  }

  readNow(fd: number, position: number, offset: number, length: number): number {
    if (this.cold) return -11;
    this.reads++;
    try {
      return this.fs.read(fd, this.arena, offset, length, position);
    } catch (error) {
      return -errnoOf(error);
    }
  }

  residentBytes(_fd: number, _position: number, length: number): number {
    return length;
  }

  takeBlock(length: number): number {
    if (this.nextBlock + length > this.blockBytes) return -1;
    const block = this.nextBlock;
    this.nextBlock += length;
    return block;
  }

  giveBlock(): void {}

  stamp(): void {}

  private append(head: number): void {
    let written = 0;
    let expected = this.sqF64[head * (SQ_SLOT_WORDS / 2) + SqField.POSITION_F64]!;
    let errno = 0;
    const fd = this.sq[head * SQ_SLOT_WORDS + SqField.FD]!;
    for (let slot = head; slot >= 0 && errno === 0; slot = this.sq[slot * SQ_SLOT_WORDS + SqField.NEXT]!) {
      const at = slot * SQ_SLOT_WORDS;
      const f = at / 2;
      const length = this.sq[at + SqField.LENGTH]!;
      const offset = this.sqF64[f + SqField.ADDRESS_F64]! - this.arenaAddress;
      assert(slot === head || this.sq[at + SqField.OP] === Sq.APPEND_MORE, 'a chain goes on with APPEND_MORE', slot);
      assert(this.sq[at + SqField.FD] === fd, 'a chain is of one file', slot);
      assert(this.sqF64[f + SqField.POSITION_F64] === expected, 'positions are contiguous', slot);
      if ((this.sq[at + SqField.FLAGS]! & APPEND_PATCH) !== 0) {
        writeInt64(this.view, offset + BatchField.BASE_OFFSET, this.sqF64[f + SqField.BASE_OFFSET_F64]!);
        this.view.setInt32(offset + BatchField.LEADER_EPOCH, this.sq[at + SqField.LEADER_EPOCH]!);
      }
      const taken = this.appendFault?.(fd, length) ?? length;
      try {
        this.fs.write(fd, this.arena, offset, Math.max(taken, 0), expected);
      } catch (error) {
        errno = errnoOf(error);
      }
      if (taken < 0) errno = -taken;
      else if (taken < length) errno = 28;
      written += length;
      expected += length;
      this.appends++;
    }
    this.complete(Cq.APPENDED, this.sq[head * SQ_SLOT_WORDS + SqField.TICKET]!, errno === 0 ? written : -errno);
  }

  private sync(at: number): void {
    this.syncs++;
    let result = this.syncFault === null ? 0 : -this.syncFault;
    try {
      if (result === 0) this.fs.fdatasync(this.sq[at + SqField.FD]!);
    } catch (error) {
      result = -errnoOf(error);
    }
    this.complete(Cq.SYNCED, this.sq[at + SqField.TICKET]!, result);
  }

  get heldCommits(): number {
    return this.held.length;
  }

  releaseCommits(): void {
    for (const write of this.held.splice(0)) write();
  }

  private writeBack(at: number): void {
    const position = this.sqF64[at / 2 + SqField.POSITION_F64]!;
    this.writeBacks.push({ fd: this.sq[at + SqField.FD]!, position, length: this.sq[at + SqField.LENGTH]! });
    if (!this.holdWriteBacks) this.complete(Cq.WRITTEN_BACK, 0, -(this.writeBackFault ?? 0));
  }

  private verify(at: number): void {
    const cells = new Float64Array(this.arena.buffer, this.sq[at + SqField.OFFSET]!, VerifyCell.CELLS);
    const bytes = verifyBuffer(cells);
    const got = this.fs.read(this.sq[at + SqField.FD]!, bytes, 0, bytes.length, cells[VerifyCell.POSITION]!);
    this.verifyFault?.(bytes, cells[VerifyCell.POSITION]!);
    this.complete(Cq.VERIFIED, 0, verifyRead(bytes, got, cells));
  }

  private commit(at: number): void {
    const { sq, view } = this;
    this.commits++;
    if ((sq[at + SqField.FLAGS]! & COMMIT_IN_PLACE) !== 0) this.commitsInPlace++;
    const pieces = Array.from({ length: sq[at + SqField.PIECES]! }, (_, i) => {
      const piece = sq[at + SqField.PIECES_OFFSET]! + i * CommitPiece.CELLS * 8;
      return {
        fd: view.getFloat64(piece + CommitPiece.FD_F64 * 8, true),
        position: view.getFloat64(piece + CommitPiece.POSITION_F64 * 8, true),
        length: view.getFloat64(piece + CommitPiece.LENGTH_F64 * 8, true),
      };
    });
    const head = this.arena.subarray(sq[at + SqField.OFFSET]!, sq[at + SqField.OFFSET]! + sq[at + SqField.LENGTH]!);
    const ticket = sq[at + SqField.TICKET]!;
    const record = { head, pieces, totalBytes: sq[at + SqField.TOTAL_BYTES]! };
    const fd = sq[at + SqField.FD]!;
    const position = this.sqF64[at / 2 + SqField.POSITION_F64]!;
    const sync = (sq[at + SqField.FLAGS]! & COMMIT_SYNC) !== 0;
    const write = (): void => this.complete(Cq.COMMITTED, ticket, this.writeCommit(fd, position, record, sync));
    if (this.holdCommits === 0) {
      write();
      return;
    }
    this.holdCommits--;
    this.held.push(write);
  }

  private writeCommit(fd: number, to: number, record: CommitRecord, sync: boolean): number {
    if (this.commitFault !== null) return -this.commitFault;
    try {
      const bytes = gatherCommit(record, (from, into, position) => this.fs.read(from, into, 0, into.length, position));
      this.fs.write(fd, bytes, 0, bytes.length, to);
      if (sync) this.fs.fdatasync(fd);
      return 0;
    } catch (error) {
      return -errnoOf(error);
    }
  }

  private read(at: number): void {
    let result: number;
    const position = this.sqF64[at / 2 + SqField.POSITION_F64]!;
    try {
      result = this.fs.read(this.sq[at + SqField.FD]!, this.arena, this.sq[at + SqField.OFFSET]!, this.sq[at + SqField.LENGTH]!, position);
    } catch (error) {
      result = -errnoOf(error);
    }
    this.complete(Cq.READ_DONE, this.sq[at + SqField.TICKET]!, result);
  }

  private complete(op: number, ticket: number, result: number): void {
    const at = this.ctl[Ctl.CQ_COUNT]! * CQ_SLOT_WORDS;
    assert(at < this.cq.length, 'completions fit', at);
    this.cq[at + CqField.OP] = op;
    this.cq[at + CqField.TICKET] = ticket;
    this.cq[at + CqField.RESULT] = result;
    this.ctl[Ctl.CQ_COUNT] = this.ctl[Ctl.CQ_COUNT]! + 1;
  }
}
