// Log: the state of one partition's log. Owner: the shard's thread. State only: log-append.ts, log-read.ts,
// log-sync.ts, retention.ts … are the verbs, and LogTable receives what the reactor did.
//
// Offsets, always in this order (all but endOffset move only when the kernel has confirmed it):
//
//   startOffset <= syncedOffset <= durableOffset <= writtenOffset <= endOffset
//
// startOffset may pass durableOffset when records are deleted before they were ever synced; nothing reads below it.

import { ReusedList } from '../base/reused-list.ts';
import { LogCommit } from './log-commit.ts';
import type { LogConfig } from './log-config.ts';
import { LeaderEpochCache } from './leader-epoch-cache.ts';
import { PositionCache } from './position-cache.ts';
import { ProducerState } from './producer-state.ts';
import { RecentBatches } from './recent-batches.ts';
import type { RecoveryReport } from './recovery-report.ts';
import type { Segment } from './segment.ts';
import type { SpareSegment } from './spare-segment.ts';
import type { TakenNote } from './taken-note.ts';

export class Log {
  /** `<topic>-<partition>`. */
  readonly name: string;
  readonly topicId: string;
  dir: string;
  config: LogConfig;
  /** Index in LogTable, what completions name the log by. */
  ticket = -1;
  startOffset = 0;
  /** Next offset to assign. */
  endOffset = 0;
  /** First cell of its topic's row in the shard's counters. */
  counterRow = 0;
  /** All below is in the page cache: what readers may see. */
  writtenOffset = 0;
  /** All below survives a power cut, in its segments or in the commit journal: what acks=all waits for. */
  durableOffset = 0;
  /** All below is on the disk in its segments: where a recovery may begin. */
  syncedOffset = 0;
  leaderEpoch: number;
  /** A write or sync failed in a way that cannot be trusted again: no append is taken until a restart. */
  failed = false;
  closed = false;
  /** It has segments whose end may have been in memory only when the process died. */
  hasManaged = false;
  /** Deleted, or closed for itself: no checkpoint speaks of it any more. */
  unlisted = false;
  /** Ascending by base offset, never empty; the last one is appended to. */
  readonly segments: Segment[] = [];
  readonly producers = new ProducerState();
  readonly leaderEpochs = new LeaderEpochCache();
  readonly recent = new RecentBatches();
  readonly positions = new PositionCache();
  /** What opening it found. */
  recovery: RecoveryReport | null = null;

  /** Below it compaction has left every key once, as far as a checkpoint may say. */
  firstDirtyOffset = 0;
  /** Of the segment in which compaction met damage, until a restart: it ends before it. -1: none. */
  uncleanableBase = -1;
  /** Somebody reads its closed segments by path over several ticks: none is deleted or replaced. */
  holds = 0;

  // Staging: the chain of submission slots that the next batch may join.
  chain = -1;
  chainTailSlot = -1;
  /** Count of submits when the chain was begun: a chain of an earlier count has been executed. */
  chainSubmits = -1;
  pendingChains = 0;
  /** Batches that wait for room in the arena. */
  waitingAppends = 0;
  /** Grows when staged batches are dropped, so that their late completions are known for what they are. */
  generation = 0;
  /** No append in this tick: batches staged in it were dropped, and their offsets must not be given out again before
   *  every request of the tick has been decided by comparing offsets. */
  refusedTick = -1;

  /** Producer state as of an offset that staged batches were dropped back to, encoded as a snapshot. */
  producersAtCut: Uint8Array | null = null;
  producersAtCutOffset = -1;

  // Group commit.
  readonly commit = new LogCommit();

  // Syncing: one round at a time.
  syncsPending = 0;
  syncErrno = 0;
  syncBeganUs = 0;
  /** Segments being synced. */
  readonly syncing = new ReusedList<Segment>();
  /** What syncedOffset becomes when the round ends. */
  syncCoversOffset = 0;
  /** Someone wants everything below this in its segments on the disk. */
  demandOffset = 0;
  /** Listed among the logs that flush() looks at. */
  demanded = false;
  /** When the oldest batch not yet synced was written; -1 when there is none. */
  dirtySinceMs = -1;

  // Recycling: see spare-segments.ts.
  readonly spares: SpareSegment[] = [];
  sparesMax = 0;
  /** Segments rolled since the last deletion. */
  rolled = 0;

  // Recovery notes: see log-note.ts.
  /** Names the page cache that the log is in; empty when that is not known. */
  session = '';
  note: TakenNote | null = null;
  coveredNote: TakenNote | null = null;
  syncedNote: TakenNote | null = null;
  publishedNote: TakenNote | null = null;
  noteStepBytes = 0;
  /** Of the segments before the active one, since the last note. */
  unnotedBytes = 0;
  noteStepBytesMin = 0;

  constructor(dir: string, name: string, topicId: string, config: LogConfig, leaderEpoch: number) {
    this.dir = dir;
    this.name = name;
    this.topicId = topicId;
    this.config = config;
    this.leaderEpoch = leaderEpoch;
  }

  get active(): Segment {
    return this.segments[this.segments.length - 1]!;
  }

  /** Bytes of record batches in its files. */
  get sizeBytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.writtenBytes;
    return bytes;
  }
}
