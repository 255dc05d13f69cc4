// SharedIoThrottle: one rate for the file work of all background threads. Owner: each thread has one over the same shared
// cell. Not hot.
//
// The cell holds the time at which what was asked for so far will have been paid: who asks puts its own cost behind that and
// sleeps until its turn. Time is the system's monotonic clock, the same on every thread.

import type { IoThrottle } from '../../engine/log/cleaner/clean-job.ts';

export interface ThrottleClock {
  nowNs(): bigint;
  /** Blocks the thread. */
  sleep(ms: number): void;
}

const sleeping = new Int32Array(new SharedArrayBuffer(4));

const systemThrottleClock: ThrottleClock = {
  nowNs: () => process.hrtime.bigint(),
  sleep: (ms) => void Atomics.wait(sleeping, 0, 0, ms),
};

/** Costs are gathered to this share of a second, so that a batch is not a sleep. */
const GRAIN_SECONDS = 0.02;
const GRAIN_BYTES_MIN = 4096;

export class SharedIoThrottle implements IoThrottle {
  private readonly paidUntilNs: BigInt64Array;
  private readonly bytesPerSecond: number;
  private readonly grainBytes: number;
  private readonly clock: ThrottleClock;
  private owedBytes = 0;

  /** @param cell 8 bytes, zero at first */
  constructor(cell: SharedArrayBuffer, bytesPerSecond: number, clock: ThrottleClock = systemThrottleClock) {
    this.paidUntilNs = new BigInt64Array(cell);
    this.bytesPerSecond = bytesPerSecond;
    this.grainBytes = Math.max(bytesPerSecond * GRAIN_SECONDS, GRAIN_BYTES_MIN);
    this.clock = clock;
  }

  spend(bytes: number): void {
    this.owedBytes += bytes;
    if (this.owedBytes < this.grainBytes) return;
    const costNs = BigInt(Math.ceil((this.owedBytes * 1e9) / this.bytesPerSecond));
    this.owedBytes = 0;
    const nowNs = this.clock.nowNs();
    for (;;) {
      const paidUntilNs = Atomics.load(this.paidUntilNs, 0);
      const beginNs = paidUntilNs > nowNs ? paidUntilNs : nowNs;
      if (Atomics.compareExchange(this.paidUntilNs, 0, paidUntilNs, beginNs + costNs) !== paidUntilNs) continue;
      const waitNs = beginNs + costNs - nowNs;
      this.clock.sleep(Number(waitNs / 1_000_000n));
      return;
    }
  }
}
