// LogScrub: reads what is on the disk again, all of it in time, and finds what has rotted there. Owner: the shard's thread.
// Not hot: a step of at most a window, one at a time, as the rate allows; reading and checking is done off the thread (VERIFY).
//
// Every log in turn, every segment of it up to what was synced. What is found bad is read a second time; bad again, it is
// isolated from there to the next batch that is whole: reads of it answer CORRUPT, the offsets before and after are served,
// and nothing is cut off. It is told once, kept in the partition's directory, and skipped by later rounds.

import { forgiveDisk } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';
import { Ctl, Sq, SQ_SLOT_WORDS, SqField, VerifyCell } from '../io/tick-layout.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { type BatchScanner, SCAN_REASONS, ScanStatus } from './batch-scanner.ts';
import { addDamage, saveDamage } from './damage-file.ts';
import type { Log } from './log.ts';
import { segmentPath } from './segment-files.ts';
import { LOG_SUFFIX } from './segment-name.ts';
import type { Segment } from './segment.ts';
import { findValidBatch } from './valid-batch-search.ts';

const WINDOW_BYTES = 1024 * 1024;
/** An arena block of its own: the cells of a VERIFY. */
const BLOCK_BYTES = 4096;

/** What it works on: a LogTable. */
export interface ScrubbedLogs {
  readonly ring: TickRing;
  readonly fs: FileSystem;
  readonly scanner: BatchScanner;
  /** By ticket; null where a log was closed. */
  readonly logs: readonly (Log | null)[];
}

/** The segment being read. */
interface Cursor {
  readonly log: Log;
  readonly segment: Segment;
  /** Of our own: the log may close its descriptor, or delete the file, whenever it likes. */
  readonly fd: number;
  readonly generation: number;
  readonly end: number;
  readonly limitOffset: number;
  position: number;
  nextOffset: number;
  windowBytes: number;
  /** Where a batch was found bad once, and what was wrong. */
  suspect: number;
  status: number;
  /** Bad for certain: how far the next whole batch has been looked for; -1 before. */
  searched: number;
}

/** Since the start, of one shard. */
export interface ScrubStats {
  /** Times that all logs were gone through. */
  rounds: number;
  /** Read and found good. */
  goodBytes: number;
  damagedRanges: number;
  damagedBytes: number;
}

export class LogScrub {
  readonly stats: ScrubStats = { rounds: 0, goodBytes: 0, damagedRanges: 0, damagedBytes: 0 };
  bytesPerSecond: number;
  private readonly table: ScrubbedLogs;
  private readonly onRot: (log: Log, words: string) => void;
  private block = -1;
  private underWay = false;
  private allowanceBytes = 0;
  private lookedMs = -1;
  /** Where openNext() goes on. */
  private ticket = 0;
  private afterBase = -1;
  private cursor: Cursor | null = null;

  /** @param bytesPerSecond 0 is off */
  constructor(table: ScrubbedLogs, bytesPerSecond: number, onRot: (log: Log, words: string) => void) {
    this.table = table;
    this.bytesPerSecond = bytesPerSecond;
    this.onRot = onRot;
  }

  get isBusy(): boolean {
    return this.underWay;
  }

  /** Now and then: go on as far as the rate allows. */
  look(nowMs: number): void {
    if (this.bytesPerSecond === 0) return;
    const earned = this.lookedMs < 0 ? 0 : ((nowMs - this.lookedMs) * this.bytesPerSecond) / 1000;
    this.lookedMs = nowMs;
    // What was not used in the second it was for is not saved up, unless it is too little for a window.
    this.allowanceBytes = Math.min(this.allowanceBytes + earned, Math.max(this.bytesPerSecond, WINDOW_BYTES));
    this.goOn();
  }

  onVerified(result: number): void {
    this.underWay = false;
    const { cursor } = this;
    if (cursor === null) return;
    if (!this.stands(cursor)) this.leave();
    else if (result < 0) this.onUnreadable(cursor, -result);
    else this.onFound(cursor);
    this.goOn();
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.bytesPerSecond = 0;
    this.allowanceBytes = 0;
    this.leave();
  }

  private goOn(): void {
    while (!this.underWay && this.allowanceBytes > 0) {
      if (this.cursor === null && !this.openNext()) return;
      const cursor = this.cursor!;
      if (!this.stands(cursor) || cursor.position >= cursor.end) this.leave();
      else if (cursor.searched >= 0) this.search(cursor);
      else this.verify(cursor);
    }
  }

  /** Cut, deleted, replaced or failed meanwhile: what was read of it says nothing. */
  private stands({ log, segment, generation, end }: Cursor): boolean {
    return !log.failed && !log.closed && !segment.retired && log.generation === generation && segment.syncedBytes >= end;
  }

  /** False at the end of a round: the next one begins with the next look. */
  private openNext(): boolean {
    const { logs, fs } = this.table;
    for (; this.ticket < logs.length; this.ticket++, this.afterBase = -1) {
      const log = logs[this.ticket]!;
      if (log === null || log.failed || log.closed) continue;
      const index = log.segments.findIndex((segment) => segment.baseOffset > this.afterBase && isOnDisk(log, segment));
      if (index < 0) continue;
      const segment = log.segments[index]!;
      this.afterBase = segment.baseOffset;
      try {
        this.cursor = begin(log, index, fs.open(segmentPath(segment, LOG_SUFFIX), 'r'));
        return true;
      } catch (error) {
        // Renamed for deletion, or no descriptor left: another round.
        forgiveDisk(error);
      }
    }
    this.ticket = 0;
    this.stats.rounds++;
    return false;
  }

  private leave(): void {
    if (this.cursor === null || this.underWay) return;
    const { fd } = this.cursor;
    this.cursor = null;
    this.table.fs.close(fd);
  }

  private verify(cursor: Cursor): void {
    const { ring } = this.table;
    if (this.block < 0) this.block = ring.takeBlock(BLOCK_BYTES);
    if (this.block < 0) {
      this.allowanceBytes = 0;
      return;
    }
    const cells = this.cells();
    cells[VerifyCell.POSITION] = cursor.position;
    cells[VerifyCell.WINDOW_BYTES] = cursor.windowBytes;
    cells[VerifyCell.END] = cursor.end;
    cells[VerifyCell.MIN_OFFSET] = cursor.nextOffset;
    cells[VerifyCell.LIMIT_OFFSET] = cursor.limitOffset;
    if (ring.ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
    const slot = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = slot + 1;
    const at = slot * SQ_SLOT_WORDS;
    ring.sq[at + SqField.OP] = Sq.VERIFY;
    ring.sq[at + SqField.FD] = cursor.fd;
    ring.sq[at + SqField.OFFSET] = this.block;
    ring.sq[at + SqField.TICKET] = 0;
    this.underWay = true;
    this.allowanceBytes -= Math.min(cursor.windowBytes, cursor.end - cursor.position);
  }

  private cells(): Float64Array {
    const { arena } = this.table.ring;
    return new Float64Array(arena.buffer, arena.byteOffset + this.block, VerifyCell.CELLS);
  }

  private onFound(cursor: Cursor): void {
    const cells = this.cells();
    const good = cells[VerifyCell.GOOD_BYTES]!;
    cursor.position += good;
    cursor.nextOffset = cells[VerifyCell.NEXT_OFFSET]!;
    cursor.windowBytes = Math.max(WINDOW_BYTES, cells[VerifyCell.NEEDED_BYTES]!);
    this.stats.goodBytes += good;
    const status = cells[VerifyCell.STATUS]!;
    if (status !== ScanStatus.OK) this.onBad(cursor, status);
  }

  private onBad(cursor: Cursor, status: number): void {
    const { position } = cursor;
    const known = cursor.segment.damage?.find((range) => range.startPosition === position);
    if (known !== undefined) {
      cursor.position = known.endPosition;
      cursor.nextOffset = Math.max(cursor.nextOffset, Math.min(known.endOffset, cursor.limitOffset));
    } else if (cursor.suspect !== position) {
      cursor.suspect = position;
    } else {
      cursor.status = status;
      cursor.searched = position;
    }
  }

  /** The disk refuses to read it: reads of it fail by themselves, and where a batch begins behind it cannot be known. */
  private onUnreadable(cursor: Cursor, errno: number): void {
    if (cursor.suspect !== cursor.position) {
      cursor.suspect = cursor.position;
      return;
    }
    this.stats.damagedRanges++;
    this.onRot(cursor.log, `segment ${cursor.segment.baseOffset} cannot be read from byte ${cursor.position} on (errno ${errno})`);
    this.leave();
  }

  /** A window further for the next whole batch: a long search shall not stop the shard. */
  private search(cursor: Cursor): void {
    const { fs, scanner } = this.table;
    const { fd, segment, position, nextOffset } = cursor;
    this.allowanceBytes -= WINDOW_BYTES;
    const stop = cursor.searched + WINDOW_BYTES;
    try {
      const good = findValidBatch(fs, scanner, fd, cursor.searched, segment.writtenBytes, nextOffset, segment.baseOffset, stop);
      if (good < 0 && stop < segment.writtenBytes) {
        cursor.searched = stop;
        return;
      }
      let endOffset = cursor.limitOffset;
      if (good >= 0) {
        scanner.begin(fd, good, segment.writtenBytes, nextOffset, false);
        scanner.next();
        endOffset = scanner.baseOffset;
      }
      this.isolate(cursor, good < 0 ? segment.writtenBytes : good, endOffset);
      cursor.searched = -1;
    } catch (error) {
      forgiveDisk(error);
      cursor.suspect = position;
      this.onUnreadable(cursor, 0);
    }
  }

  private isolate(cursor: Cursor, endPosition: number, endOffset: number): void {
    const { log, segment, position: startPosition, nextOffset: startOffset } = cursor;
    const reason = SCAN_REASONS[cursor.status]!;
    addDamage(segment, { startPosition, endPosition, startOffset, endOffset, reason });
    log.positions.clear();
    log.recent.clear();
    this.stats.damagedRanges++;
    this.stats.damagedBytes += endPosition - startPosition;
    let kept = '';
    try {
      saveDamage(this.table.fs, log);
    } catch (error) {
      forgiveDisk(error);
      kept = `; this could not be noted down: ${(error as Error).message}`;
    }
    const where = `segment ${segment.baseOffset}, bytes ${startPosition} to ${endPosition}, offsets ${startOffset} to ${endOffset - 1}`;
    this.onRot(log, `${where}: ${reason}; reads of them answer CORRUPT_MESSAGE, nothing is cut off${kept}`);
    cursor.position = endPosition;
    cursor.nextOffset = endOffset;
  }
}

/** The end of the managed segment that is appended to is in the reactor's memory, and its last block is written again and again. */
function isOnDisk(log: Log, segment: Segment): boolean {
  if (segment.managed && (segment === log.active || segment.syncedBytes < segment.writtenBytes)) return false;
  return segment.syncedBytes > 0;
}

function begin(log: Log, index: number, fd: number): Cursor {
  const segment = log.segments[index]!;
  return {
    log,
    segment,
    fd,
    generation: log.generation,
    end: segment.syncedBytes,
    limitOffset: index + 1 < log.segments.length ? log.segments[index + 1]!.baseOffset : log.endOffset,
    position: 0,
    nextOffset: segment.baseOffset,
    windowBytes: WINDOW_BYTES,
    suspect: -1,
    status: ScanStatus.OK,
    searched: -1,
  };
}
