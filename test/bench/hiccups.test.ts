// The hiccup probe: it sees a machine that stands still, and what came late is laid at its door only where it was late itself.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { isQuiet, isTailOfHiccups, judgeHiccups } = await benchModule('hiccups.mjs');
const { buildNative, startNative } = await benchModule('systems.mjs');

const ms = 1e6;

const broker = 4711;
const other = 99;

interface Core {
  core: number;
  max: number;
  late: [number, number, number, number][];
  gaps: [number, number][];
}

/** Of each core, in ms: late wake-ups as [before, deadline, woken, who ran, which is no time], and gaps between interrupts. */
function probe(...cores: { late?: [number, number, number, number][]; gaps?: [number, number][] }[]): object {
  const seen = cores.map(({ late = [], gaps = [] }, core) => ({
    core,
    p99: 60,
    max: 0,
    late: late.map(([before, deadline, woken, pid]) => [before * ms, deadline * ms, woken * ms, pid]),
    gaps: gaps.map((times) => times.map((time) => time * ms)),
  }));
  return { from: 0, to: 1100 * ms, cpuSeconds: 0.022, fifoRefused: '', interruptsRefused: '', cores: seen };
}

/** A run from 100 ms to 1100 ms with 1,000 records: late ones as [meant, came, longest wait, records]. */
function tail(...late: [number, number, number, number][]): object {
  const lateNs = late.map(([from, to, longest, records]) => [from * ms, to * ms, longest * ms, records]);
  return { windowNs: [[100 * ms, 1100 * ms]], lateNs, endToEndUs: { count: 1000 } };
}

test('a late record is explained by a hiccup of either core while it waited, and by nothing else', () => {
  // Core 1 was away from about 201 to 212.
  const seen = probe({}, { late: [[200, 202, 212, other]] });
  const during = judgeHiccups(seen, broker, tail([202, 213, 11, 20]));
  expect(during).toMatchObject({ lostMs: 11, lostShare: 0.011, longHiccups: 1, lateShare: 0.02, unexplainedShare: 0 });
  expect(isTailOfHiccups(during)).toBe(true);
  const after = judgeHiccups(seen, broker, tail([212, 223, 11, 20]));
  expect(after).toMatchObject({ lateShare: 0.02, unexplainedShare: 0.02 });
  expect(isTailOfHiccups(after)).toBe(false);
  // A hiccup that is a small part of the wait does not excuse the rest.
  expect(judgeHiccups(seen, broker, tail([208, 250, 42, 20])).unexplainedShare).toBe(0.02);
});

test('where interrupts stood still it was the host; where they went on it was the kernel, and its work for the broker is no excuse', () => {
  const late: [number, number, number, number] = [200, 202, 212, broker];
  const ours = judgeHiccups(probe({ late: [late] }), broker, tail([202, 213, 11, 20]));
  expect(ours).toMatchObject({ lostMs: 0, hostMs: 0, kernelMs: 0, brokerKernelMs: 11, unexplainedShare: 0.02 });
  const hosts = judgeHiccups(probe({ late: [late], gaps: [[200.5, 212]] }), broker, tail([202, 213, 11, 20]));
  expect(hosts).toMatchObject({ lostMs: 11, hostMs: 11, kernelMs: 0, brokerKernelMs: 0, unexplainedShare: 0 });
  // Nor does a short gap in the midst of that work make it the host's.
  const both = judgeHiccups(probe({ late: [late], gaps: [[205, 207.5]] }), broker, tail([202, 213, 11, 20]));
  expect(both).toMatchObject({ lostMs: 0, brokerKernelMs: 11, unexplainedShare: 0.02 });
  // Interrupts may be left out: where the thread was woken in time, nothing was withheld.
  expect(judgeHiccups(probe({ gaps: [[200.5, 212]] }), broker, tail())).toMatchObject({ lostMs: 0, hostMs: 0 });
  const theirs = judgeHiccups(probe({ late: [[200, 202, 212, other]] }), broker, tail());
  expect(theirs).toMatchObject({ lostMs: 11, hostMs: 0, kernelMs: 11, brokerKernelMs: 0 });
});

test('both cores away at once are one loss, what lies outside of the window is none, and short ones are not counted', () => {
  const first: [number, number, number, number][] = [
    [90, 92, 110, other],
    [300, 302, 310, other],
    [400, 401, 402, other],
  ];
  const seen = judgeHiccups(probe({ late: first }, { late: [[302, 304, 312, other]] }), broker, tail());
  expect(seen).toMatchObject({ lostMs: 10 + 11, longHiccups: 2 });
  expect(isTailOfHiccups(seen)).toBe(false);
});

test('a run is quiet when neither the probe nor the host lost more than one percent of it', () => {
  expect(isQuiet({ hiccups: { lostShare: 0.01 }, stealShare: 0.01 })).toBe(true);
  expect(isQuiet({ hiccups: { lostShare: 0.011 }, stealShare: 0 })).toBe(false);
  expect(isQuiet({ hiccups: { lostShare: 0 }, stealShare: 0.011 })).toBe(false);
});

test.runIf(process.arch === 'x64')('the probe sees a stop of all its threads, on each core, and when that was', async () => {
  buildNative(() => {}, ['hiccup']);
  const { pid, stop } = await startNative('hiccup');
  process.kill(pid, 'SIGSTOP');
  const tasks = readdirSync(`/proc/${pid}/task`);
  const isStopped = (task: string): boolean => readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8').includes(') T ');
  for (const deadline = Date.now() + 20_000; !tasks.every(isStopped) && Date.now() < deadline;) await sleep(1);
  // The clock of hrtime is the probe's, CLOCK_MONOTONIC.
  const from = Number(process.hrtime.bigint());
  await sleep(60);
  const to = Number(process.hrtime.bigint());
  process.kill(pid, 'SIGCONT');
  const seen = JSON.parse(await stop());
  expect(seen.cores.length).toBeGreaterThan(0);
  for (const { core, max, late } of seen.cores as Core[]) {
    expect(max, `core ${core}`).toBeGreaterThan(50_000);
    const covers = late.some(([before, , woken]) => before <= from && woken >= to);
    expect(covers, `core ${core}: ${JSON.stringify(late)}, stopped ${from}..${to}`).toBe(true);
  }
});
