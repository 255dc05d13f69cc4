// .hlog, version 1.3: every interval's raw histograms, one line each, tagged by kind. Owner: pure. Not hot.
//
// Values are nanoseconds, so that readers that divide by a million show true milliseconds.

import { latencyKinds } from '../contracts/interval-record.ts';
import type { RunResult } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

const DISPLAY_NS = 1e6;

export function writeHistogramLog({ startedAt, intervals, phases, measuredPhase }: RunResult): string {
  const start = Date.parse(startedAt) / 1000;
  const lines = [
    '#[Histogram log format version 1.3]',
    `#[StartTime: ${start.toFixed(3)} (seconds since epoch), ${startedAt}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ];
  const origin = intervals[0]?.startSeconds ?? 0;
  const measured = measuredPhase === null ? -1 : phases[measuredPhase]!.phase.id;
  for (const { phaseId, startSeconds, endSeconds, latencies } of intervals) {
    const warmUp = phaseId === measured ? '' : `-phase${phaseId}`;
    for (const kind of latencyKinds) {
      const text = latencies[kind];
      if (text === undefined) continue;
      const max = LatencyHistogram.decode(text).maxNs / DISPLAY_NS;
      const at = `${(startSeconds - origin).toFixed(3)},${(endSeconds - startSeconds).toFixed(3)}`;
      lines.push(`Tag=${kind}${warmUp},${at},${max.toFixed(3)},${text}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
