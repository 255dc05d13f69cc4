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
  private phase = '';
  /** Of this phase so far: one interval's own could be sent in the next and not seen. */
  private heldBack = 0;
  private notSent = 0;

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
      if (what !== this.phase) this.heldBack = this.notSent = 0;
      this.phase = what;
      this.heldBack = Math.max(0, this.heldBack + counters.due - counters.sent - counters.overflowed);
      this.notSent += counters.overflowed;
      if (counters.due > 0 || counters.acked > 0)
        this.publish = `${rate(counters.acked)} acked ${tail(latencies.publishResponse)}, ${this.heldBack} held back, ${this.notSent} not sent`;
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
  return `p50/p99/p99.9 ${at(50)}/${at(99)}/${at(99.9)} ms`;
}
