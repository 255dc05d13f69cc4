// What one connection has still to send: bytes, file ranges and the end, strictly in order, one write at a time.
// Owner: the shard's thread. Hot: stage() and flush(), once an answer.
//
// Bytes staged between two flushes are copied into one buffer and written as one. A file range goes through one chunk
// buffer: read, written, read again. Each range with a ticket completes with SENT exactly once, and not before the read
// in flight for it has ended, because the descriptor may be closed after that.

import { constants } from 'node:os';
import type { FileWork } from './file-work.ts';
import type { Link } from './link.ts';

const CHUNK_BYTES = 256 * 1024;
const EIO = constants.errno.EIO;
const NOT_SENT = -constants.errno.ECONNRESET;

/** What the queue tells its connection. */
export interface SendQueueOwner {
  /** RESULT of its SENT: 0, or -errno when not all of it left. */
  sent(ticket: number, result: number): void;
  /** A file range could not be read: the byte stream cannot be made whole any more. */
  sendFailed(errno: number): void;
  /** All was sent and the peer has heard the end. */
  finished(): void;
}

interface SendPiece {
  readonly kind: 'bytes' | 'file' | 'end';
  /** bytes: offset and length pairs in the arena, until flush() copies them. */
  readonly ranges: number[];
  bytes: Uint8Array | null;
  length: number;
  readonly fd: number;
  position: number;
  readonly ticket: number;
}

export class SendQueue {
  /** Bytes in memory that the socket has not taken; file ranges do not count. */
  queuedBytes = 0;
  private readonly link: Link;
  private readonly files: FileWork;
  private readonly arena: Uint8Array;
  private readonly owner: SendQueueOwner;
  private readonly pieces: SendPiece[] = [];
  private chunk: Uint8Array | null = null;
  /** A write, a read or the finish is under way. */
  private busy = false;
  private reading: SendPiece | null = null;
  private pumping = false;
  private dead = false;

  constructor(link: Link, files: FileWork, arena: Uint8Array, owner: SendQueueOwner) {
    this.link = link;
    this.files = files;
    this.arena = arena;
    this.owner = owner;
  }

  stage(offset: number, length: number): void {
    if (length === 0) return;
    let piece = this.pieces.at(-1);
    if (piece === undefined || piece.kind !== 'bytes' || piece.bytes !== null) {
      piece = { kind: 'bytes', ranges: [], bytes: null, length: 0, fd: -1, position: 0, ticket: -1 };
      this.pieces.push(piece);
    }
    piece.ranges.push(offset, length);
    piece.length += length;
    this.queuedBytes += length;
  }

  stageFile(fd: number, position: number, length: number, ticket: number): void {
    this.seal();
    this.pieces.push({ kind: 'file', ranges: [], bytes: null, length, fd, position, ticket });
  }

  stageEnd(): void {
    this.seal();
    this.pieces.push({ kind: 'end', ranges: [], bytes: null, length: 0, fd: -1, position: 0, ticket: -1 });
  }

  /** Staged bytes leave the arena; the socket gets what it takes. */
  flush(): void {
    this.seal();
    this.pump();
  }

  /** The connection is gone. */
  kill(): void {
    this.dead = true;
    for (const piece of this.pieces) if (piece !== this.reading) this.settle(piece, NOT_SENT);
    this.pieces.length = 0;
    this.queuedBytes = 0;
  }

  /** Only the last piece can still have bytes in the arena. */
  private seal(): void {
    const piece = this.pieces.at(-1);
    if (piece === undefined || piece.kind !== 'bytes' || piece.bytes !== null) return;
    const bytes = Buffer.allocUnsafe(piece.length);
    let to = 0;
    for (let i = 0; i < piece.ranges.length; i += 2) {
      const offset = piece.ranges[i]!;
      const length = piece.ranges[i + 1]!;
      bytes.set(this.arena.subarray(offset, offset + length), to);
      to += length;
    }
    piece.bytes = bytes;
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (!this.busy && !this.dead && this.pieces.length > 0) this.begin(this.pieces[0]!);
    this.pumping = false;
  }

  private begin(piece: SendPiece): void {
    if (piece.kind === 'file') {
      this.readChunk(piece);
      return;
    }
    this.busy = true;
    this.pieces.shift();
    if (piece.kind === 'end') this.link.finish(() => this.owner.finished());
    else this.link.write(piece.bytes!, () => this.onWritten(piece.length));
  }

  private onWritten(length: number): void {
    if (this.dead) return;
    this.queuedBytes -= length;
    this.busy = false;
    this.pump();
  }

  private readChunk(piece: SendPiece): void {
    if (piece.length === 0) {
      this.pieces.shift();
      this.settle(piece, 0);
      return;
    }
    this.busy = true;
    this.reading = piece;
    this.chunk ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const into = this.chunk.subarray(0, Math.min(piece.length, CHUNK_BYTES));
    this.files.read(piece.fd, into, piece.position, (result) => this.onRead(piece, into, result));
  }

  private onRead(piece: SendPiece, into: Uint8Array, result: number): void {
    this.reading = null;
    if (this.dead) {
      this.settle(piece, NOT_SENT);
      return;
    }
    if (result < into.length) {
      this.owner.sendFailed(result < 0 ? result : -EIO);
      return;
    }
    piece.position += result;
    piece.length -= result;
    this.link.write(into, () => this.onChunkWritten(piece));
  }

  private onChunkWritten(piece: SendPiece): void {
    if (this.dead) return;
    this.busy = false;
    if (piece.length === 0) {
      this.pieces.shift();
      this.settle(piece, 0);
      if (this.pieces.length === 0) this.chunk = null;
    }
    this.pump();
  }

  private settle(piece: SendPiece, result: number): void {
    if (piece.kind === 'file' && piece.ticket >= 0) this.owner.sent(piece.ticket, result);
  }
}
