// What a shard does by the clock: syncs of what has been dirty for long, wishes for checkpoints, retention, expiry of idle
// producers.
// Owner: the shard's thread. Not hot: a look every interval, over all logs.

import type { ShardBroker } from '../../engine/broker/shard-broker.ts';
import { unpublishedBytes } from '../../engine/log/log-checkpoints.ts';
import { retainLog } from '../../engine/log/retention.ts';
import { highWatermark } from '../../engine/partition/partition.ts';
import { TimerEntry } from '../../engine/purgatory/timing-wheel.ts';

const LOOK_MS = 1000;
/** Looks may come far more often, with ringlog.fsync.interval.ms. */
const STATE_MS = 900;

export class Housekeeping extends TimerEntry {
  private readonly broker: ShardBroker;
  private readonly openMissing: () => void;
  private readonly state: () => void;
  private readonly lookMs: number;
  private nextRetentionMs: number;
  private readonly checkpointDue: () => void;
  private nextStateMs = 0;
  private stopped = false;

  /**
   * @param openMissing tries to open what found no room before
   * @param state writes what the counters say of the moment
   */
  constructor(broker: ShardBroker, checkpointDue: () => void, openMissing: () => void, state: () => void) {
    super();
    this.broker = broker;
    this.checkpointDue = checkpointDue;
    this.openMissing = openMissing;
    this.state = state;
    const { config } = broker;
    this.lookMs = broker.fsync === 'interval' ? Math.min(LOOK_MS, config['ringlog.fsync.interval.ms']) : LOOK_MS;
    this.nextRetentionMs = broker.nowMs() + config['log.initial.task.delay.ms'];
    broker.wheel.add(this, broker.nowMs() + this.lookMs);
  }

  stop(): void {
    this.stopped = true;
    this.broker.logs.scrub.stop();
    this.broker.wheel.cancel(this);
  }

  override onDeadline(): void {
    if (this.stopped) return;
    const { broker } = this;
    // flush.ms of each log counts under every policy.
    broker.logs.requireAged(broker.fsync === 'interval' ? broker.config['ringlog.fsync.interval.ms'] : Infinity);
    if (unpublishedBytes(broker.logs) >= broker.logs.recoveryStepBytes) this.checkpointDue();
    if (broker.nowMs() >= this.nextRetentionMs) this.retain();
    this.openMissing();
    broker.logs.scrub.look(broker.nowMs());
    if (broker.nowMs() >= this.nextStateMs) {
      this.nextStateMs = broker.nowMs() + STATE_MS;
      this.state();
    }
    broker.wheel.add(this, broker.nowMs() + this.lookMs);
  }

  private retain(): void {
    const { broker } = this;
    const { config } = broker;
    this.nextRetentionMs = broker.nowMs() + config['log.retention.check.interval.ms'];
    for (const partition of broker.partitionByTicket) {
      if (partition == null) continue;
      const { log } = partition;
      if (retainLog(broker.logs, log, broker.wallMs(), highWatermark(partition)) > 0) broker.touchPartition(partition);
      log.producers.expire(broker.wallMs(), config['producer.id.expiration.ms'], config['ringlog.http.idempotency.window.ms']);
    }
  }
}
