// What a sweep claims of its dials is what was put into the figures, and nothing else is claimed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { effectsOf, type Observation } from '../../src/stats/effects.ts';
import { dominance } from '../../src/stats/pareto.ts';
import { SeededRandom } from '../../src/stats/seeded-random.ts';

const dials = { acks: ['1', 'all'], linger: ['0', '5', '20'], storage: ['page-cache', 'managed'] };
type Levels = { acks: string; linger: string; storage: string };

/** Costs 10, twice that with acks=all, half with linger 20; managed with acks=all 1.5 times more than both alone. */
function cost({ acks, linger, storage }: Levels, together: number): number {
  return 10 * (acks === 'all' ? 2 : 1) * (linger === '20' ? 0.5 : 1) * (acks === 'all' && storage === 'managed' ? together : 1);
}

function observed(together: number, noise: number, runs: number, keep: (at: number) => boolean = () => true): Observation[] {
  const random = new SeededRandom(11);
  const all = dials.acks.flatMap((acks) =>
    dials.linger.flatMap((linger) => dials.storage.map((storage): Levels => ({ acks, linger, storage }))),
  );
  return all
    .filter((_, at) => keep(at))
    .map((levels) => ({
      levels: { ...levels },
      values: Array.from({ length: runs }, () => cost(levels, together) * (1 - noise + 2 * noise * random.next())),
    }));
}

const ratio = (found: NonNullable<ReturnType<typeof effectsOf>>, dial: string, one: string, other: string): number => {
  const factor = (level: string): number => found.main.find((effect) => effect.dial === dial && effect.level === level)!.factor;
  return factor(other) / factor(one);
};

test('main effects are what was put in, for all combinations and for a sample of them', () => {
  for (const keep of [() => true, (at: number) => at % 5 !== 0]) {
    const found = effectsOf(observed(1, 0, 1, keep), dials)!;
    expect(ratio(found, 'acks', '1', 'all')).toBeCloseTo(2, 5);
    expect(ratio(found, 'linger', '0', '5')).toBeCloseTo(1, 5);
    expect(ratio(found, 'linger', '5', '20')).toBeCloseTo(0.5, 5);
    expect(ratio(found, 'storage', 'page-cache', 'managed')).toBeCloseTo(1, 5);
    expect(found.explained).toBeCloseTo(1, 5);
    expect(found.main[0]!.interval).toBeNull();
  }
});

test('what two dials do together is found, with the pair at the top; without it nothing is claimed', () => {
  const found = effectsOf(observed(1.5, 0.02, 5), dials)!;
  expect(Object.keys(found.pairs[0]!.levels).sort()).toEqual(['acks', 'storage']);
  const [low, high] = found.pairs[0]!.interval!;
  expect(low > 1 || high < 1).toBe(true);
  const none = effectsOf(observed(1, 0.02, 5), dials)!;
  for (const { factor } of none.pairs) expect(Math.abs(Math.log(factor))).toBeLessThan(0.05);
  const storage = none.main.find(({ level }) => level === 'managed')!;
  expect(storage.interval![0]).toBeLessThan(1);
  expect(storage.interval![1]).toBeGreaterThan(1);
});

test('where all combinations give the same there is nothing to explain', () => {
  const same = observed(1, 0, 1).map(({ levels }, at) => ({ levels, values: [5.12 * (1 + (at % 3) * 1e-6)] }));
  expect(effectsOf(same, dials)!.explained).toBeNull();
});

test('fewer combinations than unknowns tell nothing, nor do dials that always turn together', () => {
  expect(effectsOf(observed(1, 0, 1).slice(0, 4), dials)).toBeNull();
  const tied = ['0', '1', '0', '1'].map((level) => ({ levels: { a: level, b: level }, values: [Number(level) + 1] }));
  expect(effectsOf(tied, { a: ['0', '1'], b: ['0', '1'] })).toBeNull();
});

test('the front is what nothing beats; what is beaten is beaten by what it says', () => {
  const point = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }));
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), (points) => {
      const things = points.map(([rate, tail], at) => ({
        id: String(at),
        values: [rate, tail].map((median) => ({ median, low: median, high: median })),
      }));
      const found = dominance(things, ['higher', 'lower']);
      const beats = (a: number, b: number): boolean => {
        const [one, other] = [points[a]!, points[b]!];
        return one[0] >= other[0] && one[1] <= other[1] && (one[0] > other[0] || one[1] < other[1]);
      };
      for (const [at] of points.entries()) {
        const by = found.get(String(at))!;
        if (by === null) expect(points.some((_, other) => beats(other, at))).toBe(false);
        else expect(beats(Number(by.by), at)).toBe(true);
      }
      expect([...found.values()]).toContain(null);
    }),
  );
});

test('better by less than the intervals is not beyond the noise', () => {
  const spread = (median: number, width: number) => ({ median, low: median - width, high: median + width });
  const things = (width: number) => [
    { id: 'a', values: [spread(10, width)] },
    { id: 'b', values: [spread(12, width)] },
  ];
  expect(dominance(things(0.5), ['higher']).get('a')).toEqual({ by: 'b', beyondNoise: true });
  expect(dominance(things(3), ['higher']).get('a')).toEqual({ by: 'b', beyondNoise: false });
});
