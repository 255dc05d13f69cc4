// Conformance: connections and reactors that end, listeners that refuse.

import { expect, test } from 'vitest';
import { Cq } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { patternBytes } from './conformance-sends.ts';
import { framed, requestBytes } from './produce-fixture.ts';
import { MIB } from './reactor-bench.ts';

export function closingCases({ open, engine }: ConformanceContext): void {
  test('a client that closes is reported after its last frame', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.send(Buffer.concat([1, 2, 3].map((id) => framed(requestBytes(3, 0, id)))));
    peer.send(Buffer.from([0, 0, 1]));
    peer.end();
    expect(await bench.untilClosed(name)).toBe(0);
    expect(bench.recorder.order).toEqual([Cq.ACCEPTED, Cq.FRAME, Cq.FRAME, Cq.FRAME, Cq.CLOSED]);
  });

  test('CLOSE sends what is queued first, file ranges too', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const file = patternBytes(3 * MIB);
    const fd = bench.openFile(file);
    peer.pause();
    await bench.inTick(() => {
      bench.submitter.send(name, Buffer.from('head'));
      bench.submitter.sendFile(name, fd, 0, file.length, 1);
      bench.submitter.send(name, Buffer.from('tail'));
      bench.submitter.close(name, false);
      bench.submitter.send(name, Buffer.from('too late'));
      bench.submitter.sendFile(name, fd, 0, 10, 2);
    });
    peer.resume();
    const expected = Buffer.concat([Buffer.from('head'), file, Buffer.from('tail')]);
    await bench.untilReceived(peer, expected.length);
    expect(await bench.untilClosed(name)).toBe(0);
    await bench.until(() => peer.ended, 'the client sees the end');
    expect(peer.received().equals(expected)).toBe(true);
    expect(bench.recorder.results(Cq.SENT, 1)).toEqual([0]);
    expect(bench.recorder.results(Cq.SENT, 2)).toHaveLength(1);
  });

  test('CLOSE delivers what is queued even when requests of the client are left unread', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.pause();
    const answer = patternBytes(6 * MIB);
    await bench.inTick(() => bench.submitter.reading(name, false));
    await bench.inTick(() => bench.submitter.send(name, answer));
    for (let id = 0; id < 10; id++) peer.send(framed(requestBytes(3, 0, id, 10_000)));
    await bench.inTick(() => bench.submitter.close(name, false));
    peer.resume();
    await bench.untilReceived(peer, answer.length);
    expect(peer.received().equals(answer)).toBe(true);
    await bench.until(() => peer.ended, 'the client sees the end');
    expect(await bench.untilClosed(name)).toBe(0);
    expect(bench.recorder.frames.length).toBe(0);
  });

  test('CLOSE at once drops what is queued', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.pause();
    await bench.inTick(() => {
      for (let i = 0; i < 16; i++) bench.submitter.send(name, patternBytes(MIB));
      bench.submitter.close(name, true);
    });
    expect(await bench.untilClosed(name)).toBe(0);
    peer.resume();
    await bench.until(() => peer.ended, 'the client sees the end');
    expect(peer.received().length).toBeLessThan(16 * MIB);
  });

  test('every connection is closed exactly once', async () => {
    const bench = await open();
    for (let round = 0; round < 30; round++) {
      const { peer, name } = await bench.connect();
      peer.send(framed(requestBytes(3, 0, round)));
      await bench.untilFrames(round + 1);
      if (round % 3 === 0) peer.destroy();
      else if (round % 3 === 1) await bench.inTick(() => bench.submitter.close(name, true));
      else {
        peer.end();
        await bench.inTick(() => bench.submitter.close(name, false));
      }
      await bench.untilClosed(name);
    }
    await bench.inTick(() => undefined);
    const closed = bench.recorder.of(Cq.CLOSED).map((seen) => `${seen.conn}/${seen.generation}`);
    expect(new Set(closed).size).toBe(30);
    expect(closed).toHaveLength(30);
  });

  test('stopListening() refuses new clients and keeps the old', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    bench.reactor.stopListening();
    await expect(bench.openPeer(bench.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    peer.send(framed(requestBytes(3, 0, 1)));
    await bench.untilFrames(1);
  });

  test('a port in use is refused with its code; a second listener is told apart', async () => {
    const bench = await open();
    const first = bench.port;
    const again = { host: '127.0.0.1', port: first.port, reusePort: false, backlog: 10 };
    await expect(bench.reactor.listen(again)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const second = await bench.reactor.listen({ ...again, port: 0 });
    expect(second.id).not.toBe(first.id);
    await bench.openPeer(second);
    await bench.openPeer(first);
    await bench.untilCompleted(Cq.ACCEPTED, 2);
    // ACCEPTED carries its listener where other completions carry their ticket.
    expect(
      bench.recorder
        .of(Cq.ACCEPTED)
        .map((seen) => seen.ticket)
        .sort(),
    ).toEqual([first.id, second.id].sort());
  });

  test('close() during traffic ends everything, and no tick follows', async () => {
    const bench = await open();
    const fd = bench.openFile(patternBytes(8 * MIB));
    const clients = await Promise.all([bench.connect(), bench.connect(), bench.connect()]);
    const block = bench.reactor.takeBlock(MIB);
    bench.recorder.onFrame = (frame) => {
      bench.submitter.sendFile(frame, fd, 0, 4 * MIB, frame.correlationId);
      bench.submitter.send(frame, patternBytes(10_000));
      bench.submitter.sync(fd, frame.correlationId);
      bench.submitter.read(fd, 0, block, MIB, frame.correlationId);
    };
    for (const { peer } of clients) {
      for (let id = 0; id < 20; id++) peer.send(framed(requestBytes(3, 0, id, 5000)));
    }
    await bench.untilFrames(20);
    // Ticks that are due are not run any more.
    bench.reactor.schedule();
    bench.reactor.wake();
    const closing = bench.reactor.close();
    const ticks = bench.recorder.ticks;
    await closing;
    for (const { peer } of clients) await bench.until(() => peer.ended, 'the client sees the end');
    expect(bench.recorder.ticks).toBe(ticks);
    await bench.reactor.close();
  });

  test('a slot is not used beyond the limit of connections', async () => {
    const bench = await open({ options: { maxConnections: 2 } });
    const first = await bench.connect();
    await bench.connect();
    const third = await bench.openPeer(bench.port);
    first.peer.send(framed(requestBytes(3, 0, 1)));
    await bench.untilFrames(1);
    expect(bench.recorder.of(Cq.ACCEPTED)).toHaveLength(2);
    expect(third.received()).toHaveLength(0);
    if (engine.choosesRings) await bench.until(() => third.ended, 'the third client is refused');
  });
}
