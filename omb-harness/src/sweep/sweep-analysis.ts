// What a sweep tells: which settings nothing beats, which are beaten and by what, what each dial bought. Owner: pure. Not hot.

import type { FigureName, Trial } from '../contracts/trial.ts';
import { type Effects, effectsOf } from '../stats/effects.ts';
import { type Dominance, dominance } from '../stats/pareto.ts';
import type { ExperimentRecord } from './experiment-record.ts';
import { cellTable, type FigureTable } from './figure-table.ts';
import { figures, shownFigure } from './figures.ts';
import { type CellSummary, summarise } from './summary.ts';

/** Throughput, tail, cost. */
const goals: readonly FigureName[] = ['megabytesPerSecond', 'publishP99Ms', 'brokerCpuUsPerRecord'];
const studied: readonly FigureName[] = ['publishP99Ms', 'endToEndP99Ms', 'megabytesPerSecond', 'brokerCpuUsPerRecord'];
/** Smaller is not worth a row. */
const PAIR_FACTOR_MIN = 1.1;
const PAIRS_SHOWN = 12;

export interface SweepAnalysis {
  readonly summaries: readonly CellSummary[];
  readonly goals: readonly FigureName[];
  /** Of cells that count. null: nothing beats it. */
  readonly dominated: ReadonlyMap<string, Dominance | null>;
  readonly effects: Readonly<Partial<Record<FigureName, Effects>>>;
}

export function analyseSweep({ cells, dials }: ExperimentRecord, trials: readonly Trial[]): SweepAnalysis {
  const summaries = cells.map(({ id }) => summarise(id, trials)).filter(({ runs }) => runs > 0);
  const counting = summaries.filter(({ unsound }) => !unsound);
  // A goal that not every cell has a figure for cannot rank them.
  const ranked = goals.filter((name) => counting.length > 0 && counting.every(({ estimates }) => estimates[name] !== undefined));
  const measured = counting.map(({ cell, estimates }) => ({ id: cell, values: ranked.map((name) => estimates[name]!) }));
  const dominated = dominance(
    measured,
    ranked.map((name) => figures[name].better),
  );
  const effects: Partial<Record<FigureName, Effects>> = {};
  for (const name of studied) {
    const observations = cells.flatMap(({ id, levels }) => {
      const own = trials.filter(({ cell, standing }) => cell === id && standing !== 'INVALID');
      const values = own.flatMap(({ figures }) => figures[name] ?? []).filter((value) => value > 0);
      return values.length === 0 ? [] : [{ levels, values }];
    });
    const found = effectsOf(observations, dials);
    if (found !== null) effects[name] = found;
  }
  return { summaries, goals: ranked, dominated, effects };
}

export function markOf({ dominated }: SweepAnalysis, cell: string): string {
  if (!dominated.has(cell)) return 'not counted';
  const by = dominated.get(cell)!;
  if (by === null) return 'front';
  return `beaten by ${by.by}${by.beyondNoise ? '' : ', inside the noise'}`;
}

/** Every setting, those that nothing beats first. */
export function sweepTable(analysis: SweepAnalysis): FigureTable {
  const rank = ({ cell }: CellSummary): number => (analysis.dominated.get(cell) === null ? 0 : analysis.dominated.has(cell) ? 1 : 2);
  const sorted = [...analysis.summaries].sort((a, b) => rank(a) - rank(b));
  const by = analysis.goals.map((name) => figures[name].label).join(', ');
  const front = analysis.dominated.size === 0 ? 'no run of any may be concluded from' : `front: no other is better in ${by} together`;
  return cellTable(`Every setting; ${front}`, sorted, (cell) => markOf(analysis, cell));
}

const shown = (factor: number, interval: readonly [number, number] | null): string =>
  `${shownFigure(factor)}x${interval === null ? '' : ` [${shownFigure(interval[0])}..${shownFigure(interval[1])}]`}`;

/** A row a level of a dial, a column a figure. */
export function mainEffectTable({ effects }: SweepAnalysis): FigureTable | null {
  const names = studied.filter((name) => effects[name] !== undefined);
  if (names.length === 0) return null;
  const rows = new Map<string, string[]>();
  for (const [column, name] of names.entries())
    for (const { dial, level, factor, interval } of effects[name]!.main) {
      const row = rows.get(`${dial}=${level}`) ?? Array.from(names, () => '-');
      row[column] = shown(factor, interval);
      rows.set(`${dial}=${level}`, row);
    }
  const explained = names.map((name) => {
    const share = effects[name]!.explained;
    return share === null ? 'all alike' : `${(100 * share).toFixed(0)} %`;
  });
  return {
    caption: 'What each dial bought: the figure against its mean over all settings, everything else alike',
    head: ['level', ...names.map((name) => figures[name].label)],
    rows: [...[...rows].map(([level, cells]) => [level, ...cells]), ['explained by the dials alone', ...explained]],
  };
}

/** Pairs of levels that do together what neither does alone. */
export function pairTable({ effects }: SweepAnalysis): FigureTable | null {
  const rows = studied.flatMap((name) =>
    (effects[name]?.pairs ?? [])
      .filter(
        ({ factor, interval }) =>
          Math.max(factor, 1 / factor) >= PAIR_FACTOR_MIN && (interval === null || interval[0] > 1 || interval[1] < 1),
      )
      .map(({ levels, factor, interval }) => {
        const both = Object.entries(levels).map(([dial, level]) => `${dial}=${level}`);
        return { size: Math.abs(Math.log(factor)), row: [both.join(' with '), figures[name].label, shown(factor, interval)] };
      }),
  );
  if (rows.length === 0) return null;
  return {
    caption: 'Interactions: against what the two would give, each by itself',
    head: ['together', 'figure', 'factor'],
    rows: rows
      .sort((a, b) => b.size - a.size)
      .slice(0, PAIRS_SHOWN)
      .map(({ row }) => row),
  };
}
