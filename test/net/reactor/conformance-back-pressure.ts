// Conformance: full rings, memory at its bound, paused sockets, retained blocks.

import { expect, test } from 'vitest';
import { Ctl } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { framed, requestBytes } from './produce-fixture.ts';
import { KIB, MIB } from './reactor-bench.ts';
import type { SeenFrame } from './tick-recorder.ts';

export function backPressureCases({ open, engine }: ConformanceContext): void {
  test('more pipelined frames than the completion ring holds all arrive, in order', async () => {
    const bench = await open({ smallRings: engine.choosesRings });
    const count = Math.max(1000, bench.reactor.cqCapacity * 2);
    const clients = [await bench.connect(), await bench.connect()];
    const ids = Array.from({ length: count }, (_, i) => i);
    const stream = Buffer.concat(ids.map((id) => framed(requestBytes(3, 0, id, 10))));
    let mostInTick = 0;
    bench.recorder.onTickStart = () => {
      mostInTick = Math.max(mostInTick, bench.reactor.ctl[Ctl.CQ_COUNT]!);
    };
    for (const { peer } of clients) peer.send(stream);
    await bench.untilFrames(2 * count);
    for (const { name } of clients) {
      expect(bench.recorder.frames.filter((frame) => frame.conn === name.conn).map((frame) => frame.correlationId)).toEqual(ids);
    }
    expect(mostInTick).toBeLessThanOrEqual(bench.reactor.cqCapacity);
  });

  test.runIf(engine.choosesRings)('completions that find the ring full are not lost', async () => {
    const bench = await open({ smallRings: true });
    const fd = bench.openFile(Buffer.alloc(100));
    const { peer, name } = await bench.connect();
    await bench.inTick(() => {
      for (let ticket = 0; ticket < 100; ticket++) {
        bench.submitter.append(fd, ticket, ticket, [{ address: bench.reactor.arenaAddress + bench.reactor.outOffset, length: 1 }]);
        bench.submitter.sync(fd, 1000 + ticket);
      }
    });
    await bench.until(() => bench.recorder.completions.filter((seen) => seen.ticket >= 0).length >= 201, 'all completions');
    const tickets = bench.recorder.completions.slice(1).map((seen) => seen.ticket);
    const expected = Array.from({ length: 100 }, (_, i) => i);
    expect(tickets.filter((ticket) => ticket < 1000)).toEqual(expected);
    expect(tickets.filter((ticket) => ticket >= 1000).sort((a, b) => a - b)).toEqual(expected.map((i) => 1000 + i));
    peer.send(framed(requestBytes(3, 0, 1)));
    await bench.untilFrames(1);
    expect(bench.recorder.frames[0]!.conn).toBe(name.conn);
  });

  test('a retained block keeps its bytes over ticks, until it is released', async () => {
    const bench = await open({ options: { arenaBytes: 16 * MIB, requestMaxBytes: 2 * MIB } });
    const { peer } = await bench.connect();
    const kept: SeenFrame[] = [];
    bench.recorder.onFrame = (frame) => {
      if (frame.apiKey !== 9) return;
      kept.push(frame);
      // Twice: holds are counted.
      bench.submitter.retain(frame.block);
      bench.submitter.retain(frame.block);
    };
    const payloads = [requestBytes(9, 0, 1, 100), requestBytes(9, 0, 2, 40 * KIB), requestBytes(9, 0, 3, MIB)];
    for (const payload of payloads)
      peer.send(Buffer.concat([framed(requestBytes(3, 0, 0, 77)), framed(payload), framed(requestBytes(3, 0, 0, 500))]));
    await bench.until(() => kept.length === 3, 'three retained frames');
    const release = (): Promise<void> => bench.inTick(() => kept.forEach((frame) => bench.submitter.release(frame.block)));
    const intact = (): void => {
      for (const [i, frame] of kept.entries()) {
        const now = Buffer.from(bench.reactor.arena.slice(frame.offset, frame.offset + frame.bytes.length));
        expect(now.equals(payloads[i]!), `frame ${i}`).toBe(true);
      }
    };
    const flood = async (): Promise<void> => {
      const before = bench.recorder.frames.length;
      for (let i = 0; i < 25; i++) {
        peer.send(framed(requestBytes(3, 0, 0, 900 * KIB)));
        await bench.untilFrames(before + i + 1);
      }
    };
    await flood();
    intact();
    await release();
    await flood();
    intact();
    expect(bench.reactor.ctlF64[Ctl.HELD_BYTES_F64]).toBeGreaterThan(MIB);
    await release();
    await bench.inTick(() => undefined);
    expect(bench.reactor.ctlF64[Ctl.HELD_BYTES_F64]).toBe(0);
  });

  test('with memory at its bound sockets wait, and go on when blocks are released', async () => {
    const bench = await open({ options: { arenaBytes: 16 * MIB, requestMaxBytes: 2 * MIB } });
    const clients = [await bench.connect(), await bench.connect(), await bench.connect()];
    const each = 20;
    let release: number[] = [];
    let holding = true;
    bench.recorder.onFrame = (frame) => {
      if (!holding) return;
      bench.submitter.retain(frame.block);
      release.push(frame.block);
    };
    for (const [index, { peer }] of clients.entries()) {
      for (let i = 0; i < each; i++) peer.send(framed(requestBytes(3, 0, index * 100 + i, MIB)));
    }
    // All memory is held now or nearly so, and the rest waits outside.
    await bench.untilFrames(4);
    const unsent = (): number => clients.reduce((sum, { peer }) => sum + peer.unsentBytes, 0);
    let seen = -1;
    let outside = -1;
    while (seen !== bench.recorder.frames.length || outside !== unsent()) {
      seen = bench.recorder.frames.length;
      outside = unsent();
      for (let i = 0; i < 20; i++) await bench.inTick(() => undefined);
    }
    expect(seen).toBeLessThan(3 * each);
    // Not in this process: what the arena does not hold has stayed with the clients (and in the kernel).
    expect(outside).toBeGreaterThan(10 * MIB);
    expect(bench.reactor.ctlF64[Ctl.HELD_BYTES_F64]).toBeLessThanOrEqual(16 * MIB);
    await bench.inTick(() => {
      holding = false;
      for (const block of release) bench.submitter.release(block);
      release = [];
    });
    await bench.untilFrames(3 * each);
    for (const [index, { name }] of clients.entries()) {
      const ids = bench.recorder.frames.filter((frame) => frame.conn === name.conn).map((frame) => frame.correlationId);
      expect(ids).toEqual(Array.from({ length: each }, (_, i) => index * 100 + i));
    }
    for (const frame of bench.recorder.frames) expect(frame.bytes.equals(requestBytes(3, 0, frame.correlationId, MIB))).toBe(true);
  });

  test('blocks run out, come back and join', async () => {
    const bench = await open({ options: { arenaBytes: 16 * MIB } });
    const { reactor } = bench;
    const offsets: number[] = [];
    await bench.inTick(() => {
      for (let offset = reactor.takeBlock(100 * KIB); offset >= 0; offset = reactor.takeBlock(100 * KIB)) offsets.push(offset);
      expect(offsets.length).toBeGreaterThanOrEqual(40);
      const sorted = [...offsets].sort((a, b) => a - b);
      for (let i = 1; i < sorted.length; i++) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(100 * KIB);
      for (const offset of offsets) {
        const outside = offset + 100 * KIB <= reactor.outOffset || offset >= reactor.outOffset + reactor.outBytes;
        expect(outside && offset + 100 * KIB <= reactor.arena.length).toBe(true);
        reactor.giveBlock(offset);
      }
    });
    await bench.inTick(() => undefined);
    const large = reactor.takeBlock(4 * MIB);
    expect(large).toBeGreaterThanOrEqual(0);
    reactor.giveBlock(large);
  });

  test('READING pauses one connection and resumes it', async () => {
    const bench = await open();
    const paused = await bench.connect();
    const other = await bench.connect();
    await bench.inTick(() => bench.submitter.reading(paused.name, false));
    paused.peer.send(Buffer.concat([1, 2, 3].map((id) => framed(requestBytes(3, 0, id, 100)))));
    for (let round = 0; round < 5; round++) {
      other.peer.send(framed(requestBytes(3, 0, 100 + round)));
      await bench.untilFrames(round + 1);
    }
    expect(bench.recorder.frames.filter((frame) => frame.conn === paused.name.conn)).toEqual([]);
    await bench.inTick(() => bench.submitter.reading(paused.name, true));
    await bench.untilFrames(8);
    const ids = bench.recorder.frames.filter((frame) => frame.conn === paused.name.conn).map((frame) => frame.correlationId);
    expect(ids).toEqual([1, 2, 3]);
  });
}
