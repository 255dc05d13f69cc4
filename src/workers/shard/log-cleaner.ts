// LogCleaner: which of a shard's compacted logs is cleaned next, and what becomes of it. Owner: the shard's thread. Not hot:
// a look every log.cleaner.backoff.ms, and after each cleaning. The work itself is done elsewhere (BackgroundWork).
//
// The log with the greatest share of dirty bytes goes first, among those past min.cleanable.dirty.ratio or, whatever their
// ratio, past max.compaction.lag.ms. Where bytes are damaged a log is cleaned up to that segment and no further, until a
// restart; after any other failure (disk full, a thread that died) it is tried again, after longer and longer.

import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { isDiskError } from '../../engine/io/disk-error.ts';
import { cleanableRange, type CleanableRange } from '../../engine/log/cleaner/cleanable-range.ts';
import type { CleanJob, CleanOutcome } from '../../engine/log/cleaner/clean-job.ts';
import { CleanRun } from '../../engine/log/cleaner/clean-run.ts';
import type { Log } from '../../engine/log/log.ts';
import { highWatermark, lastStableOffset, type Partition } from '../../engine/partition/partition.ts';
import { TimerEntry } from '../../engine/purgatory/timing-wheel.ts';

/** Done off the shard's thread. */
export interface BackgroundWork {
  clean(job: CleanJob): Promise<CleanOutcome>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

export interface CleanerLog {
  cleanFailed(partition: string, reason: string, retryMs: number): void;
  uncleanable(partition: string, reason: string): void;
}

interface Candidate {
  readonly log: Log;
  readonly range: CleanableRange;
}

interface Failures {
  count: number;
  retryAtMs: number;
}

const RETRY_DOUBLINGS_MAX = 8;

/** Since the start, of one shard. */
export interface CleanerStats {
  /** Swapped in. */
  cleanings: number;
  /** Tried again later. */
  failures: number;
  /** Ended at a batch that is not what was written. */
  corrupt: number;
  readBytes: number;
  writtenBytes: number;
  droppedRecords: number;
}

export class LogCleaner extends TimerEntry {
  readonly stats: CleanerStats = { cleanings: 0, failures: 0, corrupt: 0, readBytes: 0, writtenBytes: 0, droppedRecords: 0 };
  private readonly broker: ShardBroker;
  private readonly background: BackgroundWork;
  private readonly log: CleanerLog;
  private readonly backoffMs: number;
  /** Cleanings at the same time. */
  private readonly runsMax: number;
  /** Directories being cleaned: a topic deleted and made again must not meet the files of the cleaning before. */
  private readonly running = new Set<string>();
  private readonly failures = new WeakMap<Log, Failures>();
  private stopped = false;

  constructor(broker: ShardBroker, background: BackgroundWork, log: CleanerLog) {
    super();
    this.broker = broker;
    this.background = background;
    this.log = log;
    const { config, identity } = broker;
    this.backoffMs = config['log.cleaner.backoff.ms'];
    this.runsMax = Math.ceil(config['log.cleaner.threads'] / identity.shardCount);
    this.stopped = !config['log.cleaner.enable'];
    if (!this.stopped) broker.wheel.add(this, broker.nowMs() + this.backoffMs);
  }

  stop(): void {
    this.stopped = true;
    this.broker.wheel.cancel(this);
  }

  override onDeadline(): void {
    if (this.stopped) return;
    this.look();
    this.broker.wheel.add(this, this.broker.nowMs() + this.backoffMs);
  }

  private look(): void {
    while (!this.stopped && this.running.size < this.runsMax) {
      const next = this.dirtiest();
      if (next === null) return;
      void this.clean(next);
    }
  }

  private dirtiest(): Candidate | null {
    let best: Candidate | null = null;
    for (const partition of this.broker.partitionByTicket) {
      if (partition == null || !this.isCandidate(partition.log)) continue;
      const range = this.rangeOf(partition);
      if (range === null || (range.dirtyRatio <= partition.log.config.minCleanableDirtyRatio && !range.isOverdue)) continue;
      if (best === null || range.dirtyRatio > best.range.dirtyRatio) best = { log: partition.log, range };
    }
    return best;
  }

  private isCandidate(log: Log): boolean {
    if (!log.config.cleanupCompact || log.failed || log.closed || log.holds > 0) return false;
    return !this.running.has(log.dir) && (this.failures.get(log)?.retryAtMs ?? 0) <= this.broker.nowMs();
  }

  private rangeOf(partition: Partition): CleanableRange | null {
    const stable = Math.min(highWatermark(partition), lastStableOffset(partition));
    return cleanableRange(this.broker.logs, partition.log, stable, this.broker.wallMs());
  }

  private async clean({ log, range }: Candidate): Promise<void> {
    const { broker, running } = this;
    const run = new CleanRun(broker.logs, log, range, broker.wallMs());
    const { dir } = run.job;
    running.add(dir);
    try {
      await this.carryOut(run);
      this.failures.delete(log);
    } catch (error) {
      // Not the disk's doing (that takes its directory offline): a log left in between by a mistake of ours ends the shard.
      if (run.swapping && !isDiskError(error)) throw error;
      if (!this.stopped && !log.closed) this.onFailed(log, error as Error);
    } finally {
      running.delete(dir);
      run.end();
    }
    this.look();
  }

  private async carryOut(run: CleanRun): Promise<void> {
    const { log } = run;
    const outcome = await this.background.clean(run.job);
    if (this.stopped || log.closed) return;
    if (outcome.kind === 'corrupt') {
      this.stats.corrupt++;
      log.uncleanableBase = outcome.baseOffset;
      this.log.uncleanable(log.name, outcome.reason);
      return;
    }
    this.stats.readBytes += outcome.readBytes;
    this.stats.writtenBytes += outcome.writtenBytes;
    if (!run.swapIn(outcome)) throw new Error('the log was changed or read meanwhile');
    // Before the checkpoint may say that it is clean, a power cut must not bring the old segments back.
    await this.background.syncDirectory(log.dir);
    log.firstDirtyOffset = outcome.cleanedToOffset;
    this.stats.cleanings++;
    this.stats.droppedRecords += outcome.droppedRecords;
  }

  private onFailed(log: Log, error: Error): void {
    const count = (this.failures.get(log)?.count ?? 0) + 1;
    this.stats.failures++;
    const retryMs = this.backoffMs * 2 ** Math.min(count, RETRY_DOUBLINGS_MAX);
    this.failures.set(log, { count, retryAtMs: this.broker.nowMs() + retryMs });
    this.log.cleanFailed(log.name, error.message, retryMs);
  }
}
