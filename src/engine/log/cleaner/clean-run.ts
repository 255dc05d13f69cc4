// CleanRun: one cleaning of a log as the shard sees it: what it asks for, and what it does with the answer. Owner: the
// shard's thread. Not hot. While a run is on, it holds the log's closed segments in place.

import { errnoOf } from '../../io/disk-error.ts';
import { isLost, saveDamage } from '../damage-file.ts';
import type { Log } from '../log.ts';
import type { LogTable } from '../log-table.ts';
import type { CleanedLog, CleanJob } from './clean-job.ts';
import type { CleanableRange } from './cleanable-range.ts';
import { removeCleaned } from './cleaned-segment-writer.ts';
import { swapSegments } from './segment-swap.ts';

export class CleanRun {
  readonly log: Log;
  readonly job: CleanJob;
  /** The log is being changed: what fails now leaves it in between. */
  swapping = false;
  private readonly table: LogTable;
  private readonly generation: number;

  constructor(table: LogTable, log: Log, range: CleanableRange, nowMs: number) {
    this.table = table;
    this.log = log;
    this.generation = log.generation;
    this.job = jobOf(log, range, nowMs);
    log.holds++;
  }

  /**
   * False when the log is not what it was, is being read by somebody, or lost bytes of a source meanwhile, which must not go
   * unseen: nothing has changed then, the run was for nothing.
   */
  swapIn(cleaned: CleanedLog): boolean {
    const { log, table } = this;
    if (log.closed || log.failed) return false;
    const sources = log.segments.slice(0, this.job.sources.length);
    if (log.generation !== this.generation || log.holds > 1 || sources.some(isLost)) {
      for (const { baseOffset } of cleaned.segments) removeCleaned(table.fs, log.dir, baseOffset);
      return false;
    }
    this.swapping = true;
    try {
      swapSegments(table, log, cleaned.segments);
      // Positions of holes in the sources are not those of what stands for them.
      if (sources.some(({ damage }) => damage !== null)) saveDamage(table.fs, log);
    } catch (error) {
      table.failDirectory(log.dir.slice(0, log.dir.lastIndexOf('/')), errnoOf(error));
      throw error;
    }
    this.swapping = false;
    return true;
  }

  /** Whatever came of it. */
  end(): void {
    this.log.holds--;
  }
}

function jobOf(log: Log, range: CleanableRange, nowMs: number): CleanJob {
  const { config, segments } = log;
  return {
    dir: log.dir,
    sources: segments.slice(0, range.segmentCount).map((segment, i) => ({
      baseOffset: segment.baseOffset,
      sizeBytes: segment.writtenBytes,
      nextBaseOffset: segments[i + 1]!.baseOffset,
      holes: (segment.damage ?? []).map(({ startPosition, endPosition }) => ({ startPosition, endPosition })),
    })),
    allBases: segments.map(({ baseOffset }) => baseOffset),
    firstDirtyOffset: range.firstDirtyOffset,
    endOffset: range.endOffset,
    producers: [...log.producers.entries.values()].map(({ producerId, epoch, lastOffset }) => ({
      producerId,
      producerEpoch: epoch,
      lastOffset,
    })),
    nowMs,
    deleteRetentionMs: config.deleteRetentionMs,
    segmentBytes: config.segmentBytes,
    segmentIndexBytes: config.segmentIndexBytes,
    indexIntervalBytes: config.indexIntervalBytes,
  };
}
