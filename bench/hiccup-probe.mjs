// The hiccup probe beside one run: a process of its own, from before the run until after it. Not hot.

import { isTailOfHiccups, judgeHiccups } from './hiccups.mjs';
import { warn } from './notes.mjs';
import { startNative } from './systems.mjs';

/** Resolves with what `run` does, the load generator's result of a tail of that broker, and `hiccups` in it. */
export async function withHiccups(where, brokerPid, run) {
  const probe = await startNative('hiccup');
  let seen;
  let result;
  try {
    result = await run();
  } finally {
    seen = JSON.parse(await probe.stop());
  }
  result.hiccups = judgeHiccups(seen, brokerPid, result);
  tell(where, result.hiccups);
  return result;
}

function tell(where, hiccups) {
  const { fifoRefused, interruptsRefused, lostMs, longHiccups, lateShare, unexplainedShare } = hiccups;
  if (fifoRefused) warn(`the hiccup probe has no SCHED_FIFO (${fifoRefused}): what it calls a hiccup may be any busy program`);
  if (interruptsRefused)
    warn(`the hiccup probe sees no timer interrupts (${interruptsRefused}): it cannot tell the host from the kernel's work`);
  if (!isTailOfHiccups(hiccups)) return;
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const lost = `${longHiccups} hiccups of over 2 ms (${lostMs.toFixed(0)} ms)`;
  warn(`${where}: p99 of a run is the machine's: ${percent(lateShare)} came late, ${lost}, ${percent(unexplainedShare)} without a hiccup`);
}
