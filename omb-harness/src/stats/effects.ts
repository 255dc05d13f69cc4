// What each level of each dial does to a figure: an additive model of its logarithm, so that effects are factors. Owner: pure.
// Not hot.
//
// Least squares with effects that add up to nothing over the levels of a dial: against the mean of all, and right for a sample
// of the combinations too, where a plain mean by level would mix dials. What two dials do together beyond that is the mean of
// what the model leaves over, by pair of levels.

import { median } from './bootstrap.ts';
import { SeededRandom } from './seeded-random.ts';

export interface Observation {
  readonly levels: Readonly<Record<string, string>>;
  /** Of every run; above 0. */
  readonly values: readonly number[];
}

interface Factor {
  readonly factor: number;
  /** 95 % by drawing each combination's runs anew; null: one run each tells nothing of it. */
  readonly interval: readonly [low: number, high: number] | null;
}

export interface Effects {
  /** By dial and level: the figure against its mean over all, everything else alike. */
  readonly main: readonly (Factor & { readonly dial: string; readonly level: string })[];
  /** By two dials' levels: against what both alone would give. The largest first. */
  readonly pairs: readonly (Factor & { readonly levels: Readonly<Record<string, string>> })[];
  /** Of the variance between combinations, 0 … 1: what the dials alone explain; null: there is none to speak of. */
  readonly explained: number | null;
}

const RESAMPLES = 300;
/** Keeps the equations solvable where a sample left a level out; too small to move a figure. */
const RIDGE = 1e-9;
/** Of logarithms: figures that differ by less than a hundredth of a percent are the same. */
const SAME_VARIANCE = 1e-8;

/** null: nothing can be told: fewer combinations than unknowns. */
export function effectsOf(observations: readonly Observation[], dials: Readonly<Record<string, readonly string[]>>): Effects | null {
  const turned = Object.entries(dials).filter(([, levels]) => levels.length > 1);
  const columns = turned.reduce((sum, [, levels]) => sum + levels.length - 1, 1);
  if (turned.length === 0 || observations.length < columns) return null;
  const rows = observations.map(({ levels }) => rowOf(levels, turned));
  const solve = solverOf(rows, columns);
  if (solve === null) return null;
  const random = new SeededRandom(1);
  const measured = observations.map(({ values }) => Math.log(median(values)));
  const redrawn = observations.every(({ values }) => values.length > 1)
    ? Array.from({ length: RESAMPLES }, () =>
        observations.map(({ values }) => Math.log(median(values.map(() => values[random.below(values.length)]!)))),
      )
    : [];
  const draws = [measured, ...redrawn].map((logs) => figuresOf(logs, rows, solve, observations, turned));
  const [whole] = draws;
  const factor = (of: (draw: (typeof draws)[number]) => number): Factor => ({
    factor: Math.exp(of(whole!)),
    interval: redrawn.length === 0 ? null : spread(draws.slice(1).map(of)),
  });
  const pairs = whole!.pairs.map(({ levels }, at) => ({ levels, ...factor((draw) => draw.pairs[at]!.log) }));
  return {
    main: whole!.main.map(({ dial, level }, at) => ({ dial, level, ...factor((draw) => draw.main[at]!.log) })),
    pairs: pairs.sort((a, b) => Math.abs(Math.log(b.factor)) - Math.abs(Math.log(a.factor))),
    explained: whole!.explained,
  };
}

type Turned = readonly (readonly [dial: string, levels: readonly string[]])[];

/** 1, then for each dial one column a level but the last, which is minus the others. */
function rowOf(levels: Readonly<Record<string, string>>, turned: Turned): number[] {
  return [
    1,
    ...turned.flatMap(([dial, all]) => {
      const at = all.indexOf(levels[dial]!);
      return all.slice(1).map((_, column) => (at === all.length - 1 ? -1 : at === column ? 1 : 0));
    }),
  ];
}

function figuresOf(
  logs: readonly number[],
  rows: readonly (readonly number[])[],
  solve: (logs: readonly number[]) => number[],
  observations: readonly Observation[],
  turned: Turned,
) {
  const beta = solve(logs);
  let column = 1;
  const main = turned.flatMap(([dial, levels]) => {
    const own = beta.slice(column, (column += levels.length - 1));
    const last = -own.reduce((sum, value) => sum + value, 0);
    return levels.map((level, at) => ({ dial, level, log: own[at] ?? last }));
  });
  const left = logs.map((log, at) => log - rows[at]!.reduce((sum, value, index) => sum + value * beta[index]!, 0));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const square = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);
  const total = square(logs.map((log) => log - mean));
  return {
    main,
    pairs: pairsOf(left, observations, turned),
    explained: total <= SAME_VARIANCE * logs.length ? null : 1 - square(left) / total,
  };
}

function pairsOf(left: readonly number[], observations: readonly Observation[], turned: Turned) {
  const found: { levels: Record<string, string>; log: number }[] = [];
  for (const [at, [first, firstLevels]] of turned.entries())
    for (const [second, secondLevels] of turned.slice(at + 1))
      for (const one of firstLevels)
        for (const other of secondLevels) {
          const own = left.filter(
            (_, index) => observations[index]!.levels[first] === one && observations[index]!.levels[second] === other,
          );
          if (own.length > 0) found.push({ levels: { [first]: one, [second]: other }, log: own.reduce((a, b) => a + b, 0) / own.length });
        }
  return found;
}

/** (XᵀX)⁻¹Xᵀ, once for all draws. null: the combinations do not tell the dials apart. */
function solverOf(rows: readonly (readonly number[])[], columns: number): ((logs: readonly number[]) => number[]) | null {
  const normal = Array.from({ length: columns }, (_, a) =>
    Array.from({ length: columns }, (_, b) => rows.reduce((sum, row) => sum + row[a]! * row[b]!, a === b ? RIDGE : 0)),
  );
  const inverse = inverted(normal);
  if (inverse === null) return null;
  const projection = inverse.map((line) => rows.map((row) => line.reduce((sum, value, at) => sum + value * row[at]!, 0)));
  return (logs) => projection.map((line) => line.reduce((sum, value, at) => sum + value * logs[at]!, 0));
}

/** Gauss and Jordan, with the largest pivot. */
function inverted(matrix: readonly (readonly number[])[]): number[][] | null {
  const size = matrix.length;
  const work = matrix.map((row, at) => [...row, ...Array.from({ length: size }, (_, column) => (column === at ? 1 : 0))]);
  for (let step = 0; step < size; step++) {
    let pivot = step;
    for (let at = step + 1; at < size; at++) if (Math.abs(work[at]![step]!) > Math.abs(work[pivot]![step]!)) pivot = at;
    if (Math.abs(work[pivot]![step]!) < 1e-6) return null;
    [work[step], work[pivot]] = [work[pivot]!, work[step]!];
    const scale = work[step]![step]!;
    work[step] = work[step]!.map((value) => value / scale);
    for (let at = 0; at < size; at++) {
      if (at === step) continue;
      const times = work[at]![step]!;
      if (times !== 0) work[at] = work[at]!.map((value, column) => value - times * work[step]![column]!);
    }
  }
  return work.map((row) => row.slice(size));
}

function spread(logs: readonly number[]): [number, number] {
  const sorted = [...logs].sort((a, b) => a - b);
  const at = (share: number): number => Math.exp(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return [at(0.025), at(0.975)];
}
