// RunResult: all that the report and the JSON need of one run. Owner: pure; a contract, types only.

import type { SystemFacts } from './driver.ts';
import type { DriverSettings } from './driver-settings.ts';
import type { EncodedHistogram, Counters, LatencyKind } from './interval-record.ts';
import type { Phase } from './phase.ts';
import type { Verdict } from './verdict.ts';
import type { Workload } from './workload.ts';

export const RESULT_VERSION = 4;

export interface Environment {
  readonly kernel: string;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly nodeVersion: string;
  /** Of the broker's data folder where it is known, else of the working directory. */
  readonly fileSystem: string | null;
  readonly disk: string | null;
  readonly virtualisation: string | null;
  readonly harnessVersion: string;
}

/** One interval of all workers together. Times are since the measured phase began, so warm-up is negative. */
export interface IntervalPoint {
  readonly phaseId: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly counters: Counters;
  /** Received is owed once for every subscription: acknowledged × subscriptions - received, all phases so far. */
  readonly backlogRecords: number;
  readonly latencies: Readonly<Partial<Record<LatencyKind, EncodedHistogram>>>;
  /** Of the busiest worker thread, 0 … 1. */
  readonly generatorCoreShare: number;
  readonly brokerCoreShare: number | null;
  readonly brokerResidentBytes: number | null;
  /** Of the whole disk below the broker's data, in this interval. */
  readonly deviceWrittenBytes: number | null;
  readonly deviceFlushes: number | null;
  /** Of the whole machine, where the broker is on this one. */
  readonly pageCacheBytes: number | null;
  readonly dirtyBytes: number | null;
  /** Of the broker's data folder; null where it is not known or nobody can look. */
  readonly logCachedBytes: number | null;
  readonly logDirtyBytes: number | null;
}

/** All of one phase: sums of its counters, merged histograms. */
export interface PhaseTotals {
  readonly phase: Phase;
  readonly seconds: number;
  readonly counters: Counters;
  readonly latencies: Readonly<Partial<Record<LatencyKind, EncodedHistogram>>>;
  /** Due and unanswered at the end; in publishResponse by their age, a lower bound. */
  readonly unfinishedRecords: number;
  readonly brokerCpuSeconds: number | null;
  /** Of the whole disk below the broker's data: what others write to it is in them. */
  readonly deviceWrittenBytes: number | null;
  readonly deviceFlushes: number | null;
}

/** The end-to-end check over the whole run, all groups. */
export interface Delivery {
  readonly ackedRecords: number;
  readonly unconfirmedRecords: number;
  readonly lostRecords: number;
  readonly duplicatedRecords: number;
  /** Read again by a group that was divided anew: at-least-once, no fault of the log. */
  readonly redeliveredRecords: number;
  readonly reorderedRecords: number;
  readonly corruptRecords: number;
  /** Acknowledged and not yet consumed when the run was cut short: neither received nor called lost. */
  readonly uncheckedRecords: number;
}

export interface RateFinding {
  readonly objective: string;
  /** The highest rate that passed and was confirmed; null when none did. */
  readonly ratePerSecond: number | null;
  /** Passed … lowest that failed. */
  readonly interval: readonly [passed: number, failed: number | null];
  readonly steps: readonly { readonly ratePerSecond: number; readonly passed: boolean; readonly why: string }[];
}

/** What a backlog took: consumers stood still until it was there, then caught up while producers went on. */
export interface BacklogRun {
  readonly askedRecords: number;
  /** Owed over all subscriptions when consumers went on. */
  readonly builtRecords: number;
  readonly leftRecords: number;
  /** false: it did not get smaller any more. */
  readonly drained: boolean;
  readonly fillSeconds: number;
  readonly drainSeconds: number;
}

export interface RunResult {
  readonly resultVersion: typeof RESULT_VERSION;
  readonly runId: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Cut short: by a signal, a dead broker. What follows is what there was. */
  readonly partial: boolean;
  readonly command: readonly string[];
  readonly workload: Workload;
  readonly driver: DriverSettings;
  /** Which client made the load. */
  readonly client: string;
  readonly subscriptions: number;
  /** After defaults: what the clients really used, and what they ignored. */
  readonly producerSettings: Readonly<Record<string, string>>;
  readonly consumerSettings: Readonly<Record<string, string>>;
  readonly ignoredSettings: readonly string[];
  readonly system: SystemFacts | null;
  readonly environment: Environment;
  /** What the disk can do at most, where `bench disk` has measured the one this ran on. */
  readonly diskCeiling: { readonly writtenBytesPerSecond: number; readonly lonelyFlushesPerSecond: number | null } | null;
  /** How page-cache memory was prepared, in words (baseline.md, regime). */
  readonly memoryRegime: string;
  readonly targetRatePerSecond: number;
  readonly warmup: { readonly seconds: number; readonly steady: boolean; readonly why: string };
  readonly intervals: readonly IntervalPoint[];
  readonly phases: readonly PhaseTotals[];
  /** Index into `phases` of what the headline is about; null when the run ended before it. */
  readonly measuredPhase: number | null;
  readonly delivery: Delivery;
  readonly rateFinding: RateFinding | null;
  /** null: the workload asks for none, or the run ended before. */
  readonly backlog: BacklogRun | null;
  readonly errorTexts: Readonly<Record<string, number>>;
  readonly verdict: Verdict;
}
