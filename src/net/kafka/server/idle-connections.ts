// Closes connections that have been silent for `connections.max.idle.ms`. Owner: the shard's thread. Not hot: a look at
// every connection now and then; a frame costs its connection one store.

import type { ShardBroker } from '../../../engine/broker/shard-broker.ts';
import { TimerEntry } from '../../../engine/purgatory/timing-wheel.ts';
import type { Connection } from './connection.ts';

/** A limit is overrun by no more than this, or by a fourth of it. */
const LOOK_MS_MAX = 10_000;

export class IdleConnections extends TimerEntry {
  private readonly connections: readonly (Connection | null)[];
  private readonly close: (connection: Connection) => void;
  private readonly broker: ShardBroker;
  private readonly lookMs: number;
  private readonly looksMax: number;

  constructor(broker: ShardBroker, connections: readonly (Connection | null)[], close: (connection: Connection) => void) {
    super();
    const limitMs = broker.config['connections.max.idle.ms'];
    this.connections = connections;
    this.close = close;
    this.broker = broker;
    this.lookMs = Math.min(LOOK_MS_MAX, Math.max(1, Math.ceil(limitMs / 4)));
    // The first look may come right after a frame, so it does not count.
    this.looksMax = Math.ceil(limitMs / this.lookMs) + 1;
    // Below zero nothing is closed.
    if (limitMs >= 0) broker.wheel.add(this, broker.nowMs() + this.lookMs);
  }

  override onDeadline(): void {
    for (const connection of this.connections) {
      if (connection == null || connection.closing) continue;
      // Who waits for an answer is not idle, nor right after it came.
      if (connection.line.length > 0) connection.silentLooks = 0;
      else if (++connection.silentLooks >= this.looksMax) this.close(connection);
    }
    // From now on, not from the deadline: looks are not made up for, each follows a tick that read what has come.
    this.broker.wheel.add(this, this.broker.nowMs() + this.lookMs);
  }
}
