// The rate holds over all threads that share a cell, told by a clock that only sleeping moves.

import { expect, test } from 'vitest';
import { SharedIoThrottle } from '../../../src/workers/background/io-throttle.ts';

function stillClock(): { nowNs: () => bigint; sleep: (ms: number) => void; sleptMs: number } {
  const clock = {
    sleptMs: 0,
    nowNs: () => BigInt(Math.round(clock.sleptMs * 1e6)),
    sleep: (ms: number) => void (clock.sleptMs += ms),
  };
  return clock;
}

test.each([1, 3])('10 MB at 1 MB/s take ten seconds, by %i threads together', (threads) => {
  const clock = stillClock();
  const cell = new SharedArrayBuffer(8);
  const throttles = Array.from({ length: threads }, () => new SharedIoThrottle(cell, 1_000_000, clock));
  for (let spent = 0; spent < 10_000_000; spent += 10_000) throttles[(spent / 10_000) % threads]!.spend(10_000);
  expect(clock.sleptMs).toBeGreaterThan(9_700);
  expect(clock.sleptMs).toBeLessThan(10_300);
});

test('without a limit nobody waits', () => {
  const clock = stillClock();
  const throttle = new SharedIoThrottle(new SharedArrayBuffer(8), Number.MAX_VALUE, clock);
  for (let i = 0; i < 100; i++) throttle.spend(100_000_000);
  expect(clock.sleptMs).toBe(0);
});
