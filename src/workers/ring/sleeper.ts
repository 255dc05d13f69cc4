// A thread's own side of its bell: saying that it sleeps, without losing what arrives at that moment.
// Owner: the thread the bell belongs to. Hot: once a tick.

import { assert } from '../../engine/base/assert.ts';
import { BELL_WORDS, BellState, BellWord } from './doorbell.ts';
import type { RingConsumer } from './ring-consumer.ts';
import type { RingProducer } from './ring-producer.ts';

/** Looks at SIGNALLERS before a leaving thread gives up: a peer that died between two instructions holds it for ever. */
const CLOSE_SPINS = 1_000_000;

export class Sleeper {
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly at: number;
  private readonly inbound: readonly RingConsumer[];
  private readonly outbound: readonly RingProducer[];
  private readonly onWake: () => void;
  private readonly rung = (): void => this.wakeUp();
  private wakeFd = -1;
  private asleep = false;
  /** A waitAsync is outstanding: it outlives wake-ups by other causes, and a second one would pile up behind it. */
  private armed = false;
  private closed = false;

  /** @param onWake called when the bell was rung and this thread has no wake descriptor (its reactor tells it otherwise). */
  constructor(
    words: Int32Array<SharedArrayBuffer>,
    thread: number,
    inbound: readonly RingConsumer[],
    outbound: readonly RingProducer[],
    onWake: () => void,
  ) {
    this.words = words;
    this.at = thread * BELL_WORDS;
    this.inbound = inbound;
    this.outbound = outbound;
    this.onWake = onWake;
  }

  /** From now on peers signal this descriptor; without a call they notify STATE. */
  useWakeFd(fd: number): void {
    assert(!this.asleep, 'the way of waking is set before the first sleep', fd);
    this.wakeFd = fd;
    Atomics.store(this.words, this.at + BellWord.WAKE_FD, fd);
  }

  /**
   * The last thing of a tick. True: peers will wake this thread. False: something is there already, run another tick.
   */
  prepareToSleep(): boolean {
    if (this.closed) return true;
    const state = this.at + BellWord.STATE;
    // Dekker: the flag, a fence (Atomics), then another look. Peers store, fence, then look at the flag.
    Atomics.store(this.words, state, BellState.SLEEPING);
    this.asleep = true;
    if (this.hasWork() || !this.arm()) {
      this.awake();
      return false;
    }
    return true;
  }

  /** The first thing of a tick, whatever caused it: peers need not wake a running thread. */
  awake(): void {
    if (!this.asleep || this.closed) return;
    this.asleep = false;
    Atomics.store(this.words, this.at + BellWord.STATE, BellState.AWAKE);
  }

  /** Notified from now on. After this nobody signals the wake descriptor: it may be closed and its number reused. */
  dropWakeFd(): void {
    if (this.closed) return;
    this.asleep = false;
    Atomics.store(this.words, this.at + BellWord.STATE, BellState.AWAKE);
    this.awaitSignallers();
    this.wakeFd = -1;
    Atomics.store(this.words, this.at + BellWord.WAKE_FD, -1);
  }

  /** Nobody wakes this thread any more, in no way. */
  close(): void {
    this.closed = true;
    Atomics.store(this.words, this.at + BellWord.STATE, BellState.CLOSED);
    this.awaitSignallers();
    Atomics.notify(this.words, this.at + BellWord.STATE);
  }

  private awaitSignallers(): void {
    for (let spins = 0; spins < CLOSE_SPINS; spins++) {
      if (Atomics.load(this.words, this.at + BellWord.SIGNALLERS) === 0) break;
    }
  }

  private hasWork(): boolean {
    for (let i = 0; i < this.inbound.length; i++) if (this.inbound[i]!.hasMore()) return true;
    for (let i = 0; i < this.outbound.length; i++) if (this.outbound[i]!.spaceCame()) return true;
    return false;
  }

  /** False when the bell was rung before we could wait on it. */
  private arm(): boolean {
    if (this.wakeFd >= 0 || this.armed) return true;
    const wait = Atomics.waitAsync(this.words, this.at + BellWord.STATE, BellState.SLEEPING);
    if (!wait.async) return false;
    this.armed = true;
    void wait.value.then(this.rung);
    return true;
  }

  private wakeUp(): void {
    this.armed = false;
    if (!this.closed) this.onWake();
  }
}
