// The hiccup probe: it sees a machine that stands still, and what came late is laid at its door only where it was late itself.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { benchModule } from './bench-module.ts';

const { isQuiet, isTailOfHiccups, judgeHiccups } = await benchModule('hiccups.mjs');
const { buildNative, startNative } = await benchModule('systems.mjs');

const ms = 1e6;

interface Core {
  core: number;
  max: number;
  late: [number, number, number][];
}

function probe(...cores: [number, number, number][][]): object {
  const seen = cores.map((late, core) => ({ core, p99: 60, max: 0, late: late.map((times) => times.map((time) => time * ms)) }));
  return { from: 0, to: 1100 * ms, cpuSeconds: 0.022, fifoRefused: '', cores: seen };
}

/** A run from 100 ms to 1100 ms with 1,000 records: late ones as [meant, came, longest wait, records]. */
function tail(...late: [number, number, number, number][]): object {
  const lateNs = late.map(([from, to, longest, records]) => [from * ms, to * ms, longest * ms, records]);
  return { windowNs: [[100 * ms, 1100 * ms]], lateNs, endToEndUs: { count: 1000 } };
}

test('a late record is explained by a hiccup of either core while it waited, and by nothing else', () => {
  // Core 1 was away from about 201 to 212.
  const seen = probe([], [[200, 202, 212]]);
  const during = judgeHiccups(seen, tail([202, 213, 11, 20]));
  expect(during).toMatchObject({ lostMs: 11, lostShare: 0.011, longHiccups: 1, lateShare: 0.02, unexplainedShare: 0 });
  expect(isTailOfHiccups(during)).toBe(true);
  const after = judgeHiccups(seen, tail([212, 223, 11, 20]));
  expect(after).toMatchObject({ lateShare: 0.02, unexplainedShare: 0.02 });
  expect(isTailOfHiccups(after)).toBe(false);
  // A hiccup that is a small part of the wait does not excuse the rest.
  expect(judgeHiccups(seen, tail([208, 250, 42, 20])).unexplainedShare).toBe(0.02);
});

test('both cores away at once are one loss, what lies outside of the window is none, and short ones are not counted', () => {
  const seen = probe(
    [
      [90, 92, 110],
      [300, 302, 310],
      [400, 402, 403],
    ],
    [[302, 304, 312]],
  );
  expect(judgeHiccups(seen, tail())).toMatchObject({ lostMs: 10 + 11, longHiccups: 2 });
  expect(isTailOfHiccups(judgeHiccups(seen, tail()))).toBe(false);
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
