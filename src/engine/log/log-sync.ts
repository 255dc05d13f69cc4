// LogSync: segments to the disk. Owner: the shard's thread. @hot
//
// Whoever needs a log's segments on the disk says so during the tick (require): group commit for what the journal does not
// carry, a roll, the recovery step, the journal that wants its space back. At the tick's end flush() begins one round for each
// log that has a demand and none running: one fdatasync for each of its segments with unsynced bytes. The round covers what was written
// when it began, never what was still staged: a write and a sync queued together are not ordered. When all syncs of the
// round are good, syncedOffset moves, durableOffset with it, and every waiter below is served; the next flush() begins the next round.
//
// A failed sync is final: the kernel may have dropped the dirty pages and will call the next sync a success.

import { assert } from '../base/assert.ts';
import { Histogram, ShardCell } from '../base/counter-layout.ts';
import { ReusedList } from '../base/reused-list.ts';
import type { ShardCounters } from '../base/shard-counters.ts';
import { Ctl, Sq, SQ_SLOT_WORDS, SqField } from '../io/tick-layout.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { errnoOf } from '../io/disk-error.ts';
import type { Log } from './log.ts';
import { trimRolled } from './managed-segment.ts';
import { unpinSegment } from './segment-files.ts';
import type { Segment } from './segment.ts';

export interface SyncListener {
  onDurable(log: Log): void;
  /** syncedOffset moved. */
  onSegmentsSynced(log: Log): void;
}

export class LogSync {
  /** Rounds running. */
  running = 0;
  private readonly ring: TickRing;
  private readonly fs: FileSystem;
  private readonly counters: ShardCounters;
  private readonly listener: SyncListener;
  private readonly demanded = new ReusedList<Log>();

  constructor(ring: TickRing, fs: FileSystem, counters: ShardCounters, listener: SyncListener) {
    this.ring = ring;
    this.fs = fs;
    this.counters = counters;
    this.listener = listener;
  }

  /** Everything below `offset` shall be on the disk in its segments. */
  require(log: Log, offset: number): void {
    if (offset > log.demandOffset) log.demandOffset = offset;
    if (log.demanded) return;
    log.demanded = true;
    this.demanded.push(log);
  }

  /** Begin a round where one is wanted and can be had. */
  flush(): void {
    const demanded = this.demanded;
    let kept = 0;
    for (let i = 0; i < demanded.length; i++) {
      const log = demanded.at(i);
      if (!log.failed && !log.closed && log.syncsPending === 0 && log.demandOffset > log.syncedOffset) this.begin(log);
      if (log.failed || log.closed || log.demandOffset <= log.syncedOffset) log.demanded = false;
      else demanded.set(kept++, log);
    }
    demanded.truncate(kept);
  }

  /** One sync of a round ended. @returns 0, or the errno when the round is over and failed */
  onSynced(log: Log, result: number): number {
    assert(log.syncsPending > 0, 'a sync ends once', log.name);
    if (result < 0) log.syncErrno = -result;
    if (--log.syncsPending > 0) return 0;
    this.running--;
    this.counters.observe(Histogram.SYNC_US, this.counters.elapsedUs(log.syncBeganUs));
    if (log.syncErrno !== 0) this.counters.add(ShardCell.SYNC_FAILURES, 1);
    const segments = log.syncing;
    for (let i = 0; i < segments.length; i++) {
      const segment = segments.at(i);
      // Cut meanwhile: what was synced is no more than what is left.
      if (log.syncErrno === 0) {
        segment.syncedBytes = Math.max(segment.syncedBytes, Math.min(segment.syncingBytes, segment.writtenBytes));
        segment.durableBytes = Math.max(segment.durableBytes, segment.syncedBytes);
      }
      unpinSegment(this.fs, segment);
    }
    segments.clear();
    if (log.syncErrno !== 0) return log.syncErrno;
    if (log.closed || log.failed) return 0;
    try {
      // Before the recovery point can pass them.
      trimRolled(this.fs, log);
    } catch (error) {
      return errnoOf(error);
    }
    this.advance(log);
    return 0;
  }

  private begin(log: Log): void {
    const segments = log.segments;
    // A demand made by rolling ends at the new segment's base; its own bytes are not part of it.
    let covers = log.writtenOffset;
    let i = segments.length - 1;
    for (; i > 0 && segments[i]!.baseOffset >= log.demandOffset; i--) covers = Math.min(covers, segments[i]!.baseOffset);
    if (covers <= log.syncedOffset) return;
    log.syncCoversOffset = covers;
    log.syncErrno = 0;
    log.syncBeganUs = this.counters.tickBeganUs;
    log.dirtySinceMs = -1;
    for (; i >= 0; i--) {
      const segment = segments[i]!;
      if (segment.writtenBytes > segment.syncedBytes) this.submit(log, segment);
      if (segment.baseOffset <= log.syncedOffset) break;
    }
    if (log.syncsPending > 0) this.running++;
    else this.advance(log);
  }

  private submit(log: Log, segment: Segment): void {
    const ring = this.ring;
    if (ring.ctl[Ctl.SQ_COUNT] === ring.sqCapacity) ring.submit();
    const slot = ring.ctl[Ctl.SQ_COUNT]!;
    ring.ctl[Ctl.SQ_COUNT] = slot + 1;
    const at = slot * SQ_SLOT_WORDS;
    ring.sq[at + SqField.OP] = Sq.SYNC;
    ring.sq[at + SqField.FD] = segment.fd;
    ring.sq[at + SqField.TICKET] = log.ticket;
    segment.syncingBytes = segment.writtenBytes;
    segment.pins++;
    log.syncing.push(segment);
    log.syncsPending++;
  }

  private advance(log: Log): void {
    if (log.syncCoversOffset <= log.syncedOffset) return;
    log.syncedOffset = log.syncCoversOffset;
    this.listener.onSegmentsSynced(log);
    if (log.syncCoversOffset <= log.durableOffset) return;
    log.durableOffset = log.syncCoversOffset;
    this.listener.onDurable(log);
  }
}
