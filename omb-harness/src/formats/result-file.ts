// Our own result file: RunResult as JSON, with the percentiles written out for readers without a histogram library.
// Owner: pure. Not hot.

import { type LatencyKind, latencyKinds } from '../contracts/interval-record.ts';
import { RESULT_VERSION, type PhaseTotals, type RunResult } from '../contracts/run-result.ts';
import { LatencyHistogram } from '../stats/latency-histogram.ts';

export const headlinePercentiles: readonly number[] = [50, 75, 90, 95, 99, 99.9, 99.99, 99.999];

export interface LatencyFigures {
  readonly samples: number;
  readonly clampedAboveOneHour: number;
  readonly meanUs: number;
  readonly maxUs: number;
  /** Keys 'p50Us' … 'p99.999Us'. */
  readonly [percentile: `p${string}Us`]: number;
}

export function latencyFigures(phase: PhaseTotals, kind: LatencyKind): LatencyFigures | null {
  const text = phase.latencies[kind];
  if (text === undefined) return null;
  const histogram = LatencyHistogram.decode(text);
  const at = (percentile: number): [string, number] => [`p${percentile}Us`, histogram.percentileNs(percentile) / 1000];
  return {
    samples: histogram.count,
    clampedAboveOneHour: histogram.clamped,
    meanUs: histogram.meanNs / 1000,
    maxUs: histogram.maxNs / 1000,
    ...Object.fromEntries(headlinePercentiles.map(at)),
  };
}

export function writeResultFile(result: RunResult): string {
  const latencies = result.phases.map((phase) => ({
    phaseId: phase.phase.id,
    ...Object.fromEntries(latencyKinds.map((kind) => [kind, latencyFigures(phase, kind)])),
  }));
  return `${JSON.stringify({ ...result, latencyFigures: latencies }, null, 1)}\n`;
}

export type ReadResult = { readonly ok: true; readonly result: RunResult } | { readonly ok: false; readonly error: string };

/** @param file for messages */
export function readResultFile(file: string, text: string): ReadResult {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return { ok: false, error: `${file} is not a result: ${(error as Error).message}` };
  }
  const version = (parsed as { resultVersion?: unknown } | null)?.resultVersion;
  if (version === undefined) return { ok: false, error: `${file} is not a result of this harness: it has no resultVersion` };
  if (version !== RESULT_VERSION)
    return { ok: false, error: `${file} is of version ${String(version)}; this harness reads version ${RESULT_VERSION}` };
  return { ok: true, result: parsed as RunResult };
}
