// Writes submission slots as the engine does, for tests. Bytes to send are laid in the out region.

import {
  APPEND_PATCH,
  COMMIT_IN_PLACE,
  COMMIT_SYNC,
  CommitPiece,
  Ctl,
  Sq,
  SQ_SLOT_WORDS,
  SqField,
} from '../../../src/engine/io/tick-layout.ts';
import type { TickRing } from '../../../src/engine/io/tick-ring.ts';

const SLOT_F64 = SQ_SLOT_WORDS / 2;

export interface ConnectionName {
  readonly conn: number;
  readonly generation: number;
}

export interface AppendPiece {
  readonly address: number;
  readonly length: number;
  /** Patch these over the batch. */
  readonly baseOffset?: number;
  readonly leaderEpoch?: number;
}

export interface CommitSubmission {
  readonly head: number;
  readonly headBytes: number;
  readonly piecesOffset: number;
  readonly pieces: readonly { readonly fd: number; readonly position: number; readonly length: number }[];
  readonly totalBytes: number;
  readonly sync: boolean;
  readonly inPlace?: boolean;
}

export class Submitter {
  private readonly ring: TickRing;

  constructor(ring: TickRing) {
    this.ring = ring;
  }

  /** Copies `bytes` to the out region and sends them; submits in between when they are more than fits. */
  send(to: ConnectionName, bytes: Uint8Array): void {
    const { ring } = this;
    for (let at = 0; at < bytes.length; at += ring.outBytes) {
      const piece = bytes.subarray(at, at + ring.outBytes);
      if (ring.ctl[Ctl.OUT_USED]! + piece.length > ring.outBytes) ring.submit();
      const offset = ring.outOffset + ring.ctl[Ctl.OUT_USED]!;
      ring.arena.set(piece, offset);
      ring.ctl[Ctl.OUT_USED] = ring.ctl[Ctl.OUT_USED]! + piece.length;
      this.sendArena(to, offset, piece.length);
    }
  }

  sendArena(to: ConnectionName, offset: number, length: number): void {
    const at = this.slot(Sq.SEND, to.conn);
    this.ring.sq[at + SqField.GENERATION] = to.generation;
    this.ring.sq[at + SqField.OFFSET] = offset;
    this.ring.sq[at + SqField.LENGTH] = length;
  }

  sendFile(to: ConnectionName, fd: number, position: number, length: number, ticket: number): void {
    const at = this.slot(Sq.SEND_FILE, to.conn);
    this.ring.sq[at + SqField.GENERATION] = to.generation;
    this.ring.sq[at + SqField.FILE_FD] = fd;
    this.ring.sq[at + SqField.LENGTH] = length;
    this.ring.sq[at + SqField.TICKET] = ticket;
    this.position(at, position);
  }

  append(fd: number, position: number, ticket: number, pieces: readonly AppendPiece[]): void {
    let before = -1;
    let to = position;
    for (const piece of pieces) {
      const at = this.slot(before < 0 ? Sq.APPEND : Sq.APPEND_MORE, fd);
      const { sq, sqF64 } = this.ring;
      const slot = at / SQ_SLOT_WORDS;
      sq[at + SqField.LENGTH] = piece.length;
      sq[at + SqField.TICKET] = ticket;
      sq[at + SqField.FLAGS] = piece.baseOffset === undefined ? 0 : APPEND_PATCH;
      sq[at + SqField.LEADER_EPOCH] = piece.leaderEpoch ?? 0;
      sq[at + SqField.NEXT] = -1;
      sqF64[slot * SLOT_F64 + SqField.ADDRESS_F64] = piece.address;
      sqF64[slot * SLOT_F64 + SqField.BASE_OFFSET_F64] = piece.baseOffset ?? 0;
      this.position(at, to);
      if (before >= 0) sq[before * SQ_SLOT_WORDS + SqField.NEXT] = slot;
      before = slot;
      to += piece.length;
    }
  }

  sync(fd: number, ticket: number): void {
    this.ring.sq[this.slot(Sq.SYNC, fd) + SqField.TICKET] = ticket;
  }

  /** `offset`: of the cells in the arena. */
  verify(fd: number, offset: number, ticket: number): void {
    const at = this.slot(Sq.VERIFY, fd);
    this.ring.sq[at + SqField.OFFSET] = offset;
    this.ring.sq[at + SqField.TICKET] = ticket;
  }

  writeBack(fd: number, position: number, length: number, ticket: number): void {
    const at = this.slot(Sq.WRITE_BACK, fd);
    this.ring.sq[at + SqField.LENGTH] = length;
    this.ring.sq[at + SqField.TICKET] = ticket;
    this.position(at, position);
  }

  read(fd: number, position: number, offset: number, length: number, ticket: number): void {
    const at = this.slot(Sq.READ, fd);
    this.ring.sq[at + SqField.OFFSET] = offset;
    this.ring.sq[at + SqField.LENGTH] = length;
    this.ring.sq[at + SqField.TICKET] = ticket;
    this.position(at, position);
  }

  /** `head` and `piecesOffset` are arena offsets; the pieces are written there. */
  commit(fd: number, position: number, ticket: number, record: CommitSubmission): void {
    const at = this.slot(Sq.COMMIT, fd);
    const { sq, view } = this.ring;
    sq[at + SqField.TICKET] = ticket;
    sq[at + SqField.OFFSET] = record.head;
    sq[at + SqField.LENGTH] = record.headBytes;
    sq[at + SqField.PIECES] = record.pieces.length;
    sq[at + SqField.PIECES_OFFSET] = record.piecesOffset;
    sq[at + SqField.TOTAL_BYTES] = record.totalBytes;
    sq[at + SqField.FLAGS] = (record.sync ? COMMIT_SYNC : 0) | (record.inPlace === true ? COMMIT_IN_PLACE : 0);
    record.pieces.forEach((piece, i) => {
      const to = record.piecesOffset + i * CommitPiece.CELLS * 8;
      view.setFloat64(to + CommitPiece.FD_F64 * 8, piece.fd, true);
      view.setFloat64(to + CommitPiece.POSITION_F64 * 8, piece.position, true);
      view.setFloat64(to + CommitPiece.LENGTH_F64 * 8, piece.length, true);
    });
    this.position(at, position);
  }

  close(to: ConnectionName, atOnce: boolean): void {
    const at = this.slot(Sq.CLOSE, to.conn);
    this.ring.sq[at + SqField.GENERATION] = to.generation;
    this.ring.sq[at + SqField.FLAGS] = atOnce ? 1 : 0;
  }

  reading(to: ConnectionName, on: boolean): void {
    const at = this.slot(Sq.READING, to.conn);
    this.ring.sq[at + SqField.GENERATION] = to.generation;
    this.ring.sq[at + SqField.FLAGS] = on ? 1 : 0;
  }

  retain(block: number): void {
    this.ring.sq[this.slot(Sq.RETAIN, -1) + SqField.TICKET] = block;
  }

  release(block: number): void {
    this.ring.sq[this.slot(Sq.RELEASE, -1) + SqField.TICKET] = block;
  }

  arm(deadlineMs: number): void {
    this.position(this.slot(Sq.ARM, -1), deadlineMs);
  }

  private position(at: number, position: number): void {
    this.ring.sqF64[(at / SQ_SLOT_WORDS) * SLOT_F64 + SqField.POSITION_F64] = position;
  }

  private slot(op: number, first: number): number {
    const { ring } = this;
    if (ring.ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
    const index = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = index + 1;
    const at = index * SQ_SLOT_WORDS;
    ring.sq[at + SqField.OP] = op;
    ring.sq[at + SqField.CONN] = first;
    return at;
  }
}
