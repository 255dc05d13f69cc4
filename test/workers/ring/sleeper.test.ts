// A thread's own side of its bell, in one thread: what it finds before sleeping, who signals, and leaving.

import { describe, expect, it } from 'vitest';
import { BELL_WORDS, BellState, BellWord } from '../../../src/workers/ring/doorbell.ts';
import type { MailHandler } from '../../../src/workers/ring/mailbox.ts';
import { MeshEndpoint } from '../../../src/workers/ring/mesh-endpoint.ts';
import { MessageKind } from '../../../src/workers/ring/message-layout.ts';
import { createRingMesh } from '../../../src/workers/ring/ring-mesh.ts';

const silent: MailHandler = { onMessage: () => undefined, onControl: () => undefined, onSpace: () => undefined };

function openThree(wakeFds: readonly number[]): { ends: MeshEndpoint[]; bells: Int32Array; signalled: number[]; woken: number[] } {
  const mesh = createRingMesh({ threads: 3, slots: 4, arenaBytes: 64, supervisorArenaBytes: 64 });
  const signalled: number[] = [];
  const woken: number[] = [];
  const ends = wakeFds.map(
    (wakeFd, thread) =>
      new MeshEndpoint(mesh, thread, silent, {
        signal: (fd) => signalled.push(fd),
        wakeFd,
        onWake: () => woken.push(thread),
      }),
  );
  return { ends, bells: new Int32Array(mesh.bells), signalled, woken };
}

function send(from: MeshEndpoint, to: number): void {
  from.mailboxes[to]!.claim(MessageKind.UNWATCH, 1, 0);
  from.mailboxes[to]!.publish();
}

describe('sleeping', () => {
  it('is refused while mail is there, from any peer', () => {
    const { ends, signalled } = openThree([10, 11, 12]);
    send(ends[2]!, 1);
    expect(ends[1]!.finishTick()).toBe(false);
    ends[1]!.drain();
    expect(ends[1]!.finishTick()).toBe(true);
    expect(signalled).toEqual([]);
  });

  it('is ended by one signal, however much is sent', () => {
    const { ends, signalled } = openThree([10, 11, 12]);
    expect(ends[1]!.finishTick()).toBe(true);
    send(ends[0]!, 1);
    send(ends[0]!, 1);
    send(ends[2]!, 1);
    expect(signalled).toEqual([11]);
    expect(ends[1]!.drain()).toBe(3);
  });

  it('wakes a sender that waits for room', () => {
    const { ends, signalled } = openThree([10, 11, 12]);
    const toOne = ends[0]!.mailboxes[1]!;
    while (toOne.claim(MessageKind.UNWATCH, 1, 0) >= 0);
    expect(ends[0]!.finishTick()).toBe(true);
    ends[1]!.drain();
    ends[1]!.finishTick();
    expect(signalled).toEqual([10]);
  });

  it('without a descriptor ends in a callback, again and again', async () => {
    const { ends, woken, signalled } = openThree([-1, -1, -1]);
    for (let round = 1; round <= 3; round++) {
      expect(ends[1]!.finishTick()).toBe(true);
      // Other causes wake it too, and it sleeps again without a second waiter.
      ends[1]!.drain();
      expect(ends[1]!.finishTick()).toBe(true);
      send(ends[0]!, 1);
      while (woken.length < round) await new Promise((resolve) => setImmediate(resolve));
      ends[1]!.drain();
    }
    expect(woken).toEqual([1, 1, 1]);
    expect(signalled).toEqual([]);
  });

  it('of two ends on one thread ends in a callback at once, until one of them closes', () => {
    const { ends, woken, signalled } = openThree([-1, 11, 12]);
    ends[1]!.joinHere(ends[0]!);
    for (let round = 0; round < 2; round++) {
      for (const [from, to] of [
        [0, 1],
        [1, 0],
      ] as const) {
        woken.length = 0;
        expect(ends[to]!.finishTick()).toBe(true);
        send(ends[from]!, to);
        send(ends[from]!, to);
        expect(woken).toEqual([to]);
        expect(ends[to]!.drain()).toBe(2);
      }
    }
    expect(signalled).toEqual([]);
    // A third thread is none of theirs.
    expect(ends[1]!.finishTick()).toBe(true);
    send(ends[2]!, 1);
    expect(signalled).toEqual([11]);
    ends[1]!.drain();
    ends[0]!.close('test');
    expect(ends[1]!.finishTick()).toBe(true);
    send(ends[0]!, 1);
    expect(woken).toEqual([0]);
    expect(signalled).toEqual([11, 11]);
  });

  it('without its reactor goes on by callbacks: nobody signals the descriptor any more', async () => {
    const { ends, bells, signalled } = openThree([10, 11, 12]);
    for (const asleep of [true, false]) {
      if (asleep) expect(ends[1]!.finishTick()).toBe(true);
      ends[1]!.leaveReactor();
      send(ends[0]!, 1);
      expect(signalled).toEqual([]);
    }
    const sleeps = async () => {
      while (bells[BELL_WORDS + BellWord.STATE] !== BellState.SLEEPING) await new Promise((resolve) => setImmediate(resolve));
    };
    for (let round = 0; round < 3; round++) {
      await sleeps();
      const { received } = ends[1]!.mailboxes[2]!.control.stats;
      ends[2]!.mailboxes[1]!.sendControl(1, round);
      while (ends[1]!.mailboxes[2]!.control.stats.received === received) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(signalled).toEqual([]);
    ends[1]!.close('leaving');
  });

  it('leaving: nobody signals the descriptor any more, and a tick under way changes nothing', () => {
    const { ends, bells, signalled } = openThree([10, 11, 12]);
    expect(ends[1]!.finishTick()).toBe(true);
    ends[1]!.close('leaving');
    send(ends[0]!, 1);
    ends[1]!.drain();
    ends[1]!.finishTick();
    send(ends[2]!, 1);
    expect(signalled).toEqual([]);
    expect(bells[BELL_WORDS + BellWord.STATE]).toBe(BellState.CLOSED);
  });
});
