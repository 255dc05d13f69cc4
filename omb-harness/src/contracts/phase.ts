// Phase: a stretch of a run with one rate, and how arrivals are spaced in it. Owner: pure; a contract, types only.
//
// A run is a row of phases (warm-up, measured, steps of a rate search, drain). Every worker is told each phase before it
// begins, in absolute monotonic time, so that all attribute a sample to the same phase without talking to each other: a
// record belongs to the phase its *intended* time lies in, whenever it is sent, acked or consumed.

export type PhaseLabel = 'warm-up' | 'measured' | 'search' | 'backlog-fill' | 'backlog-drain';

/** Rising in time from 0, seconds since the phase began. Between two the rate is on their line; the last one's stays. */
export type RateCourse = readonly { readonly atSeconds: number; readonly ratePerSecond: number }[];

export interface Phase {
  /** Rises by one from phase to phase of a run. */
  readonly id: number;
  readonly label: PhaseLabel;
  /** CLOCK_MONOTONIC of this host, nanoseconds. */
  readonly startNs: number;
  /**
   * Nothing is due at or after this. null: until the next phase begins (warm-up by criterion). A later phase's startNs ends
   * an earlier one; it is announced at least 20 ms ahead.
   */
  readonly endNs: number | null;
  /** All producers of all workers together. 0: nothing is sent in this phase. */
  readonly ratePerSecond: number;
  /** A rate that changes within the phase, `ratePerSecond` is then its mean; of periodic arrivals only. */
  readonly course?: RateCourse;
  /** Evenly spaced (OMB's only kind), or exponential gaps drawn from the seed of the plan. */
  readonly arrivals: 'periodic' | 'poisson';
}
