// GroupCommit: what must be durable goes to the journal of its log directory, or to its segment where that is cheaper or
// no journal serves. Owner: the shard's thread. @hot
//
// Whoever needs the disk says so during the tick (require); flush(), at its end, gathers what all logs have written and
// not yet made durable. To the segment go: more bytes than the journal should carry twice, bytes on both sides of a roll,
// and everything while the journal is not ready or full.

import { ReusedList } from '../base/reused-list.ts';
import type { ShardCounters } from '../base/shard-counters.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { Added, CommitJournal, JOURNAL_TICKETS, type JournalHost, type JournalOptions } from './commit-journal.ts';
import type { LogSync } from './log-sync.ts';
import type { Log } from './log.ts';
import type { Segment } from './segment.ts';

export interface CommitHost {
  /** durableOffset moved. */
  onDurable(log: Log): void;
  failDirectory(directory: string, errno: number): void;
  /** The directory's journal does not serve: segments are synced instead. */
  onJournalUnusable(directory: string, reason: string): void;
}

export class GroupCommit implements JournalHost {
  private readonly ring: TickRing;
  private readonly fs: FileSystem;
  private readonly counters: ShardCounters;
  private readonly sync: LogSync;
  private readonly host: CommitHost;
  /** Null: segments only. */
  private readonly options: JournalOptions | null;
  private readonly wanted = new ReusedList<Log>();
  private readonly journals: CommitJournal[] = [];

  constructor(
    parts: { ring: TickRing; fs: FileSystem; counters: ShardCounters; sync: LogSync; options: JournalOptions | null },
    host: CommitHost,
  ) {
    this.ring = parts.ring;
    this.fs = parts.fs;
    this.counters = parts.counters;
    this.sync = parts.sync;
    this.options = parts.options;
    this.host = host;
  }

  /** The log is open: all that its files hold is on the disk. */
  attach(log: Log, directory: string): void {
    if (this.options === null) return;
    const { ring, fs, counters, options, journals } = this;
    let index = journals.findIndex((journal) => journal.directory === directory);
    if (index < 0) {
      index = journals.length;
      journals.push(new CommitJournal({ ring, fs, counters, options, host: this }, directory, index * JOURNAL_TICKETS));
    }
    log.commit.journal = index;
  }

  /** Null where segments are synced instead. */
  journalOf(log: Log): CommitJournal | null {
    return this.journals[log.commit.journal] ?? null;
  }

  /** A replay of the journal may write what this segment held: it must not be rewritten now. */
  holds(log: Log, segment: Segment): boolean {
    return this.journalOf(log)?.holds(segment) ?? false;
  }

  /** The log is closed or gone. */
  forget(log: Log): void {
    this.journalOf(log)?.onSynced(log);
  }

  /** Everything below `offset` shall survive a power cut. */
  require(log: Log, offset: number): void {
    const { commit } = log;
    if (commit.journal < 0) {
      this.sync.require(log, offset);
      return;
    }
    if (offset > commit.wantedOffset) commit.wantedOffset = offset;
    if (commit.listed) return;
    commit.listed = true;
    this.wanted.push(log);
  }

  flush(): void {
    const { wanted } = this;
    let kept = 0;
    for (let i = 0; i < wanted.length; i++) {
      const log = wanted.at(i);
      if (log.failed || log.closed || log.commit.wantedOffset <= log.durableOffset) {
        log.commit.listed = false;
        continue;
      }
      this.begin(log);
      wanted.set(kept++, log);
    }
    wanted.truncate(kept);
    for (let i = 0; i < this.journals.length; i++) this.journals[i]!.write();
  }

  /** Every second or so. */
  look(): void {
    for (const journal of this.journals) journal.look();
  }

  onCommitted(ticket: number, result: number): void {
    this.journals[Math.floor(ticket / JOURNAL_TICKETS)]!.onCommitted(ticket % JOURNAL_TICKETS, result);
  }

  /** log.syncedOffset moved. */
  onSynced(log: Log): void {
    this.journalOf(log)?.onSynced(log);
  }

  requireSynced(log: Log, offset: number): void {
    this.sync.require(log, offset);
  }

  onDurable(log: Log): void {
    this.host.onDurable(log);
  }

  fail(directory: string, errno: number): void {
    this.host.failDirectory(directory, errno);
  }

  onUnusable(directory: string, reason: string): void {
    this.host.onJournalUnusable(directory, reason);
  }

  /** Nothing in it can be trusted any more. */
  abandon(directory: string): void {
    this.journals.find((journal) => journal.directory === directory)?.abandon();
  }

  get running(): number {
    let running = 0;
    for (const journal of this.journals) running += journal.running;
    return running;
  }

  /** After the ring has been closed. `retire`: every log was stored. */
  close(retire: boolean): void {
    for (const journal of this.journals) journal.close(retire);
  }

  private begin(log: Log): void {
    const { commit } = log;
    // A commit of the log is on its way, or its segment's sync is asked for: what is written meanwhile goes with the next.
    if (commit.running || commit.syncOffset > log.syncedOffset || log.writtenOffset <= log.durableOffset) return;
    if (this.journals[commit.journal]!.add(log) !== Added.NO) return;
    commit.syncOffset = commit.wantedOffset;
    this.sync.require(log, commit.wantedOffset);
  }
}
