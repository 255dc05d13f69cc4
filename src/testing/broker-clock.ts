// BrokerClock: the time of a test broker, which goes by as outside, or stands still, and can be moved on. Owner: the test's
// thread. Not hot.
//
// Moving on goes from deadline to deadline, in a bounded number of steps, and lets the broker run after each: what one
// time-out starts (a rebalance and its own time-out) is over when advance() resolves, if its time has come too.

import type { Timers } from '../engine/base/clock.ts';
import { RinglogError } from '../embed/ringlog-error.ts';

/** Steps of one advance(): a jump of a week does not stop at every look of every second. */
const STEPS_MAX = 200;
/** The longest time setTimeout takes. */
const TIMEOUT_MAX_MS = 0x7fff_ffff;

interface Alarm {
  readonly atMs: number;
  readonly ring: () => void;
  timer: NodeJS.Timeout | null;
}

export class BrokerClock implements Timers {
  readonly #stands: boolean;
  readonly #alarms = new Set<Alarm>();
  readonly #epochMs: number;
  #offsetMs = 0;
  #moving = false;
  #moved: Promise<void> = Promise.resolve();
  readonly #waiting: (() => void)[] = [];

  /** @param stands moves by advance() alone */
  constructor(stands: boolean) {
    this.#stands = stands;
    this.#epochMs = Date.now() - (stands ? 0 : performance.now());
  }

  /** Milliseconds that only go forward. */
  monotonicMs(): number {
    return this.#offsetMs + (this.#stands ? 0 : performance.now());
  }

  /** What the broker takes the wall clock to be, in whole milliseconds. */
  wallMs(): number {
    return Math.floor(this.#epochMs + this.monotonicMs());
  }

  get now(): Date {
    return new Date(this.wallMs());
  }

  /** Move on; resolves when the broker has done what became due. @throws RinglogError INVALID_ARGUMENT */
  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) throw new RinglogError('INVALID_ARGUMENT', `advance(${ms}): time goes forward, in milliseconds`);
    const moved = this.#moved.then(() => this.#move(ms));
    this.#moved = moved;
    await moved;
  }

  /** Of the broker's own: while the clock is moved, what clients send has to wait, lest a heartbeat come between. */
  get moving(): boolean {
    return this.#moving;
  }

  whenStill(then: () => void): void {
    this.#waiting.push(then);
  }

  async #move(ms: number): Promise<void> {
    // What has come in is taken up before.
    await brokerTurn();
    const goal = this.#offsetMs + ms;
    const stepMs = ms / STEPS_MAX;
    this.#moving = true;
    while (this.#offsetMs < goal) {
      const toAlarmMs = this.#nextMs() - this.monotonicMs();
      this.#offsetMs = Math.min(goal, this.#offsetMs + Math.max(stepMs, toAlarmMs));
      this.#ringDue();
      await brokerTurn();
    }
    this.#moving = false;
    for (const then of this.#waiting.splice(0)) then();
    await brokerTurn();
  }

  /** `ring` is called at `atMs` (as monotonicMs() says) or soon after. @returns takes it back */
  at(atMs: number, ring: () => void): () => void {
    const alarm: Alarm = { atMs, ring, timer: null };
    this.#alarms.add(alarm);
    this.#wind(alarm);
    return () => this.#drop(alarm);
  }

  #wind(alarm: Alarm): void {
    if (alarm.timer !== null) clearTimeout(alarm.timer);
    if (this.#stands && alarm.atMs > this.monotonicMs()) return;
    const delayMs = Math.min(Math.max(Math.ceil(alarm.atMs - this.monotonicMs()), 0), TIMEOUT_MAX_MS);
    alarm.timer = setTimeout(() => this.#fire(alarm), delayMs);
  }

  #fire(alarm: Alarm): void {
    if (alarm.atMs > this.monotonicMs()) return this.#wind(alarm);
    this.#drop(alarm);
    alarm.ring();
  }

  #drop(alarm: Alarm): void {
    if (alarm.timer !== null) clearTimeout(alarm.timer);
    this.#alarms.delete(alarm);
  }

  #nextMs(): number {
    let nextMs = Infinity;
    for (const { atMs } of this.#alarms) nextMs = Math.min(nextMs, atMs);
    return nextMs;
  }

  #ringDue(): void {
    const nowMs = this.monotonicMs();
    for (const alarm of [...this.#alarms].sort((a, b) => a.atMs - b.atMs)) {
      if (alarm.atMs <= nowMs) this.#fire(alarm);
      else if (!this.#stands) this.#wind(alarm);
    }
  }
}

/** The tick that an alarm asked for has run, and the one that what it staged asked for. */
export async function brokerTurn(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
