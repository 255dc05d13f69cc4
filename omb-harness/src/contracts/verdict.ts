// Verdict: whether a run's figures mean anything, and why not. Owner: pure; a contract, types only.

/** Worst first. */
export type Standing =
  /** Nothing may be concluded: the generator was late, the broker died, records were lost. */
  | 'INVALID'
  /** The target rate was not held: throughput stands, latencies measure the queue. */
  | 'SATURATED'
  | 'VALID';

export interface Reason {
  /** Stable, for machines: 'generator-late', 'generator-core', 'lost', 'interrupted' … */
  readonly code: string;
  /** One sentence with the figures. */
  readonly text: string;
}

export interface Verdict {
  readonly standing: Standing;
  /** Why it is not VALID. */
  readonly reasons: readonly Reason[];
  /** What a reader should know and which changes nothing of the standing. */
  readonly warnings: readonly Reason[];
}
