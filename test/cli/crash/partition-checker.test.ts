// The checker must turn red: a healthy partition passes, and each way to break it is named for what it is.

import { expect, test } from 'vitest';
import type { SentRecord } from '../../../src/cli/crash/ledger.ts';
import { checkPartition, type ReadRecord } from '../../../src/cli/crash/partition-checker.ts';

const valueOf = (id: string): string => `value of ${id}`;

interface History {
  sent: SentRecord[];
  read: ReadRecord[];
}

/** Ten records: all acked but the last two, of which the first made it into the log. */
function healthy(): History {
  const sent = Array.from({ length: 10 }, (_, i) => ({ id: `r${i}`, period: 0, acked: i < 8, offset: i < 8 ? i : -1 }));
  return { sent, read: sent.slice(0, 9).map(({ id }, offset) => ({ offset, id, value: valueOf(id) })) };
}

const renumbered = (read: readonly ReadRecord[]): ReadRecord[] => read.map((one, offset) => ({ ...one, offset }));

const damages: Readonly<Record<string, (history: History) => History>> = {
  lost: ({ sent, read }) => ({ sent, read: renumbered(read.filter((_, i) => i !== 4)) }),
  'lost: r7': ({ sent, read }) => ({ sent, read: read.slice(0, 7) }),
  duplicated: ({ sent, read }) => ({ sent, read: renumbered([...read, read[2]!]) }),
  'duplicated: r8': ({ sent, read }) => ({ sent, read: renumbered([...read, read[8]!]) }),
  reordered: ({ sent, read }) => ({ sent, read: renumbered([...read.slice(0, 3), read[4]!, read[3]!, ...read.slice(5)]) }),
  corrupted: ({ sent, read }) => ({ sent, read: read.map((one, i) => (i === 5 ? { ...one, value: `${one.value} ` } : one)) }),
  'corrupted: r8': ({ sent, read }) => ({ sent, read: read.map((one, i) => (i === 8 ? { ...one, value: '' } : one)) }),
  foreign: ({ sent, read }) => ({ sent, read: [...read, { offset: 9, id: 'stranger', value: '' }] }),
  moved: ({ sent, read }) => ({ sent: sent.map((one, i) => (i === 3 ? { ...one, offset: 30 } : one)), read }),
  'offset 5 follows 3': ({ sent, read }) => ({ sent: sent.filter((_, i) => i !== 4), read: read.filter((_, i) => i !== 4) }),
  'hole: r8': ({ sent, read }) => ({ sent, read: renumbered(read.filter((_, i) => i !== 7)) }),
};

test('a healthy partition has no complaints', () => {
  const { sent, read } = healthy();
  expect(checkPartition(sent, read, valueOf)).toEqual({ complaints: [], acked: 8, ackedMissing: 0, unackedFound: 1, unackedMissing: 1 });
});

test.each(Object.entries(damages))('%s is seen', (name, damage) => {
  const { sent, read } = damage(healthy());
  const { complaints } = checkPartition(sent, read, valueOf);
  expect(complaints.filter((text) => text.startsWith(name))).not.toEqual([]);
});

/** Two periods of five, all acked; the power went between them and took the last two of the first. */
function cutOnce(): History {
  const sent = Array.from({ length: 10 }, (_, i) => ({ id: `r${i}`, period: i < 5 ? 0 : 1, acked: true, offset: i < 5 ? i : i - 2 }));
  return { sent, read: renumbered(sent.filter((_, i) => i !== 3 && i !== 4).map(({ id }) => ({ offset: 0, id, value: valueOf(id) }))) };
}

test('what was acked before a power cut may be missing from its end', () => {
  const { sent, read } = cutOnce();
  expect(checkPartition(sent, read, valueOf, 1)).toMatchObject({ complaints: [], acked: 10, ackedMissing: 2 });
  expect(checkPartition(sent, read, valueOf, 0).complaints.filter((text) => text.startsWith('lost'))).toHaveLength(2);
});

test('but not from its middle, and not after the cut', () => {
  const { sent, read } = cutOnce();
  const without = (id: string): ReadRecord[] => read.filter((one) => one.id !== id);
  expect(checkPartition(sent, without('r1'), valueOf, 1).complaints).toContain('hole: r2 is there, r1 sent before it is not');
  expect(checkPartition(sent, without('r9'), valueOf, 1).complaints).toContain('lost: r9 was acked at offset 7');
});

test('what retention deleted is not asked for, and what stands behind it is', () => {
  const { sent, read } = healthy();
  expect(checkPartition(sent, read.slice(3), valueOf, 0, 3).complaints).toEqual([]);
  const { complaints } = checkPartition(sent, read.slice(3), valueOf, 0, 2);
  expect(complaints).toEqual(expect.arrayContaining(['offset 3 follows 1', 'lost: r2 was acked at offset 2']));
});
