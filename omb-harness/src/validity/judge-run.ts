// The rules by which a run's figures stand or fall. Owner: pure. Not hot.

import type { Counters } from '../contracts/interval-record.ts';
import type { BacklogRun, Delivery } from '../contracts/run-result.ts';
import type { Reason, Standing, Verdict } from '../contracts/verdict.ts';

/** The generator's own mean lag, as a share of the period's p99 it would be added to. */
const LAG_SHARE_MAX = 0.01;
/** Of one core, over the measured period. */
const GENERATOR_CORE_SHARE_MAX = 0.85;
const ATTAINED_SHARE_MIN = 0.99;
/** Samples beyond a percentile that a headline needs, and below which it is not even printed without a word. */
/** A median wait for room in the client this long, from first to last, is a queue that was there before. */
const STANDING_WAIT_NS = 100e6;
const SAMPLES_BEYOND_MIN = 10;
/** Of one lag tail to the p99: worth a word though the mean is small. */
const LAG_TAIL_SHARE = 0.1;

export interface RunEvidence {
  readonly subscriptions: number;
  /** What was there before was read, and nothing was written. */
  readonly coldRead: boolean;
  readonly targetRatePerSecond: number;
  /** null: the run ended before anything was measured. */
  readonly measured: {
    readonly seconds: number;
    readonly counters: Counters;
    readonly unfinishedRecords: number;
    readonly responseP99Ns: number;
    readonly lagMeanNs: number;
    readonly lagP99Ns: number;
    /** The busiest worker thread's, over the period. */
    readonly generatorCoreShare: number;
    /** Median publish delay of the first and last third, nanoseconds: growth is a queue that builds. */
    readonly delayFirstNs: number;
    readonly delayLastNs: number;
  } | null;
  readonly delivery: Delivery;
  readonly backlog: BacklogRun | null;
  readonly warmupSteady: boolean;
  readonly warmupWhy: string;
  /** Cut short, and by what. */
  readonly interruption: { readonly code: string; readonly text: string } | null;
  readonly ignoredSettings: readonly string[];
  readonly sharedHost: boolean;
  /** What was said of the workload before anything ran. */
  readonly planWarnings: readonly string[];
}

export function judgeRun(evidence: RunEvidence): Verdict {
  const invalid = [...generatorFaults(evidence), ...deliveryFaults(evidence)];
  if (evidence.interruption !== null) invalid.unshift(evidence.interruption);
  const saturated = saturation(evidence);
  const standing: Standing = invalid.length > 0 ? 'INVALID' : saturated.length > 0 ? 'SATURATED' : 'VALID';
  return { standing, reasons: [...invalid, ...saturated], warnings: warningsOf(evidence) };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const micros = (ns: number): string => `${(ns / 1000).toFixed(0)} µs`;

function generatorFaults({ measured, interruption, coldRead }: RunEvidence): Reason[] {
  if (measured === null)
    return interruption === null ? [{ code: 'nothing-measured', text: 'the run ended before anything was measured' }] : [];
  const faults: Reason[] = [];
  if (coldRead && measured.counters.foreign + measured.counters.received === 0)
    faults.push({ code: 'nothing-read', text: 'nothing was read: the topics are empty, or auto.offset.reset is latest' });
  if (measured.lagMeanNs > LAG_SHARE_MAX * measured.responseP99Ns) {
    const share = percent(measured.lagMeanNs / Math.max(1, measured.responseP99Ns));
    const text = `the generator noticed due records ${micros(measured.lagMeanNs)} late on average, ${share} of the p99 of ${micros(measured.responseP99Ns)}; at most ${percent(LAG_SHARE_MAX)} may be its own`;
    faults.push({ code: 'generator-late', text });
  }
  if (measured.generatorCoreShare > GENERATOR_CORE_SHARE_MAX) {
    const text = `the generator used ${percent(measured.generatorCoreShare)} of its core, more than ${percent(GENERATOR_CORE_SHARE_MAX)}: it may be what was measured`;
    faults.push({ code: 'generator-core', text });
  }
  if (measured.counters.negative > 0)
    faults.push({
      code: 'clock',
      text: `${measured.counters.negative} records were consumed before they were due: the clocks are not one`,
    });
  return faults;
}

function deliveryFaults({ delivery }: RunEvidence): Reason[] {
  const faults: Reason[] = [];
  const fault = (code: string, count: number, what: string): void => {
    if (count > 0) faults.push({ code, text: `${count} record${count === 1 ? '' : 's'} ${what}` });
  };
  fault('lost', delivery.lostRecords, 'acknowledged and never consumed');
  fault('duplicated', delivery.duplicatedRecords, 'twice in the log');
  fault('reordered', delivery.reorderedRecords, 'consumed after a later one of the same producer and partition');
  fault('corrupt', delivery.corruptRecords, 'with a checksum that does not match');
  return faults;
}

function saturation({ measured, targetRatePerSecond, backlog }: RunEvidence): Reason[] {
  if (measured === null || targetRatePerSecond <= 0) return [];
  const reasons: Reason[] = [];
  const { counters, seconds } = measured;
  const attained = counters.due === 0 ? 1 : counters.acked / counters.due;
  if (attained < ATTAINED_SHARE_MIN) {
    const rate = Math.round(counters.acked / Math.max(seconds, 1e-9));
    reasons.push({ code: 'rate-not-held', text: `${rate}/s acknowledged of ${targetRatePerSecond}/s asked for (${percent(attained)})` });
  }
  if (counters.overflowed > 0)
    reasons.push({ code: 'overflow', text: `${counters.overflowed} due records found the client's queue full and were never sent` });
  // What the generator noticed late is its own, and judged as that.
  const waitNs = Math.min(measured.delayFirstNs, measured.delayLastNs);
  if (waitNs > Math.max(STANDING_WAIT_NS, 2 * measured.lagMeanNs))
    reasons.push({
      code: 'delay-stands',
      text: `half of the records waited more than ${micros(waitNs)} before they could be sent: a queue stood from before the measured time`,
    });
  if (backlog !== null && !backlog.drained)
    reasons.push({
      code: 'backlog-stays',
      text: `of a backlog of ${backlog.builtRecords} records ${backlog.leftRecords} were left when it did not get smaller any more: consumers read no faster than producers write`,
    });
  // A queue that grows through the whole period: doubled, and by more than noise.
  if (
    measured.delayLastNs > 2 * measured.delayFirstNs &&
    measured.delayLastNs - measured.delayFirstNs > 0.1 * measured.responseP99Ns &&
    measured.delayLastNs > 1e6
  )
    reasons.push({
      code: 'delay-grows',
      text: `the wait before sending grew from ${micros(measured.delayFirstNs)} to ${micros(measured.delayLastNs)}`,
    });
  return reasons;
}

function warningsOf(evidence: RunEvidence): Reason[] {
  const { measured, delivery } = evidence;
  const warnings: Reason[] = [];
  const warn = (code: string, text: string): void => void warnings.push({ code, text });
  for (const text of evidence.planWarnings) warn('plan', text);
  if (!evidence.warmupSteady) warn('not-steady', `the warm-up did not become steady: ${evidence.warmupWhy}`);
  if (evidence.sharedHost) warn('shared-host', 'generator and broker share this host: compare runs, do not quote absolute figures');
  if (evidence.ignoredSettings.length > 0) warn('ignored-settings', `the client does not use: ${evidence.ignoredSettings.join(', ')}`);
  if (delivery.uncheckedRecords > 0)
    warn('unchecked', `${delivery.uncheckedRecords} acknowledged records were not yet consumed at the end`);
  if (delivery.redeliveredRecords > 0)
    warn(
      'redelivered',
      `${delivery.redeliveredRecords} records were read again after a consumer group was divided anew: a member did not speak for its session's time, and while that was settled nobody read; in no figure, but what waited for it is in the end-to-end latency`,
    );
  if (measured === null) return warnings;
  if (measured.counters.errors > 0) warn('errors', `${measured.counters.errors} records failed`);
  if (measured.unfinishedRecords > 0)
    warn('unfinished', `${measured.unfinishedRecords} records were unanswered at the end; their ages are in the histogram as lower bounds`);
  if (measured.lagP99Ns > LAG_TAIL_SHARE * measured.responseP99Ns)
    warn('lag-tail', `1 % of the records were noticed more than ${micros(measured.lagP99Ns)} late by the generator itself`);
  if (evidence.coldRead) return warnings;
  if (evidence.subscriptions === 0) warn('no-consumers', 'no consumer: end-to-end latency and delivery were not checked');
  const samples = measured.counters.acked;
  for (const [name, share] of [
    ['p99', 0.01],
    ['p99.9', 0.001],
    ['p99.99', 0.0001],
  ] as const)
    if (samples * share < SAMPLES_BEYOND_MIN) {
      warn('few-samples', `${samples} samples are too few for ${name} and above: fewer than ${SAMPLES_BEYOND_MIN} lie beyond it`);
      break;
    }
  return warnings;
}
