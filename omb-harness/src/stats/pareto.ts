// Which of several things no other beats in everything, and which are beaten by what. Owner: pure. Not hot.

export interface Measured {
  readonly id: string;
  /** One a goal, in the goals' order. */
  readonly values: readonly Spread[];
}

interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Dominance {
  readonly by: string;
  /** In at least one goal by more than both intervals. */
  readonly beyondNoise: boolean;
}

/** @returns for each thing who beats it: no worse in any goal, better in one. null: it is on the front */
export function dominance(things: readonly Measured[], goals: readonly ('higher' | 'lower')[]): Map<string, Dominance | null> {
  const found = new Map<string, Dominance | null>();
  for (const thing of things) {
    const beaters = things
      .filter((other) => other !== thing && beats(other, thing, goals))
      .map((other) => ({ by: other.id, beyondNoise: goals.some((goal, at) => apart(other.values[at]!, thing.values[at]!, goal)) }));
    found.set(thing.id, beaters.find(({ beyondNoise }) => beyondNoise) ?? beaters[0] ?? null);
  }
  return found;
}

function beats(one: Measured, other: Measured, goals: readonly ('higher' | 'lower')[]): boolean {
  const gain = (goal: 'higher' | 'lower', at: number): number =>
    (one.values[at]!.median - other.values[at]!.median) * (goal === 'higher' ? 1 : -1);
  const gains = goals.map(gain);
  return gains.every((value) => value >= 0) && gains.some((value) => value > 0);
}

function apart(better: Spread, worse: Spread, goal: 'higher' | 'lower'): boolean {
  return goal === 'higher' ? better.low > worse.high : better.high < worse.low;
}
