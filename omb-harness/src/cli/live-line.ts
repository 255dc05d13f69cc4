// What a run is doing, while it does it: one line rewritten in place on a terminal, or one JSON line an interval. Owner: the
// main thread. Not hot.

import type { LatencyKind } from '../contracts/interval-record.ts';
import type { Progress } from '../run/run-workload.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

const ERASE = '\r\u001B[2K';

export class LiveLine {
  private readonly json: boolean;
  private shown = false;
  private publish = '';
  private endToEnd = '';

  constructor(json: boolean) {
    this.json = json;
  }

  show({ what, record }: Progress): void {
    if (this.json) {
      if (record !== null) process.stdout.write(`${JSON.stringify({ type: 'interval', phase: what, ...record })}\n`);
      return;
    }
    if (process.stderr.isTTY !== true) {
      if (record === null) process.stderr.write(`ringlog bench: ${what}\n`);
      return;
    }
    if (record !== null) {
      const { counters, latencies, startNs, endNs } = record;
      const rate = (count: number): string => `${Math.round(count / ((endNs - startNs) / 1e9))}/s`;
      const waiting = counters.due - counters.sent - counters.overflowed;
      if (counters.due > 0 || counters.acked > 0)
        this.publish = `${rate(counters.acked)} acked ${tail(latencies.publishResponse)}, ${Math.max(0, waiting)} held back, ${counters.overflowed} not sent`;
      if (counters.received > 0) this.endToEnd = `; ${rate(counters.received)} read ${tail(latencies.endToEnd)}`;
    }
    process.stderr.write(`${ERASE}${what}: ${this.publish}${this.endToEnd}`.slice(0, (process.stderr.columns ?? 80) + ERASE.length - 1));
    this.shown = true;
  }

  clear(): void {
    if (this.shown) process.stderr.write(ERASE);
    this.shown = false;
  }
}

function tail(text: Partial<Record<LatencyKind, string>>[LatencyKind]): string {
  if (text === undefined) return '';
  const histogram = LatencyHistogram.decode(text);
  const at = (percentile: number): string => (histogram.percentileNs(percentile) / 1e6).toFixed(2);
  return `${at(50)}/${at(99)}/${at(99.9)} ms`;
}
