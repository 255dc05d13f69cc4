// The machine's own clock. Owner: any thread.

import type { Clock } from '../contracts/clock.ts';

export const monotonicClock: Clock = {
  // A number holds nanoseconds exactly for 104 days of uptime and to a few nanoseconds after that.
  nowNs: () => Number(process.hrtime.bigint()),
  sleepUntil: (ns, signal) =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(0, Math.ceil((ns - monotonicClock.nowNs()) / 1e6)));
      signal?.addEventListener('abort', wake);
      if (signal?.aborted === true) wake();
    }),
};
