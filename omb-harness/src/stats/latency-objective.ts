// LatencyObjective: what a rate must hold, as a user writes it: p99=5, end-to-end-p99.9=20 (milliseconds). Owner: pure. Not hot.

import type { LatencyKind } from '../contracts/interval-record.ts';

export interface LatencyObjective {
  readonly kind: LatencyKind & ('publishResponse' | 'endToEnd');
  readonly percentile: number;
  readonly maxMs: number;
}

/** null: it is none. */
export function readObjective(text: string): LatencyObjective | null {
  const match = /^(publish-|end-to-end-)?p(\d+(?:\.\d+)?)=(\d+(?:\.\d+)?)(?:ms)?$/.exec(text);
  if (match === null) return null;
  const [, span, percentile, maxMs] = match;
  if (!(Number(percentile) > 0) || Number(percentile) >= 100 || !(Number(maxMs) > 0)) return null;
  return { kind: span === 'end-to-end-' ? 'endToEnd' : 'publishResponse', percentile: Number(percentile), maxMs: Number(maxMs) };
}

export function objectiveInWords(objective: LatencyObjective | null): string {
  if (objective === null) return 'the rate is held';
  const span = objective.kind === 'endToEnd' ? 'end-to-end' : 'publish';
  return `the rate is held and the ${span} p${objective.percentile} from intended time is at most ${objective.maxMs} ms`;
}
