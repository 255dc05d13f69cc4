// Conformance: timers, wake-ups, ticks.

import { expect, test } from 'vitest';
import { Cq, Ctl } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';

export function timeCases({ open }: ConformanceContext): void {
  test('TIMER comes once, and not before its deadline', async () => {
    const bench = await open();
    const { reactor } = bench;
    const seenAt: number[] = [];
    bench.recorder.onCompletion = (seen) => {
      if (seen.op === Cq.TIMER) seenAt.push(reactor.ctlF64[Ctl.NOW_MS_F64]!);
    };
    let deadline = 0;
    await bench.inTick(() => {
      deadline = reactor.ctlF64[Ctl.NOW_MS_F64]! + 25;
      bench.submitter.arm(deadline);
    });
    await bench.untilCompleted(Cq.TIMER, 1);
    expect(seenAt[0]).toBeGreaterThanOrEqual(deadline);
    await bench.inTick(() => bench.submitter.arm(reactor.ctlF64[Ctl.NOW_MS_F64]! + 25));
    await bench.untilCompleted(Cq.TIMER, 2);
    expect(seenAt).toHaveLength(2);
  });

  test('arming again replaces what was armed, earlier or later', async () => {
    const bench = await open();
    const { reactor } = bench;
    let start = 0;
    await bench.inTick(() => {
      start = reactor.ctlF64[Ctl.NOW_MS_F64]!;
      bench.submitter.arm(start + 600_000);
    });
    await bench.inTick(() => bench.submitter.arm(start + 10));
    let armedIn = 0;
    await bench.inTick(() => {
      armedIn = bench.recorder.ticks;
      bench.submitter.arm(start + 60);
    });
    // On a busy machine the first 10 ms may have passed before they were replaced: that TIMER came by this tick.
    await bench.until(() => bench.recorder.of(Cq.TIMER).some(({ tick }) => tick > armedIn), 'the TIMER armed last');
    expect(reactor.ctlF64[Ctl.NOW_MS_F64]).toBeGreaterThanOrEqual(start + 60);
    expect(reactor.ctlF64[Ctl.NOW_MS_F64]).toBeLessThan(start + 600_000);
  });

  test('Infinity disarms', async () => {
    const bench = await open();
    const { reactor } = bench;
    let start = 0;
    await bench.inTick(() => {
      start = reactor.ctlF64[Ctl.NOW_MS_F64]!;
      bench.submitter.arm(start + 10);
      bench.submitter.arm(Infinity);
    });
    await bench.inTick(() => bench.submitter.arm(start + 60));
    await bench.inTick(() => bench.submitter.arm(Infinity));
    let before = 0;
    await bench.inTick(() => {
      // On a busy machine the deadline of 60 ms may have passed before it was disarmed.
      before = bench.recorder.of(Cq.TIMER).length;
      start = reactor.ctlF64[Ctl.NOW_MS_F64]!;
      bench.submitter.arm(start + 120);
    });
    await bench.untilCompleted(Cq.TIMER, before + 1);
    expect(reactor.ctlF64[Ctl.NOW_MS_F64]).toBeGreaterThanOrEqual(start + 120);
  });

  test('a deadline that has passed fires at once', async () => {
    const bench = await open();
    await bench.inTick(() => bench.submitter.arm(bench.reactor.ctlF64[Ctl.NOW_MS_F64]! - 5));
    await bench.untilCompleted(Cq.TIMER, 1);
  });

  test('wakes before a tick are one WAKE, and a wake within a tick is the next tick’s', async () => {
    const bench = await open();
    bench.reactor.wake();
    bench.reactor.wake();
    await bench.untilCompleted(Cq.WAKE, 1);
    const tick = bench.recorder.of(Cq.WAKE)[0]!.tick;
    await bench.inTick(() => bench.reactor.wake());
    await bench.untilCompleted(Cq.WAKE, 2);
    await bench.inTick(() => undefined);
    expect(bench.recorder.of(Cq.WAKE)).toHaveLength(2);
    expect(bench.recorder.of(Cq.WAKE)[1]!.tick).toBeGreaterThan(tick);
  });

  test('schedule() runs a tick that carries out what was submitted outside of one', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const ticks = bench.reactor.ctlF64[Ctl.TICKS_F64]!;
    bench.submitter.send(name, Buffer.from('later'));
    bench.reactor.schedule();
    bench.reactor.schedule();
    await bench.untilReceived(peer, 5);
    // The bytes may have left at the end of the tick whose promise jobs this ran among; the scheduled one follows it.
    await bench.until(() => bench.reactor.ctlF64[Ctl.TICKS_F64]! > ticks, 'the scheduled tick');
    expect(bench.recorder.ticks).toBe(bench.reactor.ctlF64[Ctl.TICKS_F64]);
  });

  test('a reactor at rest does not tick', async () => {
    const bench = await open();
    await bench.connect();
    await bench.inTick(() => bench.submitter.send({ conn: 0, generation: 0 }, Buffer.from('nobody')));
    const ticks = bench.recorder.ticks;
    await bench.inTick(() => bench.submitter.arm(bench.reactor.ctlF64[Ctl.NOW_MS_F64]! + 50));
    await bench.untilCompleted(Cq.TIMER, 1);
    // The scheduled one, the timer's, and at most one that followed each of the three.
    expect(bench.recorder.ticks - ticks).toBeLessThanOrEqual(5);
  });

  test('wall-clock time is read with each tick', async () => {
    const bench = await open();
    await bench.inTick(() => undefined);
    const wall = bench.reactor.ctlF64[Ctl.WALL_MS_F64]!;
    expect(wall).toBeGreaterThan(Date.UTC(2025, 0, 1));
    await bench.inTick(() => bench.submitter.arm(bench.reactor.ctlF64[Ctl.NOW_MS_F64]! + 20));
    await bench.untilCompleted(Cq.TIMER, 1);
    expect(bench.reactor.ctlF64[Ctl.WALL_MS_F64]! - wall).toBeGreaterThanOrEqual(19);
  });
}
