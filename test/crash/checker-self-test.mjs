// The checker must turn red: a healthy partition passes, and each way to break it is named for what it is.

import { checkPartition } from './checker.mjs';

const valueOf = (id) => `value of ${id}`;

/** Ten records: all acked but the last two, of which the first made it into the log. */
function healthy() {
  const sent = Array.from({ length: 10 }, (_, i) => ({ id: `r${i}`, acked: i < 8, offset: i < 8 ? i : -1 }));
  const read = sent.slice(0, 9).map(({ id }, offset) => ({ offset, id, value: valueOf(id) }));
  return { sent, read };
}

const renumbered = (read) => read.map((one, offset) => ({ ...one, offset }));

const damages = {
  lost: ({ sent, read }) => ({ sent, read: renumbered(read.filter((_, i) => i !== 4)) }),
  'lost: r7': ({ sent, read }) => ({ sent, read: read.slice(0, 7) }),
  duplicated: ({ sent, read }) => ({ sent, read: renumbered([...read, read[2]]) }),
  'duplicated: r8': ({ sent, read }) => ({ sent, read: renumbered([...read, read[8]]) }),
  reordered: ({ sent, read }) => ({ sent, read: renumbered([...read.slice(0, 3), read[4], read[3], ...read.slice(5)]) }),
  corrupted: ({ sent, read }) => ({ sent, read: read.map((one, i) => (i === 5 ? { ...one, value: `${one.value} ` } : one)) }),
  'corrupted: r8': ({ sent, read }) => ({ sent, read: read.map((one, i) => (i === 8 ? { ...one, value: '' } : one)) }),
  foreign: ({ sent, read }) => ({ sent, read: [...read, { offset: 9, id: 'stranger', value: '' }] }),
  moved: ({ sent, read }) => ({ sent: sent.map((one, i) => (i === 3 ? { ...one, offset: 30 } : one)), read }),
  'offset 5 follows 3': ({ sent, read }) => ({ sent: sent.filter((_, i) => i !== 4), read: read.filter((_, i) => i !== 4) }),
};

/** @throws when the checker misses a damage or sees one where there is none */
export function selfTest() {
  const { sent, read } = healthy();
  const fine = checkPartition(sent, read, valueOf);
  if (fine.complaints.length > 0) throw new Error(`a healthy partition is complained about: ${fine.complaints}`);
  if (fine.acked !== 8 || fine.unackedFound !== 1 || fine.unackedMissing !== 1) throw new Error(`miscounted: ${JSON.stringify(fine)}`);
  for (const [name, damage] of Object.entries(damages)) {
    const broken = damage(healthy());
    const { complaints } = checkPartition(broken.sent, broken.read, valueOf);
    if (!complaints.some((text) => text.startsWith(name))) throw new Error(`'${name}' is not seen: ${JSON.stringify(complaints)}`);
  }
  return Object.keys(damages).length;
}
