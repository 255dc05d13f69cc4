// What the runs of each cell come to: medians with intervals, and whether two cells differ. Owner: pure. Not hot.
//
// An INVALID run says nothing, so it is left out; a cell with no other runs shows theirs, marked, and claims nothing.

import { type FigureName, figureNames, type Trial } from '../contracts/trial.ts';
import { compareRuns, type Comparison, type Estimate, medianWithInterval } from '../stats/bootstrap.ts';
import { figures } from './figures.ts';

export interface CellSummary {
  readonly cell: string;
  readonly runs: number;
  readonly invalid: number;
  readonly saturated: number;
  /** All runs are INVALID: the figures are theirs. */
  readonly unsound: boolean;
  /** Codes of all its verdicts, with how often each. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly durability: string;
  readonly estimates: Readonly<Partial<Record<FigureName, Estimate>>>;
}

export interface Difference {
  readonly figure: FigureName;
  /** Second by first, with its interval. */
  readonly comparison: Comparison;
  readonly claim: 'better' | 'worse' | 'inside the noise' | 'too few runs' | 'not sound';
}

const sound = (trials: readonly Trial[]): Trial[] => trials.filter(({ standing }) => standing !== 'INVALID');

export function summarise(cell: string, all: readonly Trial[]): CellSummary {
  const own = all.filter((trial) => trial.cell === cell);
  const good = sound(own);
  const counted = good.length > 0 ? good : own;
  const reasons: Record<string, number> = {};
  for (const code of own.flatMap((trial) => trial.reasons)) reasons[code] = (reasons[code] ?? 0) + 1;
  const estimates: Partial<Record<FigureName, Estimate>> = {};
  for (const name of figureNames) {
    const values = counted.flatMap((trial) => trial.figures[name] ?? []);
    if (values.length > 0) estimates[name] = medianWithInterval(values);
  }
  return {
    cell,
    runs: own.length,
    invalid: own.length - good.length,
    saturated: own.filter(({ standing }) => standing === 'SATURATED').length,
    unsound: good.length === 0,
    reasons,
    durability: [...new Set(own.map(({ durability }) => durability))].join(' / '),
    estimates,
  };
}

/** How the second cell does against the first, figure by figure, over the runs that were next to each other. */
export function differences(first: string, second: string, all: readonly Trial[]): Difference[] {
  const byRepeat = (cell: string): Map<number, Trial> =>
    new Map(all.filter((trial) => trial.cell === cell).map((trial) => [trial.repeat, trial]));
  const a = byRepeat(first);
  const b = byRepeat(second);
  const pairs = [...a.keys()].filter((repeat) => b.has(repeat)).map((repeat) => [a.get(repeat)!, b.get(repeat)!] as const);
  const good = pairs.filter((pair) => sound(pair).length === 2);
  const unsound = good.length === 0;
  const counted = unsound ? pairs : good;
  return figureNames.flatMap((figure) => {
    const both = counted.flatMap(([one, other]) => {
      const values = [one.figures[figure], other.figures[figure]] as const;
      return values[0] !== undefined && values[1] !== undefined && values[0] > 0 ? [[values[0], values[1]] as const] : [];
    });
    if (both.length === 0) return [];
    const comparison = compareRuns(
      both.map(([value]) => value),
      both.map(([, value]) => value),
    );
    return [{ figure, comparison, claim: unsound ? ('not sound' as const) : claimOf(comparison, figure) }];
  });
}

function claimOf({ verdict }: Comparison, figure: FigureName): Difference['claim'] {
  if (verdict === 'too-few-runs') return 'too few runs';
  if (verdict === 'inside-noise') return 'inside the noise';
  return (verdict === 'a-lower') === (figures[figure].better === 'higher') ? 'better' : 'worse';
}
