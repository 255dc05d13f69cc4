// VirtualClock: time that a test makes pass, a step a turn of the event loop, so that a run of minutes takes seconds and gives
// the same figures on a machine of any speed. Owner: the test's thread.

import type { Clock } from '../../src/contracts/clock.ts';

interface Sleeper {
  readonly ns: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  private readonly stepNs: number;
  private readonly deaf: boolean;
  /** The next to wake is the last. */
  private readonly sleepers: Sleeper[] = [];
  private now = 1e12;
  private running = true;

  /**
   * @param stepNs what passes while whoever polls is away: one turn of its loop
   * @param deaf whoever sleeps is woken at the end of a step only, however long it is: nobody here gets a core in between
   */
  constructor(stepNs: number, deaf = false) {
    this.stepNs = stepNs;
    this.deaf = deaf;
    setImmediate(() => this.turn());
  }

  nowNs(): number {
    return this.now;
  }

  sleepUntil(ns: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true || ns <= this.now) return resolve();
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.at(ns, wake);
      signal?.addEventListener('abort', wake);
    });
  }

  /** Of the same time, in the order asked for. */
  at(ns: number, wake: () => void): void {
    let at = this.sleepers.length;
    while (at > 0 && this.sleepers[at - 1]!.ns <= ns) at--;
    this.sleepers.splice(at, 0, { ns, wake });
  }

  stop(): void {
    this.running = false;
  }

  /** Up to the next that sleeps, and no farther than a step: what is woken sees its own time. */
  private turn(): void {
    const next = this.deaf ? Infinity : Math.max(this.now, this.sleepers.at(-1)?.ns ?? Infinity);
    const untilNs = Math.min(this.now + this.stepNs, next);
    this.now = untilNs;
    while (this.sleepers.length > 0 && this.sleepers.at(-1)!.ns <= untilNs) this.sleepers.pop()!.wake();
    if (this.running) setImmediate(() => this.turn());
  }
}
