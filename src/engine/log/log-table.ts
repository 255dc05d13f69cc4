// LogTable: the logs one shard owns, and the receiver of what the reactor did to their files. Owner: the shard's thread.
// Hot: onAppended(), onSynced(), onSent(), requireDurable(), flush(). Opening and closing are not.
//
// What a completion means:
//   appended  the chain's batches are in the page cache: writtenOffset moves, readers see them, acks=1 is good
//   synced    a round of syncs is over: syncedOffset and durableOffset move, acks=all on one node is good
//   committed a record of the commit journal is on the disk: durableOffset of its logs moves, acks=all is good too
//   a failed append  everything staged is dropped and the file cut back; out of space lets later appends try again,
//             any other error fails every log of the directory for good, as a failed sync does

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { ShardCounters } from '../base/shard-counters.ts';
import { systemUuidSource, uuidToBytes, type UuidSource } from '../base/uuid.ts';
import type { FileSystem } from '../io/file-system.ts';
import { managedFileSystem } from '../io/managed-file-system.ts';
import { Ctl } from '../io/tick-layout.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { AppendChains } from './append-chains.ts';
import { BatchScanner } from './batch-scanner.ts';
import { ColdSegments } from './cold-segments.ts';
import type { JournalOptions } from './commit-journal.ts';
import { Errno, errnoOf, isDiskError, isOutOfSpace, passes } from '../io/disk-error.ts';
import { GroupCommit } from './group-commit.ts';
import { HeaderPages } from './header-pages.ts';
import { closeLog } from './log-close.ts';
import type { LogConfig } from './log-config.ts';
import { loadDamage } from './damage-file.ts';
import { dropStaged } from './log-cut.ts';
import { distrustCache, noteIfDue, noteOpened } from './log-note.ts';
import { recoverLog } from './log-recovery.ts';
import { LogScrub } from './log-scrub.ts';
import { LogSync } from './log-sync.ts';
import { Log } from './log.ts';
import { PendingDeletes } from './pending-deletes.ts';
import { retireSegment, unpinSegment } from './segment-files.ts';
import { SegmentLeases } from './segment-leases.ts';
import { dropSpares } from './spare-segments.ts';
import { WriteBack } from './write-back.ts';

export interface LogListener {
  /** writtenOffset moved. */
  onWritten(log: Log): void;
  /** durableOffset moved. */
  onDurable(log: Log): void;
  /** Batches staged at or above writtenOffset were dropped (ENOSPC), or the log failed for good (log.failed). */
  onFailed(log: Log, errno: number): void;
  /** Nothing of that directory can be trusted any more: other shards' logs in it included. Said once. */
  onDirectoryFailed?(directory: string, errno: number): void;
  /** The commit journal of the directory does not serve: segments are synced instead. */
  onJournalUnusable?(directory: string, reason: string): void;
  /** The topic asks for managed storage and the directory (or the reactor) has none: the page cache serves the log. */
  onUnmanaged?(log: Log): void;
  /** Scrubbing found bytes on the disk that are not what was written; they are isolated. */
  onRot?(log: Log, words: string): void;
  /** A read that planRead() answered with WAIT_IO may be tried again. */
  onReadable(log: Log): void;
}

export interface OpenOptions {
  /** From the checkpoint: everything below was on the disk. */
  readonly recoveryPoint: number;
  /** The last stop was clean: nothing is scanned. */
  readonly clean: boolean;
  /** Names the page cache that the directory's files are in (boot and mount); empty when that is not known. */
  readonly session: string;
  /** From the checkpoint; 0 when it has none. */
  readonly logStartOffset: number;
  /** From the cleaner's checkpoint; 0 when it has none. */
  readonly firstDirtyOffset: number;
  readonly leaderEpoch: number;
  readonly topicId: string;
  readonly nowMs: number;
}

export interface LogTableOptions {
  readonly uuids?: UuidSource;
  readonly journal?: JournalOptions | null;
  readonly writeBackBytes?: number;
  readonly scrubBytesPerSecond?: number;
  /** Files of deleted managed segments are written again. */
  readonly recycle?: boolean;
  readonly counters?: ShardCounters;
}

/** Unsynced bytes after which a log is synced though nobody waits, so that recovery never has much to read. */
const RECOVERY_STEP_BYTES = 64 * 1024 * 1024;
/** Bytes of a log between two recovery notes: what a start after kill -9 has to follow, at most, for each log. */
const NOTE_STEP_BYTES = 4 * 1024 * 1024;
const DIRECTORY_NAME_BYTES_MAX = 255;

export class LogTable {
  readonly ring: TickRing;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly listener: LogListener;
  readonly uuids: UuidSource;
  readonly counters: ShardCounters;
  /** By ticket; null where a log was closed. */
  readonly logs: (Log | null)[] = [];
  readonly chains = new AppendChains();
  readonly leases = new SegmentLeases();
  readonly sync: LogSync;
  readonly commit: GroupCommit;
  readonly pages: HeaderPages;
  readonly cold: ColdSegments;
  readonly deletes: PendingDeletes;
  readonly writeBack: WriteBack;
  readonly scrub: LogScrub;
  readonly scanner: BatchScanner;
  readonly recycle: boolean;
  /** Infinity leaves all writing back to the kernel. */
  recoveryStepBytes = RECOVERY_STEP_BYTES;
  noteStepBytes = NOTE_STEP_BYTES;
  /** Where the batch of the last AppendFault.DUPLICATE is stored. */
  duplicateBaseOffset = -1;
  duplicateEndOffset = -1;
  duplicateTimestamp = -1;
  private readonly freeTickets: number[] = [];
  /** Log directories that failed. */
  private readonly offline = new Set<string>();

  /**
   * @param journal null: what must be durable is synced in its segments
   * @param writeBackBytes 0: written back when the kernel likes
   */
  constructor(
    ring: TickRing,
    fs: FileSystem,
    clock: Clock,
    listener: LogListener,
    {
      uuids = systemUuidSource,
      journal = null,
      writeBackBytes = 0,
      scrubBytesPerSecond = 0,
      recycle = true,
      counters = new ShardCounters(),
    }: LogTableOptions = {},
  ) {
    this.ring = ring;
    this.fs = ring.managed === null ? fs : managedFileSystem(fs, ring.managed);
    this.clock = clock;
    this.listener = listener;
    this.uuids = uuids;
    this.counters = counters;
    this.recycle = recycle;
    const host = {
      onDurable: (log: Log) => listener.onDurable(log),
      onSegmentsSynced: (log: Log) => this.commit.onSynced(log),
      failDirectory: (directory: string, errno: number) => this.failDirectory(directory, errno),
      onJournalUnusable: (directory: string, reason: string) => listener.onJournalUnusable?.(directory, reason),
    };
    this.sync = new LogSync(ring, this.fs, counters, host);
    this.commit = new GroupCommit({ ring, fs: this.fs, counters, sync: this.sync, options: journal }, host);
    this.pages = new HeaderPages(ring);
    this.cold = new ColdSegments(this.fs);
    this.deletes = new PendingDeletes(this.fs);
    this.scanner = new BatchScanner(this.fs);
    this.writeBack = new WriteBack(ring, this.fs, writeBackBytes, (segment, errno) => this.failDirectory(parentOf(segment.dir), errno));
    this.scrub = new LogScrub(this, scrubBytesPerSecond, (log, words) => listener.onRot?.(log, words));
  }

  /** Create or recover the log in `dir`. @throws what the disk throws; nothing is then registered */
  open(dir: string, name: string, config: LogConfig, options: OpenOptions): Log {
    const log = new Log(dir, name, options.topicId, config, options.leaderEpoch);
    log.session = options.session;
    log.noteStepBytesMin = this.noteStepBytes;
    log.firstDirtyOffset = options.firstDirtyOffset;
    try {
      log.recovery = recoverLog(this.fs, this.scanner, log, options);
      this.noteStorage(log);
      loadDamage(this.fs, this.scanner, log);
      noteOpened(this.fs, log);
    } catch (error) {
      for (const segment of log.segments) retireSegment(this.fs, segment);
      throw error;
    }
    // Recovery says what is on the disk, by offset and by byte alike.
    log.syncedOffset = log.durableOffset;
    for (const segment of log.segments) segment.durableBytes = segment.syncedBytes;
    this.commit.attach(log, parentOf(dir));
    if (log.durableOffset < log.writtenOffset) log.dirtySinceMs = this.nowMs;
    for (const segment of log.segments) if (segment.fd >= 0 && segment !== log.active) this.cold.touch(segment);
    log.counterRow = this.counters.regions.topics;
    log.ticket = this.freeTickets.length > 0 ? this.freeTickets.pop()! : this.logs.length;
    this.logs[log.ticket] = log;
    // So that the next start need not read it again. Its pages came from the disk: this writes little.
    if (log.recovery.mode === 'checked' && log.syncedOffset < log.writtenOffset) this.sync.require(log, log.writtenOffset);
    return log;
  }

  /** The log's last segment is new: has it the storage its topic asks for? */
  noteStorage(log: Log): void {
    if (log.active.managed) {
      log.hasManaged = true;
      // What its notes would say of the page cache is true of the arena only.
      if (log.session !== '') distrustCache(this.fs, log);
      log.session = '';
    } else if (log.config.storage === 'managed') this.listener.onUnmanaged?.(log);
  }

  /** Store everything and let go. No append of the log may be in flight (pendingAppends), unless it failed. */
  close(log: Log): void {
    // Slots in the submission ring name descriptors that close now.
    if (log.failed && log.pendingChains > 0) this.ring.submit();
    try {
      this.store(log);
    } finally {
      log.unlisted = true;
      this.commit.forget(log);
      this.releaseTicket(log);
    }
  }

  /** @throws what the disk throws, after its directory went offline, and this program's own mistakes, which blame no disk */
  private store(log: Log): void {
    assert(log.failed || log.pendingChains === 0, 'appends are completed before a log is closed', log.name, log.pendingChains);
    try {
      closeLog(this.fs, log);
    } catch (error) {
      this.failDirectory(parentOf(log.dir), errnoOf(error));
      throw error;
    }
  }

  /**
   * Closes all, even if some cannot be stored. They stay listed, so that the last checkpoints can be taken of them.
   * @throws the first error, of this program's rather than of a disk's
   */
  closeAll(): void {
    let first: unknown;
    for (const log of this.logs) {
      if (log === null || log.closed) continue;
      try {
        this.store(log);
      } catch (error) {
        if (first === undefined || (isDiskError(first) && !isDiskError(error))) first = error;
      }
    }
    if (first !== undefined) throw first;
  }

  /**
   * Delete the partition: its directory is renamed to `<name>.<32 hex>-delete` at once, its files go after the delay, its
   * descriptors with the last lease.
   */
  remove(log: Log): void {
    // Slots in the submission ring name descriptors that close now.
    if (log.pendingChains > 0) this.ring.submit();
    log.generation++;
    log.closed = true;
    log.unlisted = true;
    for (const segment of log.segments) {
      this.pages.forget(segment);
      this.cold.drop(segment);
      retireSegment(this.fs, segment);
    }
    const slash = log.dir.lastIndexOf('/');
    const suffix = `.${Buffer.from(uuidToBytes(this.uuids.next())).toString('hex')}-delete`;
    const name = log.dir.slice(slash + 1).slice(0, DIRECTORY_NAME_BYTES_MAX - suffix.length);
    const renamed = `${log.dir.slice(0, slash)}/${name}${suffix}`;
    this.deletes.forgetUnder(log.dir);
    log.spares.length = 0;
    try {
      this.fs.rename(log.dir, renamed);
      this.fs.syncDirectory(log.dir.slice(0, slash));
      log.dir = renamed;
      this.deletes.add(renamed, this.nowMs + log.config.fileDeleteDelayMs);
    } catch (error) {
      // Metadata does not know it any more; whoever repairs the disk finds a folder that nobody asks for.
      this.onDiskError(log.dir, error);
    }
    this.commit.forget(log);
    this.releaseTicket(log);
  }

  onAppended(ticket: number, result: number): void {
    const chains = this.chains;
    const log = chains.log(ticket);
    const segment = chains.segment(ticket)!;
    const startOffset = chains.startOffset(ticket);
    const endOffset = chains.endOffset(ticket);
    const lengthBytes = chains.lengthBytes(ticket);
    const current = chains.generation(ticket) === log.generation && !log.closed && !log.failed;
    chains.end(ticket);
    log.pendingChains--;
    if (log.chain === ticket) log.chain = -1;
    if (!current) {
      this.releaseTicket(log);
      return;
    }
    if (result !== lengthBytes) {
      this.onAppendFailed(log, result < 0 ? -result : Errno.ENOSPC);
      return;
    }
    assert(log.writtenOffset === startOffset, 'appends complete in order', log.name, log.writtenOffset, startOffset);
    segment.writtenBytes += lengthBytes;
    log.writtenOffset = endOffset;
    if (!segment.managed) this.writeBack.grew(segment, lengthBytes);
    if (log.dirtySinceMs < 0) log.dirtySinceMs = this.nowMs;
    noteIfDue(this.fs, log, segment);
    if (endOffset - log.durableOffset >= log.config.flushMessages) this.commit.require(log, endOffset);
    if (segment.writtenBytes - segment.syncingBytes >= this.recoveryStepBytes) this.sync.require(log, endOffset);
    this.listener.onWritten(log);
  }

  onSynced(ticket: number, result: number): void {
    const log = this.logs[ticket];
    assert(log != null, 'a sync names an open log', ticket);
    const errno = this.sync.onSynced(log, result);
    if (errno !== 0) this.failDirectory(parentOf(log.dir), errno);
    if (log.unlisted) this.releaseTicket(log);
  }

  onCommitted(ticket: number, result: number): void {
    this.commit.onCommitted(ticket, result);
  }

  onWrittenBack(result: number): void {
    this.writeBack.onWrittenBack(result);
  }

  onVerified(result: number): void {
    this.scrub.onVerified(result);
  }

  onReadDone(ticket: number, result: number): void {
    unpinSegment(this.fs, this.pages.onReadDone(ticket, result));
    this.wakeReaders();
  }

  onSent(leaseTicket: number): void {
    unpinSegment(this.fs, this.leases.give(leaseTicket));
  }

  /** Someone waits until everything staged so far survives a power cut. */
  requireDurable(log: Log): void {
    this.commit.require(log, log.endOffset);
  }

  /** flush.ms, and everything dirty for longer than `ageMs`: called now and then. */
  requireAged(ageMs: number): void {
    this.commit.look();
    const nowMs = this.nowMs;
    for (const log of this.logs) {
      if (log === null || log.dirtySinceMs < 0 || log.durableOffset >= log.writtenOffset) continue;
      if (nowMs - log.dirtySinceMs >= Math.min(ageMs, log.config.flushMs)) this.sync.require(log, log.writtenOffset);
    }
  }

  /** End of tick: begin a sync where one is wanted and none is in flight; remove files whose delay has passed. */
  flush(): void {
    this.commit.flush();
    this.sync.flush();
    this.writeBack.flush();
    this.deletes.expire(this.nowMs);
    if (this.pages.loading === 0) this.wakeReaders();
  }

  get pendingAppends(): number {
    return this.chains.pending;
  }

  /** Appends, syncs, reads or sends are in flight. */
  get isBusy(): boolean {
    if (this.writeBack.isBusy || this.scrub.isBusy) return true;
    return this.chains.pending > 0 || this.sync.running > 0 || this.commit.running > 0 || this.pages.loading > 0 || this.leases.held > 0;
  }

  /** Monotonic milliseconds at the start of this tick. */
  get nowMs(): number {
    return this.ring.ctlF64[Ctl.NOW_MS_F64]!;
  }

  /** A write or sync of the log's directory failed in a way that casts doubt on all of it. */
  failDirectory(directory: string, errno: number): void {
    if (this.offline.has(directory)) return;
    this.offline.add(directory);
    this.commit.abandon(directory);
    for (const other of this.logs) {
      if (other === null || other.failed || parentOf(other.dir) !== directory) continue;
      other.failed = true;
      distrustCache(this.fs, other);
      if (!other.closed) this.listener.onFailed(other, errno);
    }
    this.listener.onDirectoryFailed?.(directory, errno);
  }

  isOffline(directory: string): boolean {
    return this.offline.has(directory);
  }

  /** An operation outside of appending failed in `dir`, a log's. @throws what is not the disk's failure */
  onDiskError(dir: string, error: unknown): void {
    if (!isDiskError(error)) throw error;
    if (!passes(error)) this.failDirectory(parentOf(dir), errnoOf(error));
    else if (isOutOfSpace(errnoOf(error))) this.dropSpares();
  }

  /** Room for those who have none. */
  private dropSpares(): void {
    for (const log of this.logs) if (log !== null && log.spares.length > 0) dropSpares(this.fs, log);
  }

  private onAppendFailed(log: Log, errno: number): void {
    // Chains entered since would be written behind the gap: out with them first, their completions are stale by then.
    if (log.pendingChains > 0) this.ring.submit();
    log.refusedTick = this.ring.ctlF64[Ctl.TICKS_F64]!;
    for (const segment of log.segments) if (segment.writtenBytes !== segment.stagedBytes) this.pages.forget(segment);
    let fatal = isOutOfSpace(errno) ? 0 : errno;
    if (fatal === 0) this.dropSpares();
    try {
      dropStaged(this.fs, this.scanner, log);
      this.cold.drop(log.active);
    } catch (error) {
      fatal = errnoOf(error);
    }
    if (fatal === 0) this.listener.onFailed(log, errno);
    else this.failDirectory(parentOf(log.dir), fatal);
  }

  private wakeReaders(): void {
    for (let log = this.pages.takeWaiting(); log !== null; log = this.pages.takeWaiting()) {
      if (!log.closed) this.listener.onReadable(log);
    }
  }

  /** A ticket is used again only when no completion can name the old log any more. */
  private releaseTicket(log: Log): void {
    if (!log.closed || log.syncsPending > 0 || log.pendingChains > 0 || this.logs[log.ticket] !== log) return;
    this.logs[log.ticket] = null;
    this.freeTickets.push(log.ticket);
  }
}

function parentOf(dir: string): string {
  return dir.slice(0, dir.lastIndexOf('/'));
}
