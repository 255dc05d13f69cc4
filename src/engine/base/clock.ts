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

export interface Timers extends Clock {
  /** `ring` is called when monotonicMs() says `atMs`, or soon after. @returns takes it back */
  at(atMs: number, ring: () => void): () => void;
}

export const systemTimers: Timers = {
  ...systemClock,
  at: (atMs, ring) => {
    const timer = setTimeout(ring, Math.max(0, atMs - performance.now()));
    return () => clearTimeout(timer);
  },
};
