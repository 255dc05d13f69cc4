// What must hold of a partition after crashes: every acked record is there once, in order, with its bytes, at the offset
// that the ack named; nothing else is there but records whose ack never came, each at most once. Owner: pure.
//
// An ack that did not promise the disk does not survive a power cut. Records of such a period may be missing, but only
// from its end: what is there is a prefix of what was sent.

import type { SentRecord } from './ledger.ts';

export interface ReadRecord {
  readonly offset: number;
  readonly id: string;
  readonly value: string;
}

export interface PartitionVerdict {
  /** None means all is well. Each begins with its kind: lost, duplicated, reordered, corrupted, foreign, moved, hole, offset. */
  readonly complaints: readonly string[];
  readonly acked: number;
  /** Acked, not promised to survive, and gone. */
  readonly ackedMissing: number;
  readonly unackedFound: number;
  readonly unackedMissing: number;
}

/**
 * @param sent in the order in which it was sent
 * @param read in the order in which it was read
 * @param valueOf the bytes (a string) that record `id` was sent with
 * @param lastPeriod acked records of earlier periods may be missing
 * @param startOffset what was stored before it was deleted by retention
 */
export function checkPartition(
  sent: readonly SentRecord[],
  read: readonly ReadRecord[],
  valueOf: (id: string) => string,
  lastPeriod = 0,
  startOffset = 0,
): PartitionVerdict {
  const complaints: string[] = [];
  const places = new Map(sent.map(({ id }, place) => [id, place]));
  if (places.size !== sent.length) complaints.push('the rig sent an id twice');
  const offsets = new Map<string, number>();
  let lastPlace = -1;
  let lastOffset = startOffset - 1;
  for (const { offset, id, value } of read) {
    if (offset !== lastOffset + 1) complaints.push(`offset ${offset} follows ${lastOffset}`);
    lastOffset = offset;
    const place = places.get(id);
    if (place === undefined) {
      complaints.push(`foreign: ${id} at offset ${offset} was never sent here`);
      continue;
    }
    if (value !== valueOf(id)) complaints.push(`corrupted: ${id} at offset ${offset} has other bytes`);
    const first = offsets.get(id);
    if (first !== undefined) {
      complaints.push(`duplicated: ${id} at offsets ${first} and ${offset}`);
      continue;
    }
    offsets.set(id, offset);
    if (place < lastPlace) complaints.push(`reordered: ${id} at offset ${offset} stands after ${sent[lastPlace]!.id}`);
    lastPlace = Math.max(place, lastPlace);
  }
  const kept = startOffset === 0 ? sent : sent.filter(({ id, offset }) => offset >= startOffset || offsets.has(id));
  return { complaints, ...countSent(kept, offsets, lastPeriod, complaints) };
}

function countSent(sent: readonly SentRecord[], offsets: ReadonlyMap<string, number>, lastPeriod: number, complaints: string[]) {
  const counts = { acked: 0, ackedMissing: 0, unackedFound: 0, unackedMissing: 0 };
  let missing: SentRecord | null = null;
  for (const record of sent) {
    const { id, acked, offset, period } = record;
    const found = offsets.get(id);
    if (acked) counts.acked++;
    else if (found === undefined) counts.unackedMissing++;
    else counts.unackedFound++;
    if (found === undefined) {
      if (acked && period >= lastPeriod) complaints.push(`lost: ${id} was acked${offset >= 0 ? ` at offset ${offset}` : ''}`);
      else if (acked) counts.ackedMissing++;
      missing ??= record;
      if (missing.period !== period) missing = record;
    } else {
      if (acked && offset >= 0 && found !== offset) complaints.push(`moved: ${id} was acked at offset ${offset} and stands at ${found}`);
      if (missing !== null && missing.period === period) complaints.push(`hole: ${id} is there, ${missing.id} sent before it is not`);
    }
  }
  return counts;
}
