// What is lost is called lost and nothing else is; each rule of validity fires on its own fault and on none other.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { counterNames, type Counters } from '../../src/contracts/interval-record.ts';
import type { SequenceRange } from '../../src/contracts/load-handle.ts';
import { checkDelivery } from '../../src/validity/check-delivery.ts';
import { judgeRun, type RunEvidence } from '../../src/validity/judge-run.ts';

const rangesOf = (set: Iterable<number>): SequenceRange[] => [...set].sort((a, b) => a - b).map((sequence) => [sequence, sequence + 1]);
const some = fc.uniqueArray(fc.integer({ min: 0, max: 39 }));

test('delivery: confirmed and not seen is lost, or unchecked at the end of what was not drained', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), some, some, some, fc.boolean(), (sentTo, unconfirmed, first, second, drained) => {
      const gaps = new Set(unconfirmed.filter((n) => n < sentTo));
      const delivery = checkDelivery({
        sent: [{ lane: 5, sentTo, unconfirmed: rangesOf(gaps) }],
        seen: [first, second].map((seen) => ({ group: 'g', lane: 5, seen: rangesOf(seen) })),
        groupsOf: () => ['g'],
        drained,
        duplicated: 0,
        redelivered: 0,
        reordered: 0,
        corrupt: 0,
      });
      const union = new Set([...first, ...second]);
      const end = Math.max(-1, ...union);
      const missing = Array.from({ length: sentTo }, (_, n) => n).filter((n) => !gaps.has(n) && !union.has(n));
      const late = drained ? [] : missing.filter((n) => n > end);
      expect(delivery.ackedRecords).toBe(sentTo - gaps.size);
      expect(delivery.lostRecords).toBe(missing.length - late.length);
      expect(delivery.uncheckedRecords).toBe(late.length);
      expect(delivery.duplicatedRecords).toBe(first.length + second.length - union.size);
    }),
  );
});

const counters = (changes: Partial<Counters>): Counters =>
  ({ ...Object.fromEntries(counterNames.map((name) => [name, 0])), due: 1e6, sent: 1e6, acked: 1e6, ...changes }) as Counters;

type Measured = NonNullable<RunEvidence['measured']>;
const good: Measured = {
  seconds: 100,
  counters: counters({}),
  unfinishedRecords: 0,
  responseP99Ns: 5e6,
  lagMeanNs: 20_000,
  lagP99Ns: 100_000,
  generatorCoreShare: 0.5,
  delayFirstNs: 30_000,
  delayLastNs: 31_000,
};
const delivery = {
  ackedRecords: 1e6,
  unconfirmedRecords: 0,
  lostRecords: 0,
  duplicatedRecords: 0,
  redeliveredRecords: 0,
  reorderedRecords: 0,
  corruptRecords: 0,
  uncheckedRecords: 0,
};

const builtBacklog = { askedRecords: 10, builtRecords: 10, leftRecords: 0, drained: true, fillSeconds: 1, drainSeconds: 1 };

function evidence(measured: Partial<Measured>, changes: Partial<RunEvidence> = {}): RunEvidence {
  return {
    subscriptions: 1,
    coldRead: false,
    targetRatePerSecond: 10_000,
    measured: { ...good, ...measured },
    delivery,
    warmupSteady: true,
    warmupWhy: '',
    interruption: null,
    backlog: null,
    ignoredSettings: [],
    sharedHost: false,
    planWarnings: [],
    ...changes,
  };
}

test('a clean run is valid and has nothing to say', () => {
  expect(judgeRun(evidence({}))).toEqual({ standing: 'VALID', reasons: [], warnings: [] });
});

test.each([
  ['generator-late', 'INVALID', evidence({ lagMeanNs: 50_001 })],
  ['generator-core', 'INVALID', evidence({ generatorCoreShare: 0.86 })],
  ['clock', 'INVALID', evidence({ counters: counters({ negative: 1 }) })],
  ['lost', 'INVALID', evidence({}, { delivery: { ...delivery, lostRecords: 1 } })],
  ['duplicated', 'INVALID', evidence({}, { delivery: { ...delivery, duplicatedRecords: 1 } })],
  ['reordered', 'INVALID', evidence({}, { delivery: { ...delivery, reorderedRecords: 1 } })],
  ['corrupt', 'INVALID', evidence({}, { delivery: { ...delivery, corruptRecords: 1 } })],
  ['interrupted', 'INVALID', evidence({}, { interruption: { code: 'interrupted', text: 'by a signal' } })],
  ['nothing-read', 'INVALID', evidence({ counters: counters({ due: 0, sent: 0, acked: 0 }) }, { coldRead: true })],
  ['nothing-measured', 'INVALID', evidence({}, { measured: null })],
  ['rate-not-held', 'SATURATED', evidence({ counters: counters({ acked: 989_999 }) })],
  ['overflow', 'SATURATED', evidence({ counters: counters({ overflowed: 1 }) })],
  ['delay-grows', 'SATURATED', evidence({ delayLastNs: 2e6 })],
  ['delay-stands', 'SATURATED', evidence({ delayFirstNs: 101e6, delayLastNs: 101e6 })],
  ['backlog-stays', 'SATURATED', evidence({}, { backlog: { ...builtBacklog, leftRecords: 9, drained: false } })],
] as const)('%s makes a run %s', (code, standing, given) => {
  const verdict = judgeRun(given);
  expect(verdict.standing).toBe(standing);
  expect(verdict.reasons.map((reason) => reason.code)).toEqual([code]);
});

test('at its limits the generator still stands', () => {
  expect(judgeRun(evidence({ lagMeanNs: 50_000, generatorCoreShare: 0.85, counters: counters({ acked: 990_000 }) })).standing).toBe(
    'VALID',
  );
});
