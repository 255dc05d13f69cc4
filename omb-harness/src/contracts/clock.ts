// Clock: time and waiting as the harness takes them, so that tests can replace both. Owner: pure; a contract.

export interface Clock {
  /** CLOCK_MONOTONIC of this host in nanoseconds: the same in every process, not moved by steps of the wall clock. */
  nowNs(): number;
  /** Resolves at or after that time; at once when `signal` is aborted. */
  sleepUntil(ns: number, signal?: AbortSignal): Promise<void>;
}
