// CommitJournal: one shard's journal in one log directory. What must be durable of all its logs is one write into a file
// of pre-written blocks; the segments, which the page cache has already, reach the disk later. Owner: the shard's thread.
// Hot: add(), write(), onCommitted(), once a commit.
//
// Two records may be on their way at once; meanwhile the next one gathers, which is the group commit. A log is in one
// record at a time.
//
// The file is used round and round:   RECORDS_START ... [tail ... head) ... capacity
// Past half of it the journal is drained: the segments of every log it speaks of are synced, then the header says from
// which record on it still counts, and only then the space before that may be written again. So what a record's space held
// before is never taken for live.
//
// It begins small and grows, a step at a time, because a write into blocks that were written before costs the disk one
// flush less than one into new ones. While it is not ready, or full, its logs' segments are synced instead.
//
// On a file system that gives written blocks a new place (copy on write, thin provisioning) a full disk refuses even writes
// into the journal. What the segments hold is sound then: the journal pauses until all it holds is in them and its header,
// which says so, could be written; records begin behind the one that failed. That is for a file that passes by the page
// cache: elsewhere a refusal may be of the sync, which then has lost what it was to store, and is told to one waiter only.

import { assert } from '../base/assert.ts';
import { Histogram } from '../base/counter-layout.ts';
import type { ShardCounters } from '../base/shard-counters.ts';
import { COMMIT_IN_PLACE, COMMIT_SYNC, Ctl, Sq, SQ_SLOT_WORDS, SqField } from '../io/tick-layout.ts';
import { forgiveDisk, isOutOfSpace } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { BadCheckpoint } from './checkpoint-file.ts';
import { COMMIT_BLOCK_BYTES, encodeJournalHeader, journalFileName, JournalHeader, RECORDS_START } from './commit-journal-format.ts';
import { COMMIT_RECORD_BYTES_MAX, COMMIT_SLOT_BLOCK_BYTES, CommitSlot } from './commit-slot.ts';
import { readMetaProperties } from './log-directory.ts';
import type { Log } from './log.ts';
import { unpinSegment } from './segment-files.ts';
import type { Segment } from './segment.ts';

export interface JournalOptions {
  readonly shard: number;
  /** What it may grow to. */
  readonly maxBytes: number;
  /** More bytes of one log than this go to its segment at once, so that they are not written twice. */
  readonly segmentFromBytes: number;
  /** The ring gathers into memory that O_DIRECT can take. */
  readonly direct: boolean;
  /** The shard's thread writes the records itself, and waits for them. */
  readonly inPlace: boolean;
  /** A new epoch. */
  readonly random: (sizeBytes: number) => Uint8Array;
}

/** What the journal asks of the logs' other ways to the disk. */
export interface JournalHost {
  /** The segments of the log shall be on the disk up to `offset`. */
  requireSynced(log: Log, offset: number): void;
  /** log.durableOffset moved. */
  onDurable(log: Log): void;
  fail(directory: string, errno: number): void;
  /** Segments are synced instead, from now on or until there is room. */
  onUnusable(directory: string, reason: string): void;
}

/** What add() came to. */
export const Added = {
  /** The log's bytes are in the record that write() sends. */
  YES: 0,
  /** All records are on their way: after the next one has ended. */
  LATER: 1,
  /** The segment has to be synced. */
  NO: 2,
} as const;

export const JournalState = { CLOSED: 0, OPENING: 1, READY: 2, UNUSABLE: 3, PAUSED: 4 } as const;

const SLOTS = 2;
/** Ticket of what is not a record: filling, the header. */
const CONTROL = SLOTS;
/** Tickets of one journal. */
export const JOURNAL_TICKETS = SLOTS + 1;
const STEP_BYTES = 1024 * 1024;
const FIRST_BYTES = 4 * STEP_BYTES;
/** What a journal in use holds gets to its segments this often, so that they may be compacted, and a replay be short. */
const DRAIN_LOOKS = 30;

export class CommitJournal {
  readonly directory: string;
  state: number = JournalState.CLOSED;
  /** Records written, and their bytes with padding. */
  records = 0;
  recordBytes = 0;
  /** Records and control writes on their way. */
  running = 0;
  private readonly ring: TickRing;
  private readonly fs: FileSystem;
  private readonly counters: ShardCounters;
  private readonly options: JournalOptions;
  private readonly host: JournalHost;
  private readonly firstTicket: number;
  private readonly slots: CommitSlot[] = [];
  private readonly epoch: Uint8Array;
  private gathering: CommitSlot | null = null;
  private fd = -1;
  private flags = 0;
  /** A write that was refused has harmed nothing else. */
  private isDirect = false;
  private controlBlock = -1;
  /** Of the log directory, so that no other replays it. */
  private directoryId = '';
  /** A control write is on its way. */
  private controlling = false;
  private controlIsHeader = false;
  /** There was no room for it: the next look tries again. */
  private headerWaits = false;
  private toldFull = false;

  // The ring of records.
  private capacity = 0;
  private growTo = 0;
  private head = RECORDS_START;
  private tail = RECORDS_START;
  private nextSequence = 1;
  /** As the header on the disk says. */
  private firstSequence = 1;

  // Draining.
  private dirty: Log[] = [];
  private draining: Log[] = [];
  private isDraining = false;
  /** Logs whose segments are not synced far enough yet. */
  private undrained = 0;
  private drainSequence = 0;
  private drainPosition = 0;
  /** Of the look before, to tell an idle journal. */
  private lookedSequence = 0;
  private looks = 0;

  constructor(
    parts: { ring: TickRing; fs: FileSystem; counters: ShardCounters; options: JournalOptions; host: JournalHost },
    directory: string,
    firstTicket: number,
  ) {
    this.ring = parts.ring;
    this.fs = parts.fs;
    this.counters = parts.counters;
    this.options = parts.options;
    this.host = parts.host;
    this.directory = directory;
    this.firstTicket = firstTicket;
    this.epoch = parts.options.random(16);
  }

  /** The log's written bytes shall be durable. */
  add(log: Log): number {
    if (this.state !== JournalState.READY) {
      if (this.state === JournalState.CLOSED) this.open();
      return Added.NO;
    }
    const { active } = log;
    const bytes = active.writtenBytes - active.durableBytes;
    if (bytes > this.options.segmentFromBytes || log.durableOffset < active.baseOffset) return Added.NO;
    if (this.gathering !== null && !this.gathering.takes(bytes)) this.write();
    const slot = this.gathering ?? this.freeSlot();
    if (slot === null) return Added.LATER;
    if (this.place(slot.totalWith(bytes)) < 0) return Added.NO;
    this.gathering = slot;
    slot.add(log);
    if (!log.commit.dirty) {
      log.commit.dirty = true;
      this.dirty.push(log);
    }
    return Added.YES;
  }

  /** Send what was gathered. */
  write(): void {
    const slot = this.gathering;
    if (slot === null) return;
    this.gathering = null;
    const totalBytes = slot.totalBytes;
    const position = this.place(totalBytes);
    assert(position >= 0, 'a gathered record has its place', totalBytes, this.head, this.tail, this.capacity);
    this.head = position + totalBytes;
    slot.seal(this.epoch, this.nextSequence++);
    for (let i = 0; i < slot.logs.length; i++) slot.logs.at(i).commit.segment!.commitSequence = slot.sequence;
    this.records++;
    this.recordBytes += totalBytes;
    slot.beganUs = this.counters.tickBeganUs;
    this.counters.observe(Histogram.COMMIT_BYTES, totalBytes);
    this.counters.observe(Histogram.COMMIT_PARTITIONS, slot.logs.length);
    this.submit(this.slots.indexOf(slot), position, totalBytes, slot.block, slot.headBytes, slot.piecesOffset, slot.logs.length);
    if (this.usedBytes > (this.capacity - RECORDS_START) / 2) this.drain();
  }

  /** Sync what it holds: it is half full, or nobody has written for a while. */
  drain(): void {
    if (this.isDraining || !this.isInUse || this.gathering !== null) return;
    if (this.firstSequence === this.nextSequence) return;
    this.isDraining = true;
    this.looks = 0;
    this.drainSequence = this.nextSequence;
    this.drainPosition = this.head;
    this.growTo = Math.max(this.growTo, Math.min(this.options.maxBytes, this.capacity * 2));
    const { dirty } = this;
    this.dirty = this.draining;
    this.draining = dirty;
    this.undrained = 0;
    for (const log of dirty) {
      const { commit } = log;
      commit.dirty = false;
      // A log that is closed has synced all; one that is gone is not missed.
      if (log.closed) continue;
      commit.draining = true;
      commit.drainOffset = log.writtenOffset;
      this.undrained++;
    }
    for (const log of dirty) {
      if (!log.commit.draining) continue;
      if (log.syncedOffset >= log.commit.drainOffset) this.drained(log);
      else this.host.requireSynced(log, log.commit.drainOffset);
    }
    this.settle();
  }

  /** Every second or so: a journal that nobody wrote to since the last look is drained, any other now and then. */
  look(): void {
    if (this.state === JournalState.PAUSED) {
      this.headerWaits = false;
      this.settle();
      this.drain();
    }
    if (this.nextSequence === this.lookedSequence || ++this.looks >= DRAIN_LOOKS) this.drain();
    this.lookedSequence = this.nextSequence;
  }

  /** log.syncedOffset moved, or the log is closed or gone. */
  onSynced(log: Log): void {
    if (!log.commit.draining || (log.syncedOffset < log.commit.drainOffset && !log.closed)) return;
    this.drained(log);
    this.settle();
  }

  /** A replay may write what this segment held: it must not be rewritten now. */
  holds(segment: Segment): boolean {
    return segment.commitSequence >= this.firstSequence;
  }

  /** @param ticket less its first one */
  onCommitted(ticket: number, result: number): void {
    this.running--;
    if (ticket === CONTROL) {
      this.onControlled(result);
      return;
    }
    const slot = this.slots[ticket]!;
    if (result >= 0) this.toldFull = false;
    else if (isOutOfSpace(-result) && this.isDirect) this.pause();
    else this.fail(-result);
    if (result >= 0) this.counters.observe(Histogram.COMMIT_US, this.counters.elapsedUs(slot.beganUs));
    for (let i = 0; i < slot.logs.length; i++) this.onRecordEnded(slot.logs.at(i), result);
    slot.clear();
    this.settle();
  }

  /** The directory is offline: what the journal holds is for the next start. */
  abandon(): void {
    this.state = JournalState.UNUSABLE;
  }

  /** The ring is closed. `retire`: every log is stored, so that no record is needed any more. */
  close(retire: boolean): void {
    if (this.fd < 0) return;
    this.fs.close(this.fd);
    this.fd = -1;
    if (retire && this.isInUse) {
      retireJournal(this.fs, `${this.directory}/${journalFileName(this.options.shard)}`);
    }
    this.state = JournalState.UNUSABLE;
  }

  private get isInUse(): boolean {
    return this.state === JournalState.READY || this.state === JournalState.PAUSED;
  }

  private get usedBytes(): number {
    const { head, tail } = this;
    return head >= tail ? head - tail : this.capacity - tail + head - RECORDS_START;
  }

  /** Where a record of so many bytes goes, or -1. The head never comes up to the tail: that would be an empty ring. */
  private place(bytes: number): number {
    const { head, tail } = this;
    if (head < tail) return head + bytes < tail ? head : -1;
    if (head + bytes <= this.capacity) return head;
    return RECORDS_START + bytes < tail ? RECORDS_START : -1;
  }

  private freeSlot(): CommitSlot | null {
    for (const slot of this.slots) if (!slot.running) return slot;
    return null;
  }

  private onRecordEnded(log: Log, result: number): void {
    const { commit } = log;
    const segment = commit.segment!;
    commit.running = false;
    commit.segment = null;
    // Cut meanwhile: the next record speaks of what is left.
    if (result >= 0 && !log.closed && !log.failed && commit.generation === log.generation) {
      segment.durableBytes = Math.max(segment.durableBytes, commit.endBytes);
      if (commit.coversOffset > log.durableOffset) {
        log.durableOffset = commit.coversOffset;
        this.host.onDurable(log);
      }
    }
    unpinSegment(this.fs, segment);
  }

  private drained(log: Log): void {
    log.commit.draining = false;
    this.undrained--;
  }

  /** The next control write, where one is due. */
  private settle(): void {
    if (this.controlling || this.state === JournalState.UNUSABLE || this.state === JournalState.CLOSED) return;
    if (this.isDraining && this.undrained === 0 && !this.olderRecordsRun()) {
      if (!this.headerWaits) this.writeHeader(this.drainSequence, this.drainPosition);
    } else if (this.capacity < this.growTo) {
      this.control(this.capacity, STEP_BYTES, 0, false);
    } else if (this.state === JournalState.OPENING) {
      this.writeHeader(this.nextSequence, this.head);
    }
  }

  /** One that ended after its space was given away would write over what is there then. */
  private olderRecordsRun(): boolean {
    for (const slot of this.slots) if (slot.running && slot.sequence < this.drainSequence) return true;
    return false;
  }

  private onControlled(result: number): void {
    this.controlling = false;
    if (result < 0) {
      this.onControlFailed(-result);
    } else if (!this.controlIsHeader) {
      this.capacity += STEP_BYTES;
    } else if (this.state === JournalState.OPENING) {
      this.state = JournalState.READY;
    } else {
      this.isDraining = false;
      this.firstSequence = this.drainSequence;
      this.tail = this.drainPosition;
      this.draining.length = 0;
      if (this.state === JournalState.PAUSED && this.firstSequence === this.nextSequence) this.state = JournalState.READY;
    }
    this.settle();
  }

  private onControlFailed(errno: number): void {
    if (!isOutOfSpace(errno)) {
      this.fail(errno);
    } else if (this.state === JournalState.OPENING && (this.controlIsHeader || this.capacity + STEP_BYTES <= FIRST_BYTES)) {
      this.giveUp('there is no room for it');
    } else if (this.controlIsHeader) {
      this.headerWaits = true;
      if (this.isDirect) this.pause();
      else this.fail(errno);
    } else {
      // No room to grow: it stays as it is.
      this.growTo = this.capacity;
    }
  }

  private pause(): void {
    if (this.state === JournalState.READY) this.state = JournalState.PAUSED;
    if (!this.toldFull) this.host.onUnusable(this.directory, 'the disk is full');
    this.toldFull = true;
  }

  private giveUp(reason: string): void {
    this.state = JournalState.UNUSABLE;
    this.host.onUnusable(this.directory, reason);
  }

  private fail(errno: number): void {
    this.state = JournalState.UNUSABLE;
    this.host.fail(this.directory, errno);
  }

  private open(): void {
    const { fs, ring, options } = this;
    if (this.slots.length === 0 && !this.takeBlocks()) return;
    const path = `${this.directory}/${journalFileName(options.shard)}`;
    try {
      this.directoryId = readMetaProperties(fs, this.directory)?.directoryId ?? '';
      const isNew = !fs.exists(path);
      const file = fs.openForCommits(path, options.direct);
      this.fd = file.fd;
      this.flags = file.synchronous ? 0 : COMMIT_SYNC;
      this.isDirect = file.direct && file.synchronous;
      if (isNew) fs.syncDirectory(this.directory);
      this.capacity = Math.min(Math.floor(fs.size(file.fd) / STEP_BYTES) * STEP_BYTES, options.maxBytes);
    } catch (error) {
      if (!(error instanceof BadCheckpoint)) forgiveDisk(error);
      this.giveUp((error as Error).message);
      return;
    }
    assert(options.maxBytes >= FIRST_BYTES && FIRST_BYTES > 3 * COMMIT_RECORD_BYTES_MAX, 'a journal holds a few records', options.maxBytes);
    this.growTo = Math.max(this.capacity, FIRST_BYTES);
    this.state = JournalState.OPENING;
    ring.arena.fill(0, this.controlBlock, this.controlBlock + COMMIT_BLOCK_BYTES);
    this.settle();
  }

  /** False when memory is at its bound: to be tried again. */
  private takeBlocks(): boolean {
    const { ring } = this;
    const blocks: number[] = [];
    for (let i = 0; i < SLOTS; i++) blocks.push(ring.takeBlock(COMMIT_SLOT_BLOCK_BYTES));
    blocks.push(ring.takeBlock(COMMIT_BLOCK_BYTES));
    if (blocks.includes(-1)) {
      for (const block of blocks) if (block >= 0) ring.giveBlock(block);
      return false;
    }
    this.controlBlock = blocks.pop()!;
    for (const block of blocks) this.slots.push(new CommitSlot(ring, block));
    return true;
  }

  private writeHeader(firstSequence: number, firstPosition: number): void {
    const { directoryId, epoch } = this;
    const header = encodeJournalHeader({ shard: this.options.shard, epoch, firstSequence, firstPosition, directoryId });
    this.ring.arena.set(header, this.controlBlock);
    this.control(0, COMMIT_BLOCK_BYTES, JournalHeader.BYTES, true);
  }

  private control(position: number, totalBytes: number, headBytes: number, isHeader: boolean): void {
    this.controlling = true;
    this.controlIsHeader = isHeader;
    this.submit(CONTROL, position, totalBytes, this.controlBlock, headBytes, this.controlBlock, 0);
  }

  private submit(
    ticket: number,
    position: number,
    totalBytes: number,
    headOffset: number,
    headBytes: number,
    piecesOffset: number,
    pieces: number,
  ): void {
    const { ring } = this;
    const { sq } = ring;
    if (ring.ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
    const slot = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = slot + 1;
    const at = slot * SQ_SLOT_WORDS;
    sq[at + SqField.OP] = Sq.COMMIT;
    sq[at + SqField.FD] = this.fd;
    sq[at + SqField.TICKET] = this.firstTicket + ticket;
    sq[at + SqField.OFFSET] = headOffset;
    sq[at + SqField.LENGTH] = headBytes;
    sq[at + SqField.PIECES] = pieces;
    sq[at + SqField.PIECES_OFFSET] = piecesOffset;
    sq[at + SqField.TOTAL_BYTES] = totalBytes;
    sq[at + SqField.FLAGS] = this.options.inPlace && ticket !== CONTROL ? this.flags | COMMIT_IN_PLACE : this.flags;
    ring.sqF64[at / 2 + SqField.POSITION_F64] = position;
    this.running++;
  }
}

/** No record of the journal counts any more. @throws what the disk throws */
export function retireJournal(fs: FileSystem, path: string): void {
  const block = new Uint8Array(COMMIT_BLOCK_BYTES);
  const fd = fs.open(path, 'r+');
  try {
    fs.write(fd, block, 0, block.length, 0);
    fs.fdatasync(fd);
  } finally {
    fs.close(fd);
  }
}
