// How long requests take, from the tick that brought them to the end of the tick that answers: there the answers go out.
// Owner: the shard's thread. @hot: two readings of the clock a tick, however many requests it answers.

import { Histogram, ShardCell } from '../../../engine/base/counter-layout.ts';
import type { ShardCounters } from '../../../engine/base/shard-counters.ts';
import { Ctl } from '../../../engine/io/tick-layout.ts';
import type { TickRing } from '../../../engine/io/tick-ring.ts';
import type { PendingRequest } from '../../../engine/purgatory/request-line.ts';

const FIRST_ROOM = 256;

export class RequestTimes {
  private readonly counters: ShardCounters;
  private readonly ring: TickRing;
  // Of this tick's answers.
  private keys = new Int32Array(FIRST_ROOM);
  private arrivals = new Int32Array(FIRST_ROOM);
  private count = 0;

  constructor(counters: ShardCounters, ring: TickRing) {
    this.counters = counters;
    this.ring = ring;
  }

  beginTick(): void {
    this.counters.tickBeganUs = this.nowUs();
  }

  noteCompletions(count: number): void {
    const { cells } = this.counters;
    if (count > cells[ShardCell.COMPLETIONS_MAX]!) cells[ShardCell.COMPLETIONS_MAX] = count;
  }

  arrived(request: PendingRequest, apiKey: number): void {
    request.apiKey = apiKey;
    request.arrivedUs = this.counters.tickBeganUs;
  }

  answered(request: PendingRequest): void {
    if (this.count === this.keys.length) this.grow();
    this.keys[this.count] = request.apiKey;
    this.arrivals[this.count++] = request.arrivedUs;
  }

  endTick(): void {
    const { counters, keys, arrivals, count } = this;
    const endUs = this.nowUs();
    for (let i = 0; i < count; i++) counters.observeRequest(keys[i]!, (endUs - arrivals[i]!) | 0);
    this.count = 0;
    counters.observe(Histogram.TICK_US, (endUs - counters.tickBeganUs) | 0);
  }

  /** Wraps as int32, so that it is no object. */
  private nowUs(): number {
    this.ring.stamp();
    return (this.ring.ctlF64[Ctl.STAMP_MS_F64]! * 1000) | 0;
  }

  private grow(): void {
    const keys = new Int32Array(this.keys.length * 2);
    keys.set(this.keys);
    this.keys = keys;
    const arrivals = new Int32Array(keys.length);
    arrivals.set(this.arrivals);
    this.arrivals = arrivals;
  }
}
