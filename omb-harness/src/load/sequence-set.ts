// Which sequences of a lane were seen: disjoint ranges, one while nothing is missing. Owner: the thread that adds. Hot in
// its first branch only.

import type { SequenceRange } from '../contracts/load-handle.ts';

export class SequenceSet {
  /** Sorted, disjoint and not touching: from, to, from, to … (to is exclusive). */
  private readonly edges: number[] = [];

  /** false when it was there already. */
  add(sequence: number): boolean {
    const { edges } = this;
    const last = edges.length - 1;
    if (last >= 0 && edges[last] === sequence) {
      edges[last] = sequence + 1;
      return true;
    }
    if (last < 0 || sequence > edges[last]!) {
      edges.push(sequence, sequence + 1);
      return true;
    }
    return this.insert(sequence);
  }

  addRange([from, to]: SequenceRange): number {
    let fresh = 0;
    for (let sequence = from; sequence < to; sequence++) if (this.add(sequence)) fresh++;
    return fresh;
  }

  get ranges(): SequenceRange[] {
    const found: SequenceRange[] = [];
    for (let i = 0; i < this.edges.length; i += 2) found.push([this.edges[i]!, this.edges[i + 1]!]);
    return found;
  }

  get size(): number {
    return this.ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  private insert(sequence: number): boolean {
    const { edges } = this;
    // The first edge above it: odd means inside a range.
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (edges[middle]! > sequence) high = middle;
      else low = middle + 1;
    }
    if (low % 2 === 1) return false;
    const joinsBefore = low > 0 && edges[low - 1] === sequence;
    const joinsAfter = edges[low] === sequence + 1;
    if (joinsBefore && joinsAfter) edges.splice(low - 1, 2);
    else if (joinsBefore) edges[low - 1] = sequence + 1;
    else if (joinsAfter) edges[low] = sequence;
    else edges.splice(low, 0, sequence, sequence + 1);
    return true;
  }
}
