// Conformance: bytes sent to clients.

import { expect, test } from 'vitest';
import { CloseReason, Cq } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { framed, requestBytes } from './produce-fixture.ts';
import { KIB, MIB } from './reactor-bench.ts';

/** Bytes no two stretches of which are alike. */
export function patternBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed | 1;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes.writeInt32LE(state ^ (state >>> 15), at);
  }
  return bytes.fill(seed & 0xff, at);
}

export function sendCases({ open }: ConformanceContext): void {
  test('answers leave in the order they were submitted', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    bench.recorder.onFrame = (frame) => {
      bench.submitter.send(frame, Buffer.from(`<${frame.correlationId}:`));
      bench.submitter.send(frame, Buffer.from(`${frame.correlationId}>`));
      // Some within the tick, some after it.
      if (frame.correlationId % 3 === 0) bench.reactor.submit();
    };
    const ids = Array.from({ length: 200 }, (_, i) => i);
    peer.send(Buffer.concat(ids.map((id) => framed(requestBytes(3, 0, id)))));
    const expected = ids.map((id) => `<${id}:${id}>`).join('');
    await bench.untilReceived(peer, expected.length);
    expect(peer.received().toString()).toBe(expected);
  });

  test('the out region may be used again as soon as submit() returns', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.pause();
    const total = 6 * MIB;
    const expected = patternBytes(total);
    await bench.inTick(() => {
      for (let at = 0; at < total; at += 64 * KIB) {
        bench.submitter.send(name, expected.subarray(at, at + 64 * KIB));
        bench.reactor.submit();
        bench.reactor.arena.fill(0xee, bench.reactor.outOffset, bench.reactor.outOffset + 64 * KIB);
      }
    });
    peer.resume();
    await bench.untilReceived(peer, total);
    expect(peer.received().equals(expected)).toBe(true);
  });

  test('one slow reader gets everything and holds up nobody else', async () => {
    const bench = await open();
    const slow = await bench.connect();
    const quick = await bench.connect();
    slow.peer.pause();
    const expected = patternBytes(8 * MIB);
    await bench.inTick(() => {
      for (let at = 0; at < expected.length; at += MIB) bench.submitter.send(slow.name, expected.subarray(at, at + MIB));
      bench.submitter.send(quick.name, Buffer.from('quick'));
    });
    await bench.untilReceived(quick.peer, 5);
    expect(slow.peer.received().length).toBeLessThan(expected.length);
    slow.peer.resume();
    await bench.untilReceived(slow.peer, expected.length);
    expect(slow.peer.received().equals(expected)).toBe(true);
  });

  test('a client that does not read its answers is closed at the bound', async () => {
    const bench = await open({ options: { sendQueueMaxBytes: MIB, sendBufferBytes: 64 * KIB } });
    const { peer, name } = await bench.connect();
    peer.pause();
    const piece = patternBytes(256 * KIB);
    for (let sent = 0; sent < 64 * MIB && bench.recorder.closedResult(name.conn, name.generation) === undefined; sent += piece.length) {
      await bench.inTick(() => bench.submitter.send(name, piece));
    }
    expect(await bench.untilClosed(name)).toBe(CloseReason.SEND_QUEUE_FULL);
  });

  test('a client that reads is not closed, however much it gets', async () => {
    const bench = await open({ options: { sendQueueMaxBytes: MIB } });
    const { peer, name } = await bench.connect();
    const piece = patternBytes(512 * KIB);
    for (let round = 1; round <= 20; round++) {
      await bench.inTick(() => bench.submitter.send(name, piece));
      await bench.untilReceived(peer, round * piece.length);
    }
    expect(bench.recorder.of(Cq.CLOSED)).toEqual([]);
  });

  test('a block of the arena can be sent', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const bytes = patternBytes(100 * KIB, 9);
    await bench.inTick(() => {
      const offset = bench.reactor.takeBlock(bytes.length);
      bench.reactor.arena.set(bytes, offset);
      bench.submitter.sendArena(name, offset, bytes.length);
      bench.reactor.submit();
      bench.reactor.giveBlock(offset);
      const again = bench.reactor.takeBlock(bytes.length);
      bench.reactor.arena.fill(0, again, again + bytes.length);
      bench.reactor.giveBlock(again);
    });
    await bench.untilReceived(peer, bytes.length);
    expect(peer.received().equals(bytes)).toBe(true);
  });

  test('SEND for a connection whose slot another has taken is dropped', async () => {
    const bench = await open();
    const first = await bench.connect();
    first.peer.destroy();
    await bench.untilClosed(first.name);
    let second = await bench.connect();
    for (let tries = 0; second.name.conn !== first.name.conn && tries < 200; tries++) second = await bench.connect();
    expect(second.name.conn).toBe(first.name.conn);
    expect(second.name.generation).not.toBe(first.name.generation);
    await bench.inTick(() => {
      bench.submitter.send(first.name, Buffer.from('for the dead'));
      bench.submitter.close(first.name, true);
      bench.submitter.reading(first.name, false);
      bench.submitter.send(second.name, Buffer.from('for the living'));
    });
    await bench.untilReceived(second.peer, 14);
    second.peer.send(framed(requestBytes(3, 0, 1)));
    await bench.untilFrames(1);
    expect(second.peer.received().toString()).toBe('for the living');
    expect(second.peer.ended).toBe(false);
  });
}
