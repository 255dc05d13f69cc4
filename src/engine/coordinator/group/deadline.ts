// Deadline: one timer of a group, armed again and again. Owner: the shard's thread. Not hot: groups move in seconds.

import { TimerEntry, type TimingWheel } from '../../purgatory/timing-wheel.ts';

export class Deadline extends TimerEntry {
  private readonly wheel: TimingWheel;
  private readonly action: () => void;

  constructor(wheel: TimingWheel, action: () => void) {
    super();
    this.wheel = wheel;
    this.action = action;
  }

  /** Replaces what was armed before. */
  arm(atMs: number): void {
    this.wheel.cancel(this);
    this.wheel.add(this, atMs);
  }

  cancel(): void {
    this.wheel.cancel(this);
  }

  override onDeadline(): void {
    this.action();
  }
}
