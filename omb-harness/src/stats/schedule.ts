// Schedule: the intended send times of one worker, fixed before anything is sent. Owner: the generator's thread. Hot.
//
// Time n of a phase is start + n / rate, computed from n each time: no rounded interval adds up to an error, and nothing
// that happens moves it. A new phase never erases what an earlier one still owes.

import type { Phase } from '../contracts/phase.ts';
import { CourseTimes } from './rate-course.ts';
import { SeededRandom } from './seeded-random.ts';

const NS_PER_SECOND = 1e9;
/** Ahead of everything. */
const NEVER = Infinity;

export interface Share {
  /** Which of the producing workers this is, of how many: time n belongs to worker n mod count. */
  readonly index: number;
  readonly count: number;
  readonly seed: number;
}

export class Schedule {
  private readonly share: Share;
  private readonly phases: Phase[] = [];
  private at = 0;
  /** The next index in the phase, of all workers together. */
  private n: number;
  private poissonNs = NEVER;
  private random: SeededRandom | null = null;
  /** Of the phase, where it has a course. */
  private times: CourseTimes | null = null;

  constructor(share: Share) {
    this.share = share;
    this.n = share.index;
  }

  announce(phase: Phase): void {
    const last = this.phases.at(-1);
    if (last !== undefined && (phase.id <= last.id || phase.startNs < last.startNs))
      throw new Error(`phase ${phase.id} at ${phase.startNs} comes before phase ${last.id} at ${last.startNs}`);
    this.phases.push(phase);
  }

  /** When the next record is due, Infinity when nothing is announced. */
  get dueNs(): number {
    for (;;) {
      const phase = this.phases[this.at];
      if (phase === undefined) return NEVER;
      const due = this.dueIn(phase);
      if (due < this.endOf(this.at)) return due;
      // More may still be announced for an open phase, and its end with it.
      if (due === NEVER && this.at === this.phases.length - 1) return NEVER;
      this.at++;
      this.n = this.share.index;
      this.poissonNs = NEVER;
      this.random = null;
      this.times = null;
    }
  }

  /** The phase of dueNs; call after dueNs. */
  get phaseId(): number {
    return this.phases[this.at]!.id;
  }

  /** Where the schedule stands, whatever is due; -1 before anything is announced. */
  get currentPhaseId(): number {
    return this.phases[Math.min(this.at, this.phases.length - 1)]?.id ?? -1;
  }

  /** The record at dueNs has been dealt with. */
  advance(): void {
    this.n += this.share.count;
    if (this.random === null) return;
    this.poissonNs += this.gapNs(this.phases[this.at]!);
  }

  private dueIn(phase: Phase): number {
    if (phase.ratePerSecond <= 0) return NEVER;
    if (phase.arrivals === 'periodic' && phase.course !== undefined)
      return phase.startNs + (this.times ??= new CourseTimes(phase.course)).secondsOf(this.n) * NS_PER_SECOND;
    if (phase.arrivals === 'periodic') return phase.startNs + (this.n * NS_PER_SECOND) / phase.ratePerSecond;
    if (this.random === null) {
      this.random = new SeededRandom(this.share.seed + phase.id);
      this.poissonNs = phase.startNs + this.gapNs(phase);
    }
    return this.poissonNs;
  }

  /** Workers' Poisson streams of a share of the rate each make one of the whole rate. */
  private gapNs(phase: Phase): number {
    return this.random!.exponential((NS_PER_SECOND * this.share.count) / phase.ratePerSecond);
  }

  private endOf(index: number): number {
    return Math.min(this.phases[index]!.endNs ?? NEVER, this.phases[index + 1]?.startNs ?? NEVER);
  }
}

/** The phase a time lies in: the last that began at or before it. -1 before all. */
export function phaseAt(phases: readonly Phase[], ns: number): number {
  for (let i = phases.length - 1; i >= 0; i--) if (ns >= phases[i]!.startNs) return phases[i]!.id;
  return -1;
}
