// Runs something before the event loop turns. Owner: any thread. Hot: once a turn of the loop.
//
// queueMicrotask() makes half a KB of async resource each time. What throws here is an unhandled rejection, which ends the
// process as an uncaught exception does.

const settled = Promise.resolve();

export function microtask(run: () => void): void {
  void settled.then(run);
}
