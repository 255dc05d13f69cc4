// A rate along a line: what is due by any time is the area below it, and a list by the clock goes round with the days.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RateCourse } from '../../src/contracts/phase.ts';
import { courseOf, meanRate } from '../../src/stats/rate-course.ts';
import { Schedule } from '../../src/stats/schedule.ts';

const courseArb = fc
  .tuple(
    fc.integer({ min: 1, max: 500 }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 500 })), { maxLength: 5 }),
  )
  .map(([first, steps]): RateCourse => {
    let atSeconds = 0;
    return [
      { atSeconds, ratePerSecond: first },
      ...steps.map(([gap, ratePerSecond]) => ({ atSeconds: (atSeconds += gap), ratePerSecond })),
    ];
  });

/** The area, by many thin slices: another way than the code's. */
function areaUntil(course: RateCourse, seconds: number): number {
  const slices = 4000;
  let area = 0;
  for (let i = 0; i < slices; i++) {
    const at = ((i + 0.5) * seconds) / slices;
    const k = course.findLastIndex(({ atSeconds }) => atSeconds <= at);
    const [from, to] = [course[k]!, course[k + 1] ?? { ...course[k]!, atSeconds: Infinity }];
    const share = to.atSeconds === Infinity ? 0 : (at - from.atSeconds) / (to.atSeconds - from.atSeconds);
    area += ((from.ratePerSecond + share * (to.ratePerSecond - from.ratePerSecond)) * seconds) / slices;
  }
  return area;
}

function timesOf(course: RateCourse, index: number, count: number, seconds: number): number[] {
  const schedule = new Schedule({ index, count, seed: 1 });
  const phase = { id: 0, label: 'measured', startNs: 1e9, endNs: 1e9 + seconds * 1e9, ratePerSecond: 1, arrivals: 'periodic' } as const;
  schedule.announce({ ...phase, course });
  const times: number[] = [];
  for (let due = schedule.dueNs; due < Infinity; due = schedule.dueNs) {
    times.push((due - 1e9) / 1e9);
    schedule.advance();
  }
  return times;
}

test('the n-th record of all workers together is due where the area below the line is n', () => {
  fc.assert(
    fc.property(courseArb, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 }), (course, workers, seconds) => {
      const times = Array.from({ length: workers }, (_, index) => timesOf(course, index, workers, seconds))
        .flat()
        .sort((a, b) => a - b);
      const whole = areaUntil(course, seconds);
      expect(Math.abs(times.length - whole)).toBeLessThan(2 + whole * 1e-3);
      expect(Math.abs(meanRate(course, seconds) * seconds - whole)).toBeLessThan(1 + whole * 1e-3);
      for (let n = 0; n < times.length; n += Math.ceil(times.length / 7))
        expect(Math.abs(areaUntil(course, times[n]!) - n)).toBeLessThan(1 + n * 1e-3);
    }),
    { numRuns: 40 },
  );
});

test('a list since the beginning holds its first rate until then and its last after; one by the clock goes round', () => {
  const points = [
    { minute: 10, ratePerSecond: 100 },
    { minute: 20, ratePerSecond: 200 },
  ];
  const since = courseOf({ since: 'beginning', points }, 777, 3600);
  expect(since).toEqual([
    { atSeconds: 0, ratePerSecond: 100 },
    { atSeconds: 600, ratePerSecond: 100 },
    { atSeconds: 1200, ratePerSecond: 200 },
  ]);
  // What is not reached is not there.
  expect(courseOf({ since: 'beginning', points }, 0, 60)).toHaveLength(2);
  const day = [
    { minute: 0, ratePerSecond: 0 },
    { minute: 12 * 60, ratePerSecond: 720 },
  ];
  // At six in the evening it is half way down to midnight.
  const clock = courseOf({ since: 'midnight', points: day }, 18 * 60, 24 * 3600);
  expect(clock[0]).toEqual({ atSeconds: 0, ratePerSecond: 360 });
  expect(clock.slice(1, 3)).toEqual([
    { atSeconds: 6 * 3600, ratePerSecond: 0 },
    { atSeconds: 18 * 3600, ratePerSecond: 720 },
  ]);
  expect(meanRate(clock, 24 * 3600)).toBeCloseTo(360, 6);
});
