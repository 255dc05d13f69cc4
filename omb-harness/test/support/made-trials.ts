// Trials made by hand, for what is concluded from them. Owner: pure.

import type { Trial } from '../../src/contracts/trial.ts';
import { SeededRandom } from '../../src/stats/seeded-random.ts';
import { crossProduct } from '../../src/sweep/dials.ts';
import type { ExperimentRecord } from '../../src/sweep/experiment-record.ts';

export function madeTrial(cell: string, repeat: number, changes: Partial<Trial> = {}): Trial {
  return {
    cell,
    repeat,
    standing: 'VALID',
    reasons: [],
    figures: { publishP99Ms: 10, megabytesPerSecond: 5, brokerCpuUsPerRecord: 20 },
    durability: 'acks=1: in memory',
    memoryRegime: 'conditioned: made',
    tookSeconds: 2,
    folder: null,
    ...changes,
  };
}

/** Two dials, five runs a cell: acks=all takes three times as long, lingering twice; both cost throughput. */
export function madeSweep(): { readonly record: ExperimentRecord; readonly trials: readonly Trial[] } {
  const dials = { acks: ['1', 'all'], 'linger.ms': ['0', '20'] };
  const cells = crossProduct(dials).map((levels) => ({
    id: Object.entries(levels)
      .map(([name, level]) => `${name}=${level}`)
      .join(' '),
    levels,
  }));
  const random = new SeededRandom(2);
  const trials = cells.flatMap(({ id, levels }) =>
    Array.from({ length: 5 }, (_, repeat) => {
      const noise = 0.99 + 0.02 * random.next();
      const slower = (levels.acks === 'all' ? 3 : 1) * (levels['linger.ms'] === '20' ? 2 : 1);
      const figures = { publishP99Ms: 10 * slower * noise, megabytesPerSecond: 50 / slower / noise, brokerCpuUsPerRecord: 20 * slower };
      return madeTrial(id, repeat, { figures });
    }),
  );
  const about = { kind: 'sweep' as const, title: 'made', startedAt: '2026-01-01T00:00:00Z', repeats: 5, seed: 1 };
  return { record: { recordVersion: 1, ...about, dials, cells }, trials };
}
