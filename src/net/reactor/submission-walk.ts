// Executes the submission ring for reactors without a native side: append chains first, then the rest in order.
// Owner: the shard's thread. Hot.

import { constants } from 'node:os';
import { BrokenInvariant } from '../../engine/base/assert.ts';
import { COMMIT_IN_PLACE, CommitPiece, Cq, Ctl, Sq, SQ_SLOT_WORDS, SqField, VerifyCell } from '../../engine/io/tick-layout.ts';
import type { TickMemory } from '../../engine/io/tick-ring.ts';
import type { AddressSpace } from './address-space.ts';
import { writeAppendChain } from './append-chain.ts';
import type { CompletionRing } from './completion-ring.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { CommitRecord, FileWork } from './file-work.ts';
import type { FrameMemory } from './frame-memory.ts';
import type { ReactorConnection } from './reactor-connection.ts';

const SLOT_F64 = SQ_SLOT_WORDS / 2;

/** What a submission can ask of the reactor. */
export interface SubmissionTarget extends TickMemory {
  readonly space: AddressSpace;
  readonly files: FileWork;
  readonly completions: CompletionRing;
  readonly connections: ConnectionTable;
  readonly frames: FrameMemory;
  closeNow(connection: ReactorConnection, result: number): void;
  closeGracefully(connection: ReactorConnection): void;
  setReading(connection: ReactorConnection, reading: boolean): void;
  flushSends(connection: ReactorConnection): void;
  releaseBlock(block: number): void;
  arm(deadlineMs: number): void;
}

export function executeSubmissions(target: SubmissionTarget): void {
  const { sq, ctl } = target;
  const count = ctl[Ctl.SQ_COUNT]!;
  for (let slot = 0; slot < count; slot++) {
    const at = slot * SQ_SLOT_WORDS;
    if (sq[at + SqField.OP] !== Sq.APPEND) continue;
    const result = writeAppendChain(target, target.space, target.files, slot);
    target.completions.push(Cq.APPENDED, -1, 0, result, sq[at + SqField.TICKET]!);
  }
  const touched: ReactorConnection[] = [];
  for (let slot = 0; slot < count; slot++) execute(target, slot, touched);
  for (const connection of touched) {
    connection.touched = false;
    target.flushSends(connection);
  }
  for (let slot = 0; slot < count; slot++) {
    if (sq[slot * SQ_SLOT_WORDS + SqField.OP] === Sq.COMMIT && isInPlace(target, slot)) commit(target, slot);
  }
  ctl[Ctl.SQ_COUNT] = 0;
}

function isInPlace({ sq }: SubmissionTarget, slot: number): boolean {
  return (sq[slot * SQ_SLOT_WORDS + SqField.FLAGS]! & COMMIT_IN_PLACE) !== 0;
}

function execute(target: SubmissionTarget, slot: number, touched: ReactorConnection[]): void {
  const at = slot * SQ_SLOT_WORDS;
  const op = target.sq[at + SqField.OP]!;
  switch (op) {
    case Sq.APPEND:
    case Sq.APPEND_MORE:
      return;
    case Sq.SEND:
    case Sq.SEND_FILE:
    case Sq.CLOSE:
    case Sq.READING:
      executeOnSocket(target, slot, op, touched);
      return;
    case Sq.SYNC:
      sync(target, target.sq[at + SqField.FD]!, target.sq[at + SqField.TICKET]!);
      return;
    case Sq.READ:
      read(target, slot);
      return;
    case Sq.VERIFY:
      verify(target, slot);
      return;
    case Sq.WRITE_BACK:
      writeBack(target, slot);
      return;
    case Sq.COMMIT:
      // In place it waits for the disk: behind what needs not.
      if (!isInPlace(target, slot)) commit(target, slot);
      return;
    case Sq.RETAIN:
      target.frames.retain(target.sq[at + SqField.TICKET]!);
      return;
    case Sq.RELEASE:
      target.releaseBlock(target.sq[at + SqField.TICKET]!);
      return;
    case Sq.ARM:
      target.arm(target.sqF64[slot * SLOT_F64 + SqField.POSITION_F64]!);
      return;
    default:
      throw new BrokenInvariant(`unknown submission: ${op} in slot ${slot}`);
  }
}

function executeOnSocket(target: SubmissionTarget, slot: number, op: number, touched: ReactorConnection[]): void {
  const { sq, sqF64 } = target;
  const at = slot * SQ_SLOT_WORDS;
  const conn = sq[at + SqField.CONN]!;
  const generation = sq[at + SqField.GENERATION]!;
  const ticket = sq[at + SqField.TICKET]!;
  const connection = target.connections.find(conn, generation);
  if (connection === null || (connection.closing && (op === Sq.SEND || op === Sq.SEND_FILE))) {
    // Nobody to send to: the lease goes at once.
    if (op === Sq.SEND_FILE && ticket >= 0) target.completions.push(Cq.SENT, conn, generation, -constants.errno.ECONNRESET, ticket);
    return;
  }
  if (op === Sq.READING) {
    target.setReading(connection, sq[at + SqField.FLAGS] === 1);
    return;
  }
  if (op === Sq.CLOSE && sq[at + SqField.FLAGS] === 1) {
    target.closeNow(connection, 0);
    return;
  }
  if (op === Sq.SEND) connection.sends.stage(sq[at + SqField.OFFSET]!, sq[at + SqField.LENGTH]!);
  else if (op === Sq.CLOSE) target.closeGracefully(connection);
  else {
    const position = sqF64[slot * SLOT_F64 + SqField.POSITION_F64]!;
    connection.sends.stageFile(sq[at + SqField.FILE_FD]!, position, sq[at + SqField.LENGTH]!, ticket);
  }
  if (connection.touched) return;
  connection.touched = true;
  touched.push(connection);
}

function sync(target: SubmissionTarget, fd: number, ticket: number): void {
  target.files.sync(fd, (result) => target.completions.push(Cq.SYNCED, -1, 0, result, ticket));
}

function verify(target: SubmissionTarget, slot: number): void {
  const { sq, arena } = target;
  const at = slot * SQ_SLOT_WORDS;
  const ticket = sq[at + SqField.TICKET]!;
  const cells = new Float64Array(arena.buffer, arena.byteOffset + sq[at + SqField.OFFSET]!, VerifyCell.CELLS);
  target.files.verify(sq[at + SqField.FD]!, cells, (result) => target.completions.push(Cq.VERIFIED, -1, 0, result, ticket));
}

function writeBack(target: SubmissionTarget, slot: number): void {
  const { sq, sqF64 } = target;
  const at = slot * SQ_SLOT_WORDS;
  const ticket = sq[at + SqField.TICKET]!;
  const position = sqF64[slot * SLOT_F64 + SqField.POSITION_F64]!;
  target.files.writeBack(sq[at + SqField.FD]!, position, sq[at + SqField.LENGTH]!, (result) => {
    target.completions.push(Cq.WRITTEN_BACK, -1, 0, result, ticket);
  });
}

function read(target: SubmissionTarget, slot: number): void {
  const { sq } = target;
  const at = slot * SQ_SLOT_WORDS;
  const offset = sq[at + SqField.OFFSET]!;
  const ticket = sq[at + SqField.TICKET]!;
  const into = target.arena.subarray(offset, offset + sq[at + SqField.LENGTH]!);
  const position = target.sqF64[slot * SLOT_F64 + SqField.POSITION_F64]!;
  target.files.read(sq[at + SqField.FD]!, into, position, (result) => target.completions.push(Cq.READ_DONE, -1, 0, result, ticket));
}

function commit(target: SubmissionTarget, slot: number): void {
  const { sq, sqF64, arena, view, space } = target;
  const at = slot * SQ_SLOT_WORDS;
  const head = sq[at + SqField.OFFSET]!;
  const ticket = sq[at + SqField.TICKET]!;
  const pieces: CommitRecord['pieces'][number][] = [];
  for (let i = 0; i < sq[at + SqField.PIECES]!; i++) {
    const piece = sq[at + SqField.PIECES_OFFSET]! + i * CommitPiece.CELLS * 8;
    const fd = view.getFloat64(piece + CommitPiece.FD_F64 * 8, true);
    const position = view.getFloat64(piece + CommitPiece.POSITION_F64 * 8, true);
    const length = view.getFloat64(piece + CommitPiece.LENGTH_F64 * 8, true);
    pieces.push(fd < 0 ? space.resolve(position, length) : { fd, position, length });
  }
  const record = { head: arena.subarray(head, head + sq[at + SqField.LENGTH]!), pieces, totalBytes: sq[at + SqField.TOTAL_BYTES]! };
  const position = sqF64[slot * SLOT_F64 + SqField.POSITION_F64]!;
  target.files.commit(sq[at + SqField.FD]!, position, record, sq[at + SqField.FLAGS]!, (result) => {
    target.completions.push(Cq.COMMITTED, -1, 0, result, ticket);
  });
}
