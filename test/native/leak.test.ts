// 10,000 connections opened and closed in every way: descriptors, arena and resident memory stay flat.

import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { framed, requestBytes } from '../net/reactor/produce-fixture.ts';
import { MIB } from '../net/reactor/reactor-bench.ts';
import type { SocketBench } from '../net/reactor/socket-bench.ts';
import { countersOf, nativeAbsent, openNativeBench } from './native-bench.ts';

const BATCH = 100;
const FRAME = framed(requestBytes(18, 3, 7, 500));

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** One life of a connection: by turns ended politely, reset, ended in the middle of a frame, with a bad length. */
function live(port: number, turn: number): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1', () => {
      if (turn % 4 === 0) socket.write(FRAME);
      if (turn % 4 === 1) socket.write(FRAME, () => socket.resetAndDestroy());
      if (turn % 4 === 2) socket.end(FRAME.subarray(0, 300));
      if (turn % 4 === 3) socket.write(Buffer.from([0x80, 0, 0, 0]));
    });
    socket.on('data', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

async function manyLives(bench: SocketBench, count: number): Promise<void> {
  for (let done = 0; done < count; done += BATCH) {
    await Promise.all(Array.from({ length: BATCH }, (_, i) => live(bench.port.port, done + i)));
    bench.recorder.frames.length = bench.recorder.completions.length = bench.recorder.order.length = 0;
  }
  await bench.until(() => countersOf(bench).connections === 0, 'all connections gone');
  await new Promise((resolve) => setImmediate(resolve));
}

describe.skipIf(nativeAbsent)('leaks', () => {
  test('10,000 connections leave nothing behind', async () => {
    const bench = await openNativeBench({ maxConnections: 1000 });
    bench.recorder.onFrame = (frame) => bench.submitter.sendArena(frame, frame.offset - 4, frame.bytes.length + 4);
    await manyLives(bench, 2000);
    const descriptors = openDescriptors();
    const resident = process.memoryUsage.rss();
    await manyLives(bench, 10_000);
    expect(openDescriptors()).toBe(descriptors);
    expect(countersOf(bench).takenBytes).toBe(0);
    // JavaScript's own heap moves by this much between collections.
    expect(process.memoryUsage.rss() - resident).toBeLessThan(48 * MIB);
    await bench.end();
  });

  test('reactors opened and closed give descriptors and memory back', async () => {
    const cycle = async (): Promise<void> => {
      const bench = await openNativeBench({ arenaBytes: 512 * MIB });
      const { peer } = await bench.connect();
      peer.send(FRAME);
      await bench.untilFrames(1);
      await bench.end();
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (let i = 0; i < 3; i++) await cycle();
    const descriptors = openDescriptors();
    const resident = process.memoryUsage.rss();
    for (let i = 0; i < 30; i++) await cycle();
    expect(openDescriptors()).toBe(descriptors);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(48 * MIB);
  });
});
