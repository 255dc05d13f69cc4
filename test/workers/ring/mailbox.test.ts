// Two endpoints of a mesh in one thread: control calls, their errors and deadlines, chunks, bounds, data-path messages.

import { afterEach, describe, expect, it } from 'vitest';
import type { Timers } from '../../../src/workers/ring/control-channel.ts';
import type { MailHandler, Mailbox } from '../../../src/workers/ring/mailbox.ts';
import { MeshEndpoint } from '../../../src/workers/ring/mesh-endpoint.ts';
import { AppendResult, ForwardAppend, MessageKind } from '../../../src/workers/ring/message-layout.ts';
import { createRingMesh } from '../../../src/workers/ring/ring-mesh.ts';

class ManualTimers implements Timers {
  readonly due = new Map<object, () => void>();

  set(callback: () => void): object {
    const timer = {};
    this.due.set(timer, callback);
    return timer;
  }

  clear(timer: unknown): void {
    this.due.delete(timer as object);
  }

  fire(): void {
    const callbacks = Array.from(this.due.values());
    this.due.clear();
    for (const callback of callbacks) callback();
  }
}

const silent: MailHandler = {
  onMessage: () => undefined,
  onControl: () => undefined,
  onSpace: () => undefined,
};

const endpoints: MeshEndpoint[] = [];

interface PairOptions {
  readonly one?: Partial<MailHandler>;
  readonly two?: Partial<MailHandler>;
  readonly timers?: Timers;
  readonly queueMaxBytes?: number;
  readonly maxCalls?: number;
}

function openPair(options: PairOptions): { one: MeshEndpoint; two: MeshEndpoint; toTwo: Mailbox; toOne: Mailbox } {
  const mesh = createRingMesh({ threads: 2, slots: 16, arenaBytes: 1024, supervisorArenaBytes: 1024 });
  const limits = { queueMaxBytes: options.queueMaxBytes ?? 1 << 20, maxCalls: options.maxCalls ?? 100 };
  const shared = { signal: null, wakeFd: -1, limits, ...(options.timers && { timers: options.timers }) };
  const one = new MeshEndpoint(mesh, 0, { ...silent, ...options.one }, shared);
  const two = new MeshEndpoint(mesh, 1, { ...silent, ...options.two }, shared);
  endpoints.push(one, two);
  return { one, two, toTwo: one.mailboxes[1]!, toOne: two.mailboxes[0]! };
}

afterEach(() => {
  for (const endpoint of endpoints.splice(0)) endpoint.close('the test ended');
});

describe('control messages', () => {
  it('carry plain data both ways, one-way and called, on the event loop', async () => {
    const image = { version: 7, topics: new Map([['a', { id: new Uint8Array([1, 2, 3]), partitions: [0, 1] }]]), big: 2 ** 45 };
    const heard: unknown[] = [];
    const { one, two, toTwo, toOne } = openPair({
      one: { onControl: (_mailbox, kind, body) => ({ kind, body }) },
      two: {
        onControl: (mailbox, kind, body) => {
          heard.push([mailbox.peer, kind, body]);
          return Promise.resolve('later');
        },
      },
    });
    one.runOnLoop();
    two.runOnLoop();
    expect(toTwo.sendControl(3, image)).toBe(true);
    expect(await toTwo.call(4, null)).toBe('later');
    const got = (heard[0] as [number, number, typeof image])[2];
    expect(got.topics.get('a')?.partitions).toEqual([0, 1]);
    expect([...got.topics.get('a')!.id]).toEqual([1, 2, 3]);
    expect(got.big).toBe(2 ** 45);
    expect(heard[1]).toEqual([0, 4, null]);
    expect(await toOne.call(5, [1])).toEqual({ kind: 5, body: [1] });
  });

  it('larger than the arena arrive whole and in order, in chunks', async () => {
    const heard: number[] = [];
    const { one, two, toTwo } = openPair({
      two: {
        onControl: (_mailbox, _kind, body) => {
          const { n, bytes } = body as { n: number; bytes: Uint8Array };
          heard.push(n);
          for (let i = 0; i < bytes.length; i++) if (bytes[i] !== ((n * 31 + i) & 0xff)) throw new Error(`byte ${i} of ${n}`);
          return bytes.length;
        },
      },
    });
    one.runOnLoop();
    two.runOnLoop();
    const sizes = [10_000, 1, 70_000, 255, 256, 257, 1024];
    const calls = sizes.map((size, n) => toTwo.call(1, { n, bytes: Uint8Array.from({ length: size }, (_, i) => n * 31 + i) }));
    expect(await Promise.all(calls)).toEqual(sizes);
    expect(heard).toEqual(sizes.map((_, n) => n));
  });

  it('bring errors back with code, message and the remote stack', async () => {
    const { one, two, toTwo } = openPair({
      two: {
        onControl: (_mailbox, kind) => {
          if (kind === 1) throw Object.assign(new Error('no such topic'), { code: 'UNKNOWN_TOPIC' });
          return Promise.reject(new TypeError('broken'));
        },
      },
    });
    one.runOnLoop();
    two.runOnLoop();
    await expect(toTwo.call(1, {})).rejects.toMatchObject({ name: 'CallError', code: 'UNKNOWN_TOPIC', message: 'no such topic' });
    await expect(toTwo.call(2, {})).rejects.toMatchObject({
      code: 'REMOTE',
      message: 'broken',
      cause: expect.stringContaining('TypeError'),
    });
  });

  it('fail at their deadline, and a late answer is dropped', async () => {
    const timers = new ManualTimers();
    const { one, two, toTwo } = openPair({ timers, two: { onControl: () => 'too late' } });
    const call = toTwo.call(9, {}, 50);
    timers.fire();
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE' });
    two.drain();
    await Promise.resolve();
    two.finishTick();
    one.drain();
    expect(toTwo.control.stats.lateAnswers).toBe(1);
    expect(timers.due.size).toBe(0);
  });

  it('are refused over their bounds and fail when the peer is gone', async () => {
    const { toTwo } = openPair({ queueMaxBytes: 3000, maxCalls: 2 });
    const pending = [toTwo.call(1, 'a'), toTwo.call(1, 'b')];
    await expect(toTwo.call(1, 'c')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(toTwo.sendControl(1, new Uint8Array(2500))).toBe(true);
    expect(toTwo.sendControl(1, new Uint8Array(2500))).toBe(false);
    toTwo.close('thread 1 exited');
    for (const call of pending) await expect(call).rejects.toMatchObject({ code: 'CLOSED', message: 'thread 1 exited' });
    await expect(toTwo.call(1, 'd')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(toTwo.sendControl(1, 'e')).toBe(false);
  });
});

describe('data-path messages', () => {
  it('are written and read in place', () => {
    const seen: number[] = [];
    const { one, two, toTwo, toOne } = openPair({
      two: {
        onMessage: (mailbox, kind, at) => {
          const { words, f64 } = mailbox.inbound;
          seen.push(kind, words[at + ForwardAppend.PARTITION]!, f64[(at >> 1) + ForwardAppend.ADDRESS_F64]!);
          const answer = mailbox.claim(MessageKind.APPEND_RESULT, words[at + ForwardAppend.TICKET]!, 0);
          mailbox.outbound.f64[(answer >> 1) + AppendResult.BASE_OFFSET_F64] = 2 ** 52;
        },
      },
      one: {
        onMessage: (mailbox, kind, at) => {
          const { words, f64 } = mailbox.inbound;
          seen.push(kind, words[at + AppendResult.TICKET]!, f64[(at >> 1) + AppendResult.BASE_OFFSET_F64]!);
        },
      },
    });
    const at = toTwo.claim(MessageKind.FORWARD_APPEND, 77, 24);
    toTwo.outbound.words[at + ForwardAppend.PARTITION] = 5;
    toTwo.outbound.f64[(at >> 1) + ForwardAppend.ADDRESS_F64] = 2 ** 47;
    one.finishTick();
    two.drain();
    two.finishTick();
    one.drain();
    expect(seen).toEqual([MessageKind.FORWARD_APPEND, 5, 2 ** 47, MessageKind.APPEND_RESULT, 77, 2 ** 52]);
    expect(toOne.peer).toBe(0);
  });

  it('wait behind control messages, and onSpace tells when they may go', () => {
    let spaces = 0;
    const { one, two, toTwo } = openPair({ one: { onSpace: () => spaces++ } });
    toTwo.sendControl(1, new Uint8Array(5000));
    expect(toTwo.claim(MessageKind.UNWATCH, 1, 0)).toBe(-1);
    let ticks = 0;
    for (; spaces === 0 && ticks < 20; ticks++) {
      two.drain();
      two.finishTick();
      one.drain();
      one.finishTick();
    }
    expect(spaces).toBe(1);
    expect(toTwo.claim(MessageKind.UNWATCH, 1, 0)).toBeGreaterThan(0);
  });

  it('a drain takes no more than its limit', () => {
    const { one, two, toTwo } = openPair({});
    for (let i = 0; i < 10; i++) toTwo.claim(MessageKind.UNWATCH, i, 0);
    one.finishTick();
    expect(two.drain(4)).toBe(4);
    expect(two.finishTick()).toBe(false);
    expect(two.drain(100)).toBe(6);
    expect(two.finishTick()).toBe(true);
  });
});
