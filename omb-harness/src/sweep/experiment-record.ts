// ExperimentRecord: what an experiment is, as its folder keeps it. Owner: pure, types only.

export interface ExperimentRecord {
  readonly recordVersion: 1;
  readonly kind: 'repeats' | 'sweep' | 'compare';
  readonly title: string;
  readonly startedAt: string;
  readonly repeats: number;
  readonly seed: number;
  /** Dials of a sweep and their levels in order; empty where systems are compared. */
  readonly dials: Readonly<Record<string, readonly string[]>>;
  readonly cells: readonly { readonly id: string; readonly levels: Readonly<Record<string, string>> }[];
}
