// Wakes tests that wait for a condition when something has happened. No polling, no sleeping; a deadline ends the wait.

const DEADLINE_MS = 30_000;

export class ChangeSignal {
  private waiting: (() => void)[] = [];

  notify(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** @throws with `what` when `condition` does not come true */
  async until(condition: () => boolean, what: string): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.notify();
    }, DEADLINE_MS);
    try {
      while (!condition()) {
        if (late) throw new Error(`did not happen within ${DEADLINE_MS} ms: ${what}`);
        await new Promise<void>((resolve) => this.waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
