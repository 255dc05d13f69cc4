// The order in which things compared are run, so that a drift of the machine falls on all alike. Owner: pure. Not hot.

/**
 * Two: A B B A A B B A … More: there and back, A B C C B A. `repeats` times each; pair i is the i-th run of each.
 * Indexes into what is compared.
 */
export function interleaved(subjects: number, repeats: number): number[] {
  const there = Array.from({ length: subjects }, (_, i) => i);
  const back = [...there].reverse();
  return Array.from({ length: repeats }, (_, round) => (round % 2 === 0 ? there : back)).flat();
}
