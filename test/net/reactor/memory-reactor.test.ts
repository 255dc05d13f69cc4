// The conformance suite on the memory reactor, and what only it can do: faults, held syncs, narrow sockets, no surprises.

import { describe, expect, test } from 'vitest';
import { CloseReason, Cq } from '../../../src/engine/io/tick-layout.ts';
import { describeReactor } from './conformance.ts';
import { patternBytes } from './conformance-sends.ts';
import { openMemoryBench } from './memory-engine.ts';
import { framed, requestBytes } from './produce-fixture.ts';
import type { MemoryBench } from './memory-bench.ts';

describeReactor({ name: 'memory', choosesRings: true, open: async (settings) => openMemoryBench(settings) });

async function begun(): Promise<MemoryBench> {
  const bench = openMemoryBench({});
  await bench.begin();
  return bench;
}

describe('what only the memory reactor does', () => {
  test('nothing happens before a tick is run', async () => {
    const bench = await begun();
    const client = bench.memory.connect();
    client.sendFrame(requestBytes(3, 0, 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.recorder.ticks).toBe(0);
    expect(bench.memory.busy).toBe(true);
    bench.memory.runTick();
    expect(bench.recorder.order).toEqual([Cq.ACCEPTED, Cq.FRAME]);
    expect(bench.memory.busy).toBe(false);
    bench.memory.runTick();
    expect(bench.recorder.ticks).toBe(1);
  });

  test('time moves only when told', async () => {
    const bench = await begun();
    bench.submitter.arm(1000);
    bench.memory.schedule();
    bench.memory.runUntilIdle();
    bench.memory.advance(999);
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.TIMER)).toEqual([]);
    expect(bench.memory.nextDeadlineMs).toBe(1000);
    bench.memory.advance(1);
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.TIMER)).toHaveLength(1);
  });

  test('the next append fails, wholly or in the middle, and only the next', async () => {
    const bench = await begun();
    const fd = bench.openFile(Buffer.alloc(0));
    const { arenaAddress, outOffset, arena } = bench.reactor;
    arena.set(patternBytes(60), outOffset);
    bench.memory.files.failNextAppend(28);
    bench.memory.files.failNextAppend(5, 25);
    for (const ticket of [1, 2, 3]) {
      bench.submitter.append(
        fd,
        0,
        ticket,
        [0, 20, 40].map((at) => ({ address: arenaAddress + outOffset + at, length: 20 })),
      );
      bench.reactor.submit();
      expect(bench.fileBytes(fd).equals(patternBytes(60).subarray(0, [0, 0, 25, 60][ticket]))).toBe(true);
    }
    bench.memory.runUntilIdle();
    expect([1, 2, 3].map((ticket) => bench.recorder.results(Cq.APPENDED, ticket))).toEqual([[-28], [-5], [60]]);
  });

  test('syncs are held until released, and fail on demand', async () => {
    const bench = await begun();
    const fd = bench.openFile(patternBytes(10));
    const { files } = bench.memory;
    files.holdSyncs = true;
    files.failNextSync(5);
    for (const ticket of [1, 2, 3]) bench.submitter.sync(fd, ticket);
    bench.reactor.submit();
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.SYNCED)).toEqual([]);
    expect(files.heldSyncCount).toBe(3);
    files.releaseSyncs(1);
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.SYNCED).map((seen) => [seen.ticket, seen.result])).toEqual([[1, -5]]);
    files.releaseSyncs();
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.SYNCED).map((seen) => [seen.ticket, seen.result])).toEqual([
      [1, -5],
      [2, 0],
      [3, 0],
    ]);
  });

  test('a failed read ends the connection that was sent the range', async () => {
    const bench = await begun();
    const client = bench.memory.connect();
    const fd = bench.openFile(patternBytes(1000));
    bench.memory.files.failNextRead(5);
    bench.memory.runUntilIdle();
    bench.submitter.sendFile(bench.recorder.completions[0]!, fd, 0, 1000, 3);
    bench.reactor.submit();
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.CLOSED)[0]!.result).toBe(-5);
    expect(bench.recorder.of(Cq.SENT).map((seen) => seen.ticket)).toEqual([3]);
    expect(client.closed).toBe(true);
  });

  test('a socket takes only so many bytes', async () => {
    const bench = await begun();
    const client = bench.memory.connect();
    client.takeOnly(6);
    bench.memory.runUntilIdle();
    bench.submitter.send(bench.recorder.completions[0]!, framed(Buffer.from('answer')));
    bench.reactor.submit();
    bench.memory.runUntilIdle();
    expect(client.takeFrames()).toEqual([]);
    expect(client.received()).toHaveLength(6);
    client.takeOnly(Infinity);
    bench.memory.runUntilIdle();
    expect(client.takeFrames().map(String)).toEqual(['answer']);
    expect(client.takeFrames()).toEqual([]);
  });

  test('what the socket takes before the next tick does not count against the bound', async () => {
    const bench = openMemoryBench({ options: { sendQueueMaxBytes: 1000 } });
    await bench.begin();
    const client = bench.memory.connect();
    client.takeOnly(500);
    bench.memory.runUntilIdle();
    const name = bench.recorder.completions[0]!;
    bench.submitter.send(name, patternBytes(5000));
    bench.reactor.submit();
    client.takeOnly(Infinity);
    bench.memory.runUntilIdle();
    expect(client.received()).toHaveLength(5000);
    expect(bench.recorder.of(Cq.CLOSED)).toEqual([]);
    client.takeOnly(500);
    bench.submitter.send(name, patternBytes(5000));
    bench.reactor.submit();
    bench.memory.runUntilIdle();
    expect(bench.recorder.of(Cq.CLOSED).map((seen) => seen.result)).toEqual([CloseReason.SEND_QUEUE_FULL]);
  });

  test('two runs of the same script are alike, tick for tick', async () => {
    const run = async (): Promise<unknown> => {
      const bench = await begun();
      const fd = bench.openFile(patternBytes(300_000));
      bench.recorder.onFrame = (frame) => {
        bench.submitter.sendFile(frame, fd, frame.correlationId, 290_000, frame.correlationId);
        bench.submitter.sync(fd, frame.correlationId);
      };
      const clients = [bench.memory.connect(), bench.memory.connect()];
      for (let id = 0; id < 10; id++) clients[id % 2]!.sendFrame(requestBytes(3, 0, id, id * 1000));
      bench.memory.runUntilIdle();
      return [bench.recorder.completions, bench.recorder.order, clients.map((client) => client.received().length)];
    };
    expect(await run()).toEqual(await run());
  });

  test('a frame in part is given up when memory has been held for too long', async () => {
    const bench = openMemoryBench({ options: { arenaBytes: 1024 * 1024, requestMaxBytes: 900_000 } });
    await bench.begin();
    const clients = [bench.memory.connect(), bench.memory.connect()];
    const stream = framed(requestBytes(3, 0, 1, 800_000));
    // Each waits for memory that the other holds.
    for (let at = 0; at < stream.length; at += 50_000) {
      for (const client of clients) client.send(stream.subarray(at, at + 50_000));
      bench.memory.runUntilIdle();
    }
    expect(bench.recorder.frames.length).toBe(0);
    for (let i = 0; i < 10 && bench.recorder.frames.length === 0; i++) {
      bench.memory.advance(3000);
      bench.memory.runUntilIdle();
    }
    expect(bench.recorder.of(Cq.CLOSED).map((seen) => seen.result)).toEqual([-12]);
    expect(bench.recorder.frames.map((frame) => frame.bytes.equals(stream.subarray(4)))).toEqual([true]);
  });
});
