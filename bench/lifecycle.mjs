// The frame of a benchmark process: it runs to its end, or is interrupted, and either way ends every process it started and
// clears up behind itself. Not hot.

import { say } from './notes.mjs';
import { killEverything, stopEverything } from './systems.mjs';

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Runs `main`, then `clearUp`, then ends the process: with the code that main resolves with, 0 if none. */
export async function runToEnd(main, clearUp) {
  let ending = false;
  const end = async (code) => {
    if (ending) return;
    ending = true;
    await stopEverything();
    await clearUp();
    process.exit(code);
  };
  process.on('exit', killEverything);
  for (const [signal, code] of Object.entries(signals)) process.on(signal, () => end(code));
  try {
    await end((await main()) ?? 0);
  } catch (error) {
    // While a signal is being served, the failure is only its echo: the load generator was ended under us.
    if (!ending) say(`bench: ${error.stack ?? error}`);
    await end(1);
  }
}
