// A thread's bell: the shared flag that says it sleeps, and the ringing side of it.
// Owner: rung by every other thread; the owner's side is sleeper.ts. Hot: one shared load while the owner is awake.
//
//   bell, 128 bytes a thread   │ STATE │ WAKE_FD │ SIGNALLERS │ …
//
// One bell a thread and not one flag a ring: a thread that goes to sleep pays one fenced store however many rings lead
// to it, and there is one word to wait on. A peer that has something for the owner stores it (TAIL, HEAD) and then
// looks at STATE; the owner stores STATE and then looks for something. Both are Atomics, sequentially consistent, so
// at least one of the two sees the other: no wake-up is lost. The peer that turns SLEEPING into AWAKE does the waking.

import { FdWaker, NotifyWaker } from './wake.ts';
import type { Signal, Waker } from './wake.ts';

/** Int32 words a bell takes: two cache lines. */
export const BELL_WORDS = 32;

export const BellWord = {
  STATE: 0,
  /** Descriptor to signal, or -1: the owner waits on STATE itself. */
  WAKE_FD: 1,
  /** Threads between reading WAKE_FD and having signalled it: the owner closes the descriptor only at 0. */
  SIGNALLERS: 2,
} as const;

export const BellState = {
  AWAKE: 0,
  SLEEPING: 1,
  /** The owner is leaving: nobody signals any more. */
  CLOSED: 2,
} as const;

export class Doorbell {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** First word of this bell. */
  readonly at: number;
  /** For metrics: how often the owner had to be woken. */
  readonly stats = { wakes: 0 };
  /** The owner's end is on this thread too: a call causes its tick, and nothing of the kernel's. */
  here: (() => void) | null = null;

  private readonly fdWaker: Waker;
  private readonly notifyWaker: Waker = new NotifyWaker();

  /** @param signal the addon's; null without it. */
  constructor(words: Int32Array<SharedArrayBuffer>, thread: number, signal: Signal | null) {
    this.words = words;
    this.at = thread * BELL_WORDS;
    this.fdWaker = new FdWaker(signal);
  }

  /** Wake the owner if it sleeps. Call it after the store that gives it something to do. */
  ring(): void {
    if (Atomics.load(this.words, this.at + BellWord.STATE) === BellState.SLEEPING) this.wakeOwner();
  }

  private wakeOwner(): void {
    const { words, at } = this;
    Atomics.add(words, at + BellWord.SIGNALLERS, 1);
    const state = Atomics.compareExchange(words, at + BellWord.STATE, BellState.SLEEPING, BellState.AWAKE);
    if (state === BellState.SLEEPING) {
      this.stats.wakes++;
      const fd = Atomics.load(words, at + BellWord.WAKE_FD);
      if (this.here !== null) this.here();
      else (fd >= 0 ? this.fdWaker : this.notifyWaker).wake(words, at + BellWord.STATE, fd);
    }
    Atomics.sub(words, at + BellWord.SIGNALLERS, 1);
  }
}
