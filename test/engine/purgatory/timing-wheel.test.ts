// The wheel against a sorted list: every entry fires once, in the millisecond of its deadline, never early.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerEntry, TimingWheel } from '../../../src/engine/purgatory/timing-wheel.ts';

class Probe extends TimerEntry {
  firedAt = -1;
  readonly clock: { nowMs: number };
  constructor(clock: { nowMs: number }) {
    super();
    this.clock = clock;
  }
  override onDeadline(): void {
    expect(this.firedAt).toBe(-1);
    this.firedAt = this.clock.nowMs;
  }
}

test('entries fire exactly at the first advance that reaches their deadline', () => {
  const delays = fc.array(fc.tuple(fc.nat({ max: 70_000_000 }), fc.boolean()), { maxLength: 40 });
  const steps = fc.array(fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 70_000 }), fc.nat({ max: 40_000_000 })), { maxLength: 30 });
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), delays, steps, (start, armed, advances) => {
      const clock = { nowMs: start };
      const wheel = new TimingWheel(start);
      const probes = armed.map(([delay, cancelled]) => {
        const probe = new Probe(clock);
        wheel.add(probe, start + delay);
        return { probe, deadline: Math.max(start + delay, start + 1), cancelled };
      });
      for (const { probe, cancelled } of probes) if (cancelled) wheel.cancel(probe);
      const reached: number[] = [];
      for (const step of advances) {
        const bound = wheel.nextDeadlineMs();
        const pending = probes.filter((p) => !p.cancelled && p.probe.firedAt < 0).map((p) => p.deadline);
        if (pending.length > 0) expect(bound).toBeLessThanOrEqual(Math.min(...pending));
        else expect(bound).toBe(Infinity);
        clock.nowMs += step;
        wheel.advance(clock.nowMs);
        reached.push(clock.nowMs);
      }
      for (const { probe, deadline, cancelled } of probes) {
        const expected = cancelled ? -1 : (reached.find((at) => at >= deadline) ?? -1);
        expect(probe.firedAt).toBe(expected);
      }
      expect(wheel.size).toBe(probes.filter((p) => !p.cancelled && p.probe.firedAt < 0).length);
    }),
    { numRuns: 60 },
  );
});

test('what fires may arm and cancel others', () => {
  const wheel = new TimingWheel(0);
  const order: string[] = [];
  class Step extends TimerEntry {
    readonly run: () => void;
    constructor(run: () => void) {
      super();
      this.run = run;
    }
    override onDeadline(): void {
      this.run();
    }
  }
  const never = new Step(() => order.push('never'));
  const again = new Step(() => order.push('again'));
  const first = new Step(() => {
    order.push('first');
    wheel.cancel(never);
    wheel.add(again, 5);
  });
  wheel.add(first, 3);
  wheel.add(never, 3);
  wheel.advance(10);
  expect(order).toEqual(['first', 'again']);
});
