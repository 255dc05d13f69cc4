// Deadlines of parked operations: a hierarchical timing wheel of 1 ms ticks (Varghese and Lauck, 1987).
// Owner: the shard's thread. Hot: arming and cancelling are a few stores; entries are linked in place.
//
// Level 0 holds the next 256 ms, one bucket a millisecond; each further level is 256 times coarser. An entry falls to a
// finer level when its coarse bucket comes up. Four levels cover 49 days; later deadlines wait in the last bucket.

import { assert } from '../base/assert.ts';

const LEVELS = 4;
const BITS = 8;
const BUCKETS = 1 << BITS;
const MASK = BUCKETS - 1;
const SPAN_MAX_MS = 2 ** (LEVELS * BITS) - 1;

/** Something with a deadline. Extend it; it can be in at most one wheel at a time. */
export abstract class TimerEntry {
  deadlineMs = 0;
  timerPrevious: TimerEntry | null = null;
  timerNext: TimerEntry | null = null;
  /** Called once when the deadline has passed; the entry is already out of the wheel. */
  abstract onDeadline(): void;
}

class Bucket extends TimerEntry {
  constructor() {
    super();
    this.timerPrevious = this;
    this.timerNext = this;
  }
  override onDeadline(): void {
    assert(false, 'a bucket is not an entry');
  }
}

export class TimingWheel {
  /** Entries in the wheel. */
  size = 0;
  /** Everything due at or before this millisecond has fired. */
  private currentMs: number;
  private readonly buckets: Bucket[] = [];
  /** Earliest deadline that may be armed; only ever too early, never too late. */
  private earliestMs = Infinity;

  constructor(nowMs: number) {
    this.currentMs = Math.floor(nowMs);
    for (let i = 0; i < LEVELS * BUCKETS; i++) this.buckets.push(new Bucket());
  }

  /** Arm `entry` for `deadlineMs`; a deadline that has passed fires at the next advance(). */
  add(entry: TimerEntry, deadlineMs: number): void {
    assert(entry.timerNext === null, 'an entry is armed once');
    const deadline = Math.max(Math.ceil(deadlineMs), this.currentMs + 1);
    entry.deadlineMs = deadline;
    this.link(entry);
    this.size++;
    if (deadline < this.earliestMs) this.earliestMs = deadline;
  }

  /** Disarm; no effect when not armed. */
  cancel(entry: TimerEntry): void {
    const next = entry.timerNext;
    if (next === null) return;
    const previous = entry.timerPrevious!;
    previous.timerNext = next;
    next.timerPrevious = previous;
    entry.timerNext = null;
    entry.timerPrevious = null;
    this.size--;
    if (this.size === 0) this.earliestMs = Infinity;
  }

  /** When advance() should next be called: a lower bound on the earliest deadline, Infinity when empty. */
  nextDeadlineMs(): number {
    return this.size === 0 ? Infinity : this.earliestMs;
  }

  /** Fire everything due at `nowMs`. Entries may be added and cancelled by what fires. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs);
    if (this.size === 0) {
      if (target > this.currentMs) this.currentMs = target;
      return;
    }
    if (target < this.earliestMs) return;
    // Jump from one occupied bucket to the next: a quiet hour costs as much as a quiet millisecond.
    for (let next = this.findEarliest(); next <= target; next = this.findEarliest()) {
      this.currentMs = next;
      this.cascade();
      this.fire(this.buckets[this.currentMs & MASK]!);
    }
    if (target > this.currentMs) this.currentMs = target;
    this.earliestMs = this.findEarliest();
  }

  private link(entry: TimerEntry): void {
    const delta = Math.min(entry.deadlineMs - this.currentMs, SPAN_MAX_MS);
    const at = this.currentMs + delta;
    let level = 0;
    while (level < LEVELS - 1 && delta >= 2 ** ((level + 1) * BITS)) level++;
    const bucket = this.buckets[level * BUCKETS + (Math.floor(at / 2 ** (level * BITS)) & MASK)]!;
    const last = bucket.timerPrevious!;
    entry.timerPrevious = last;
    entry.timerNext = bucket;
    last.timerNext = entry;
    bucket.timerPrevious = entry;
  }

  /** When a finer level has come full circle, spread the coarser bucket now due over it. */
  private cascade(): void {
    for (let level = 1; level < LEVELS; level++) {
      const unit = 2 ** (level * BITS);
      if (this.currentMs % unit !== 0) return;
      const bucket = this.buckets[level * BUCKETS + (Math.floor(this.currentMs / unit) & MASK)]!;
      let entry = bucket.timerNext!;
      bucket.timerNext = bucket;
      bucket.timerPrevious = bucket;
      while (entry !== bucket) {
        const next = entry.timerNext!;
        this.link(entry);
        entry = next;
      }
    }
  }

  private fire(bucket: Bucket): void {
    while (bucket.timerNext !== bucket) {
      const entry = bucket.timerNext!;
      this.cancel(entry);
      entry.onDeadline();
    }
  }

  /** The first occupied bucket of the finest occupied level bounds every deadline from below. */
  private findEarliest(): number {
    if (this.size === 0) return Infinity;
    let earliest = Infinity;
    for (let level = 0; level < LEVELS; level++) {
      const unit = 2 ** (level * BITS);
      const base = Math.floor(this.currentMs / unit);
      for (let step = 1; step <= BUCKETS; step++) {
        const bucket = this.buckets[level * BUCKETS + ((base + step) & MASK)]!;
        if (bucket.timerNext === bucket) continue;
        earliest = Math.min(earliest, Math.max((base + step) * unit, this.currentMs + 1));
        break;
      }
    }
    return earliest;
  }
}
