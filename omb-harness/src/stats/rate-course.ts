// A rate that changes along a line from point to point: when the n-th record is due, how many come in a time, and the list of
// a workload file as such a course. Owner: the generator's thread. Hot: CourseTimes.secondsOf.

import type { RateCourse } from '../contracts/phase.ts';
import type { RateList } from '../contracts/workload.ts';

const DAY_MINUTES = 24 * 60;

/** native/schedule.cc computes the same. */
export class CourseTimes {
  private readonly course: RateCourse;
  private at = 0;
  /** Records due before the point `at`. */
  private before = 0;

  constructor(course: RateCourse) {
    this.course = course;
  }

  /** Seconds since the beginning; Infinity: never. `n` does not fall from call to call. */
  secondsOf(n: number): number {
    for (;;) {
      const { atSeconds, ratePerSecond: rate } = this.course[this.at]!;
      const next = this.course[this.at + 1];
      const left = n - this.before;
      if (next === undefined) return rate === 0 ? Infinity : atSeconds + left / rate;
      const length = next.atSeconds - atSeconds;
      const records = (length * (rate + next.ratePerSecond)) / 2;
      // Where the area below the line is as large as that.
      if (left === 0 && records > 0) return atSeconds;
      if (left < records) {
        const slope = (next.ratePerSecond - rate) / length;
        return atSeconds + (2 * left) / (rate + Math.sqrt(Math.max(0, rate * rate + 2 * slope * left)));
      }
      this.before += records;
      this.at++;
    }
  }
}

/** @param clock minutes since midnight at which the course begins */
export function courseOf({ since, points }: RateList, clock: number, seconds: number): RateCourse {
  const first = points[0]!;
  const last = points.at(-1)!;
  // By the clock, a day leads to the next; else the first rate was there before, and the last stays.
  const days =
    since === 'beginning' ? [0] : Array.from({ length: Math.ceil((clock * 60 + seconds) / (DAY_MINUTES * 60)) + 2 }, (_, i) => i - 1);
  const all = days.flatMap((day) => points.map(({ minute, ratePerSecond }) => ({ minute: minute + day * DAY_MINUTES, ratePerSecond })));
  const begins = since === 'beginning' ? 0 : clock;
  const before = all.findLast(({ minute }) => minute <= begins) ?? { minute: begins, ratePerSecond: first.ratePerSecond };
  const after = all.filter(({ minute }) => minute > begins);
  const next = after[0] ?? { minute: begins + 1, ratePerSecond: last.ratePerSecond };
  const share = (begins - before.minute) / (next.minute - before.minute);
  const ratePerSecond = before.ratePerSecond + share * (next.ratePerSecond - before.ratePerSecond);
  const later = after.map((point) => ({ atSeconds: (point.minute - begins) * 60, ratePerSecond: point.ratePerSecond }));
  return [{ atSeconds: 0, ratePerSecond }, ...later.filter((_, i) => i === 0 || later[i - 1]!.atSeconds < seconds)];
}

export function meanRate(course: RateCourse, seconds: number): number {
  let records = 0;
  for (const [i, { atSeconds, ratePerSecond: rate }] of course.entries()) {
    if (atSeconds >= seconds) break;
    const next = course[i + 1];
    const length = Math.min(next?.atSeconds ?? seconds, seconds) - atSeconds;
    const slope = next === undefined ? 0 : (next.ratePerSecond - rate) / (next.atSeconds - atSeconds);
    records += length * (rate + (slope * length) / 2);
  }
  return records / seconds;
}
