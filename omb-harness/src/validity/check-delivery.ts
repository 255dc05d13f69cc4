// The end-to-end check: what was acknowledged against what each group saw. Owner: pure. Not hot.

import type { SeenLane, SentLane, SequenceRange } from '../contracts/load-handle.ts';
import type { Delivery } from '../contracts/run-result.ts';

export interface DeliveryEvidence {
  readonly sent: readonly SentLane[];
  readonly seen: readonly SeenLane[];
  /** Groups that should see a lane. */
  readonly groupsOf: (lane: number) => readonly string[];
  /** Consumers were given all the time they needed: what a group has not seen at a lane's end is lost, not late. */
  readonly drained: boolean;
  /** Counted by the workers as they read. */
  readonly duplicated: number;
  readonly redelivered: number;
  readonly reordered: number;
  readonly corrupt: number;
}

export function checkDelivery({ sent, seen, groupsOf, drained, ...counted }: DeliveryEvidence): Delivery {
  const byLane = new Map<string, SequenceRange[]>();
  for (const { group, lane, seen: ranges } of seen) byLane.set(`${lane} ${group}`, [...(byLane.get(`${lane} ${group}`) ?? []), ...ranges]);
  let acked = 0;
  let unconfirmed = 0;
  let lost = 0;
  let unchecked = 0;
  let duplicated = counted.duplicated;
  for (const { lane, sentTo, unconfirmed: gaps } of sent) {
    const confirmed = without([[0, sentTo]], gaps);
    acked += sizeOf(confirmed);
    unconfirmed += sizeOf(gaps);
    for (const group of groupsOf(lane)) {
      const ranges = byLane.get(`${lane} ${group}`) ?? [];
      const union = joined(ranges);
      // Two workers of one group that saw the same record.
      duplicated += sizeOf(ranges) - sizeOf(union);
      const end = union.at(-1)?.[1] ?? 0;
      for (const [from, to] of without(confirmed, union)) {
        const tail = drained ? 0 : Math.max(0, to - Math.max(from, end));
        unchecked += tail;
        lost += to - from - tail;
      }
    }
  }
  return {
    ackedRecords: acked,
    unconfirmedRecords: unconfirmed,
    lostRecords: lost,
    duplicatedRecords: duplicated,
    redeliveredRecords: counted.redelivered,
    reorderedRecords: counted.reordered,
    corruptRecords: counted.corrupt,
    uncheckedRecords: unchecked,
  };
}

function sizeOf(ranges: readonly SequenceRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

function joined(ranges: readonly SequenceRange[]): SequenceRange[] {
  const found: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** Both sorted and disjoint. */
function without(ranges: readonly SequenceRange[], holes: readonly SequenceRange[]): SequenceRange[] {
  const found: SequenceRange[] = [];
  let hole = 0;
  for (const [from, to] of ranges) {
    let at = from;
    while (hole < holes.length && holes[hole]![1] <= at) hole++;
    for (let i = hole; i < holes.length && holes[i]![0] < to; i++) {
      if (holes[i]![0] > at) found.push([at, holes[i]![0]]);
      at = Math.max(at, holes[i]![1]);
    }
    if (at < to) found.push([at, to]);
  }
  return found;
}
