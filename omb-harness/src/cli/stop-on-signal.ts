// The first signal ends a run with a partial result; a second one ends the process. Owner: the main thread. Not hot.

import { EXIT_FAILED } from './exit-codes.ts';
import { say } from './say.ts';

export class StopOnSignal {
  private readonly controller = new AbortController();
  private readonly onSignal = (): void => {
    if (this.signal.aborted) process.exit(EXIT_FAILED);
    say('stopping: what was measured so far is written (again: end at once)');
    this.controller.abort();
  };

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  close(): void {
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
  }
}
