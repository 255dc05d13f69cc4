// How a sleeping thread is woken: through its descriptor, or through Atomics where it has none.
// Owner: the thread that wakes. Not hot: only when the bell says the target sleeps (doorbell.ts).

import { assert } from '../../engine/base/assert.ts';

/** The addon's signal(fd): add 1 to an eventfd. */
export type Signal = (fd: number) => void;

export interface Waker {
  /** @param state index of the target's STATE word; @param fd its descriptor, -1 when it has none. */
  wake(words: Int32Array<SharedArrayBuffer>, state: number, fd: number): void;
}

/** The target's reactor polls an eventfd: it gets a WAKE completion in its next tick. */
export class FdWaker implements Waker {
  private readonly signal: Signal | null;

  constructor(signal: Signal | null) {
    this.signal = signal;
  }

  wake(_words: Int32Array<SharedArrayBuffer>, _state: number, fd: number): void {
    assert(this.signal !== null, 'a thread with a wake descriptor is woken through the addon', fd);
    this.signal(fd);
  }
}

/** The target waits with Atomics.waitAsync (sleeper.ts). */
export class NotifyWaker implements Waker {
  wake(words: Int32Array<SharedArrayBuffer>, state: number, _fd: number): void {
    Atomics.notify(words, state);
  }
}
