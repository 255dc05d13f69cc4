// The time of a run, divided among its parts by weight: what one leaves unused goes to those that follow, what one takes too
// much they have less. Pure, but for the clock that is handed in.

export class TimeBudget {
  /** `weights` of the parts by name; `now` in seconds. */
  constructor(seconds, weights, now) {
    this.end = now() + seconds;
    this.weights = weights;
    this.now = now;
  }

  /** When the part that begins now has to end; it is not among those to come any more. */
  begin(name) {
    const { [name]: weight, ...rest } = this.weights;
    const sum = Object.values(rest).reduce((total, each) => total + each, weight);
    this.weights = rest;
    return this.now() + (Math.max(0, this.end - this.now()) * weight) / sum;
  }
}

/**
 * As many of `pairs` as there is time for, the first in any case: each is begun only if it would end in time should it take
 * as long as the longest before it.
 */
export function* pairsUntil(endS, pairs, now) {
  let longest = 0;
  for (let pair = 0; pair < pairs; pair++) {
    const began = now();
    if (pair > 0 && began + longest > endS) return;
    yield pair;
    longest = Math.max(longest, now() - began);
  }
}
