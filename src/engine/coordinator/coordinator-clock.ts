// The two times a coordinator needs. Owner: the shard's thread; no state. The simulator passes its own.

export interface CoordinatorClock {
  /** Monotonic, the time of the timing wheel. */
  nowMs(): number;
  /** Since the Unix epoch, the time that is written into records. */
  wallMs(): number;
}
