// Time as a constructor argument, so that the simulator can replace it. Owner: any thread; no state.

export interface Clock {
  /** Milliseconds that only go forward, from an arbitrary start. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
