// LoadMeter: counters and histograms of one worker, by phase, given out once an interval. Owner: the load's thread. Hot.

import { type CounterName, counterNames, type IntervalRecord, type LatencyKind } from '../contracts/interval-record.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

class PhaseMeter {
  readonly counters = Object.fromEntries(counterNames.map((name) => [name, 0])) as Record<CounterName, number>;
  readonly latencies: Partial<Record<LatencyKind, LatencyHistogram>> = {};
  touched = false;
}

export class LoadMeter {
  private readonly workerId: number;
  private readonly cpuUs: () => number;
  private readonly meters = new Map<number, PhaseMeter>();
  private startNs: number;
  private cpuAtStartUs: number;

  /** @param cpuUs CPU time of this thread so far */
  constructor(workerId: number, nowNs: number, cpuUs: () => number) {
    this.workerId = workerId;
    this.startNs = nowNs;
    this.cpuUs = cpuUs;
    this.cpuAtStartUs = cpuUs();
  }

  count(phaseId: number, name: CounterName, amount = 1): void {
    const meter = this.meter(phaseId);
    meter.counters[name] += amount;
    meter.touched = true;
  }

  time(phaseId: number, kind: LatencyKind, ns: number): void {
    const meter = this.meter(phaseId);
    meter.touched = true;
    if (ns < 0) {
      meter.counters.negative++;
      return;
    }
    (meter.latencies[kind] ??= LatencyHistogram.empty()).record(ns);
  }

  /** What the interval that ends now holds, one record a phase; the next begins. */
  takeInterval(nowNs: number): IntervalRecord[] {
    const cpu = this.cpuUs();
    const records: IntervalRecord[] = [];
    for (const [phaseId, meter] of this.meters) {
      if (!meter.touched) continue;
      const latencies: Partial<Record<LatencyKind, string>> = {};
      for (const [kind, histogram] of Object.entries(meter.latencies) as [LatencyKind, LatencyHistogram][]) {
        if (histogram.count > 0) latencies[kind] = histogram.encode();
        histogram.reset();
      }
      const generatorCpuUs = cpu - this.cpuAtStartUs;
      const counters = { ...meter.counters };
      records.push({ workerId: this.workerId, phaseId, startNs: this.startNs, endNs: nowNs, counters, latencies, generatorCpuUs });
      for (const name of counterNames) meter.counters[name] = 0;
      meter.touched = false;
    }
    this.startNs = nowNs;
    this.cpuAtStartUs = cpu;
    return records;
  }

  private meter(phaseId: number): PhaseMeter {
    let meter = this.meters.get(phaseId);
    if (meter === undefined) this.meters.set(phaseId, (meter = new PhaseMeter()));
    return meter;
  }
}
