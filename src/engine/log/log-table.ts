// LogTable: the logs one shard owns, and the receiver of what the reactor did to their files. Owner: the shard's thread.
// Hot: onAppended(), onSynced(), onSent(), requireDurable(), flush(). Opening and closing are not.

import type { Clock } from '../base/clock.ts';
import { systemUuidSource, type UuidSource } from '../base/uuid.ts';
import type { FileSystem } from '../io/file-system.ts';
import type { TickRing } from '../io/tick-ring.ts';
import { AppendChains } from './append-chains.ts';
import type { LogConfig } from './log-config.ts';
import type { Log } from './log.ts';

export interface LogListener {
  /** writtenOffset moved. */
  onWritten(log: Log): void;
  /** durableOffset moved. */
  onDurable(log: Log): void;
  /** Batches staged at or above writtenOffset were dropped (ENOSPC), or the log failed for good (log.failed). */
  onFailed(log: Log, errno: number): void;
  /** A read that planRead() answered with WAIT_IO may be tried again. */
  onReadable(log: Log): void;
}

export interface OpenOptions {
  /** From the checkpoint: everything below was on the disk. */
  readonly recoveryPoint: number;
  /** The last stop was clean: nothing is scanned. */
  readonly clean: boolean;
  /** From the checkpoint; 0 when it has none. */
  readonly logStartOffset: number;
  readonly leaderEpoch: number;
  readonly topicId: string;
  readonly nowMs: number;
}

export class LogTable {
  readonly ring: TickRing;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly listener: LogListener;
  readonly uuids: UuidSource;
  /** By ticket; null where a log was closed. */
  readonly logs: (Log | null)[] = [];
  readonly chains = new AppendChains();
  /** Where the batch of the last AppendFault.DUPLICATE is stored. */
  duplicateBaseOffset = -1;
  duplicateEndOffset = -1;
  duplicateTimestamp = -1;

  constructor(ring: TickRing, fs: FileSystem, clock: Clock, listener: LogListener, uuids: UuidSource = systemUuidSource) {
    this.ring = ring;
    this.fs = fs;
    this.clock = clock;
    this.listener = listener;
    this.uuids = uuids;
  }

  open(dir: string, name: string, config: LogConfig, options: OpenOptions): Log {
    void [dir, name, config, options];
    throw new Error('not written yet');
  }

  remove(log: Log): void {
    void log;
  }

  close(log: Log): void {
    void log;
  }

  closeAll(): void {}

  onAppended(ticket: number, result: number): void {
    void [ticket, result];
  }

  onSynced(ticket: number, result: number): void {
    void [ticket, result];
  }

  onReadDone(ticket: number, result: number): void {
    void [ticket, result];
  }

  onSent(leaseTicket: number): void {
    void leaseTicket;
  }

  /** Someone waits until everything staged so far is on the disk. */
  requireDurable(log: Log): void {
    void log;
  }

  /** End of tick: begin a sync where one is wanted and none is in flight. */
  flush(): void {}

  get pendingAppends(): number {
    return this.chains.pending;
  }

  /** Appends, syncs, reads or leases are in flight. */
  get isBusy(): boolean {
    return this.chains.pending > 0;
  }
}
