// A consumer that stands still because it was told to, or because it took more than its rate allows. Owner: the load's thread.
// Warm: once a record.

import type { Clock } from '../contracts/clock.ts';
import type { JsConsumer } from '../contracts/js-client.ts';

/** Ahead of its rate by more than this, it stands still until it is not. */
const AHEAD_NS = 50e6;

export class HeldConsumer {
  /** null until it is open: records may come before. */
  consumer: JsConsumer | null = null;
  private readonly gapNs: number;
  private readonly clock: Clock;
  private allowedNs = 0;
  private told = false;
  private waiting = false;
  private closed = false;

  constructor(ratePerSecond: number | null, clock: Clock) {
    this.gapNs = ratePerSecond === null ? 0 : 1e9 / ratePerSecond;
    this.clock = clock;
  }

  /** One record more. */
  took(): void {
    if (this.gapNs === 0) return;
    const now = this.clock.nowNs();
    this.allowedNs = Math.max(this.allowedNs, now) + this.gapNs;
    if (this.waiting || this.consumer === null || this.allowedNs - now <= AHEAD_NS) return;
    this.waiting = true;
    this.consumer.pause();
    void this.clock.sleepUntil(this.allowedNs).then(() => this.goOn());
  }

  hold(told: boolean): void {
    this.told = told;
    if (told) this.consumer!.pause();
    else if (!this.waiting) this.consumer!.resume();
  }

  close(): Promise<void> {
    this.closed = true;
    return this.consumer!.close();
  }

  private goOn(): void {
    const now = this.clock.nowNs();
    // What was on its way when it was told to stop has come since.
    if (!this.closed && this.allowedNs - now > AHEAD_NS) {
      void this.clock.sleepUntil(this.allowedNs).then(() => this.goOn());
      return;
    }
    this.waiting = false;
    if (!this.told && !this.closed) this.consumer!.resume();
  }
}
