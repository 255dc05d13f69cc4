// RunLedger: what the workers reported, put together by interval and by phase while a run goes on. Owner: the thread that
// runs the workload. Not hot: a few records a second.

import type { BrokerUsage } from '../contracts/driver.ts';
import {
  type CounterName,
  counterNames,
  type Counters,
  type EncodedHistogram,
  type IntervalRecord,
  type LatencyKind,
  latencyKinds,
} from '../contracts/interval-record.ts';
import type { Phase } from '../contracts/phase.ts';
import type { IntervalPoint, PhaseTotals } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

interface Bucket {
  readonly index: number;
  readonly phaseId: number;
  readonly counters: Record<CounterName, number>;
  readonly latencies: Partial<Record<LatencyKind, EncodedHistogram[]>>;
  coreShare: number;
  usage: BrokerUsage | null;
}

interface PhaseBook {
  readonly phase: Phase;
  endNs: number | null;
  readonly counters: Record<CounterName, number>;
  readonly latencies: Partial<Record<LatencyKind, LatencyHistogram>>;
  usageAtStart: BrokerUsage | null;
  usageAtEnd: BrokerUsage | null;
  isOver: boolean;
}

const zeros = (): Record<CounterName, number> => Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;

export class RunLedger {
  private readonly originNs: number;
  private readonly intervalNs: number;
  private readonly subscriptions: number;
  private readonly usage: () => BrokerUsage | null;
  private readonly buckets = new Map<string, Bucket>();
  private readonly books = new Map<number, PhaseBook>();

  constructor(originNs: number, intervalMs: number, subscriptions: number, usage: () => BrokerUsage | null) {
    this.intervalNs = intervalMs * 1e6;
    // Workers report when the clock reaches a multiple of the interval.
    this.originNs = Math.floor(originNs / this.intervalNs) * this.intervalNs;
    this.subscriptions = subscriptions;
    this.usage = usage;
  }

  begin(phase: Phase): void {
    const usage = this.usage();
    this.books.set(phase.id, {
      phase,
      endNs: phase.endNs,
      counters: zeros(),
      latencies: {},
      usageAtStart: usage,
      usageAtEnd: null,
      isOver: false,
    });
  }

  /** The time in which records of the phase were due is over, and its answers are in. */
  end(phaseId: number, endNs: number): void {
    const book = this.books.get(phaseId)!;
    if (book.isOver) return;
    book.isOver = true;
    book.endNs = Math.min(endNs, book.phase.endNs ?? endNs);
    book.usageAtEnd = this.usage();
  }

  add(record: IntervalRecord): void {
    const middleNs = (record.startNs + record.endNs) / 2;
    const bucket = this.bucket(Math.floor((middleNs - this.originNs) / this.intervalNs), record.phaseId);
    const book = this.books.get(record.phaseId);
    for (const name of counterNames) {
      bucket.counters[name] += record.counters[name];
      if (book !== undefined) book.counters[name] += record.counters[name];
    }
    for (const kind of latencyKinds) {
      const text = record.latencies[kind];
      if (text === undefined) continue;
      (bucket.latencies[kind] ??= []).push(text);
      if (book !== undefined) (book.latencies[kind] ??= LatencyHistogram.empty()).add(LatencyHistogram.decode(text));
    }
    bucket.coreShare = Math.max(bucket.coreShare, (record.generatorCpuUs * 1000) / Math.max(1, record.endNs - record.startNs));
    bucket.usage ??= this.usage();
  }

  countersOf(phaseId: number): Counters {
    return this.books.get(phaseId)?.counters ?? zeros();
  }

  latencyOf(phaseId: number, kind: LatencyKind): LatencyHistogram {
    return this.books.get(phaseId)?.latencies[kind] ?? LatencyHistogram.empty();
  }

  /** Over all phases, records outside any too. */
  sum(name: CounterName): number {
    let sum = 0;
    for (const { counters } of this.buckets.values()) sum += counters[name];
    return sum;
  }

  /** Interval figures of a phase in order of time, for a steadiness test. */
  series(
    phaseId: number,
    figure: (point: { readonly counters: Counters; readonly latency: (kind: LatencyKind) => LatencyHistogram }) => number,
  ): number[] {
    return this.sorted()
      .filter((bucket) => bucket.phaseId === phaseId && bucket.counters.acked > 0)
      .map(({ counters, latencies }) => figure({ counters, latency: (kind) => LatencyHistogram.merge(latencies[kind] ?? []) }));
  }

  /** @param zeroNs the time that is 0 seconds: where the measured phase began */
  points(zeroNs: number): IntervalPoint[] {
    let owed = 0;
    let received = 0;
    let before: BrokerUsage | null = null;
    return this.sorted().map(({ index, phaseId, counters, latencies, coreShare, usage }) => {
      owed += counters.owed;
      received += counters.received;
      const startNs = this.originNs + index * this.intervalNs;
      const brokerCoreShare =
        usage === null || before === null || usage.atNs <= before.atNs
          ? null
          : ((usage.cpuUs - before.cpuUs) * 1000) / (usage.atNs - before.atNs);
      const device = usage?.device ?? null;
      const since = before?.device ?? null;
      if (usage !== null) before = usage;
      return {
        phaseId,
        startSeconds: (startNs - zeroNs) / 1e9,
        endSeconds: (startNs + this.intervalNs - zeroNs) / 1e9,
        counters,
        backlogRecords: Math.max(0, owed * this.subscriptions - received),
        latencies: merged(latencies),
        generatorCoreShare: coreShare,
        brokerCoreShare,
        brokerResidentBytes: usage?.residentBytes ?? null,
        deviceWrittenBytes: device === null || since === null ? null : device.writtenBytes - since.writtenBytes,
        deviceFlushes: device === null || since === null ? null : device.flushes - since.flushes,
        pageCacheBytes: usage?.pageCacheBytes ?? null,
        dirtyBytes: usage?.dirtyBytes ?? null,
        logCachedBytes: usage?.cached?.residentBytes ?? null,
        logDirtyBytes: usage?.cached?.dirtyBytes ?? null,
      };
    });
  }

  totals(unfinishedByPhase: ReadonlyMap<number, number>, nowNs: number): PhaseTotals[] {
    return [...this.books.values()].map(({ phase, endNs, counters, latencies, usageAtStart, usageAtEnd }) => ({
      phase: { ...phase, endNs },
      seconds: Math.max(0, Math.min(endNs ?? nowNs, nowNs) - phase.startNs) / 1e9,
      counters,
      latencies: Object.fromEntries(Object.entries(latencies).map(([kind, histogram]) => [kind, histogram.encode()])),
      unfinishedRecords: unfinishedByPhase.get(phase.id) ?? 0,
      ...usedBetween(usageAtStart, usageAtEnd),
    }));
  }

  private sorted(): Bucket[] {
    return [...this.buckets.values()].sort((a, b) => a.index - b.index || a.phaseId - b.phaseId);
  }

  private bucket(index: number, phaseId: number): Bucket {
    const key = `${index}:${phaseId}`;
    let bucket = this.buckets.get(key);
    if (bucket === undefined)
      this.buckets.set(key, (bucket = { index, phaseId, counters: zeros(), latencies: {}, coreShare: 0, usage: null }));
    return bucket;
  }
}

function usedBetween(
  from: BrokerUsage | null,
  to: BrokerUsage | null,
): Pick<PhaseTotals, 'brokerCpuSeconds' | 'deviceWrittenBytes' | 'deviceFlushes'> {
  const before = from?.device ?? null;
  const after = to?.device ?? null;
  return {
    brokerCpuSeconds: from === null || to === null ? null : (to.cpuUs - from.cpuUs) / 1e6,
    deviceWrittenBytes: before === null || after === null ? null : after.writtenBytes - before.writtenBytes,
    deviceFlushes: before === null || after === null ? null : after.flushes - before.flushes,
  };
}

function merged(latencies: Partial<Record<LatencyKind, EncodedHistogram[]>>): Partial<Record<LatencyKind, EncodedHistogram>> {
  return Object.fromEntries(
    Object.entries(latencies).map(([kind, texts]) => [kind, texts.length === 1 ? texts[0]! : LatencyHistogram.merge(texts).encode()]),
  );
}
