// The native reactor with real sockets and files: what is particular to it. What every reactor must do is in the
// conformance suite.

import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CloseReason, Cq, CqField, Ctl, Desc, DESC_WORDS, FrameStatus } from '../../src/engine/io/tick-layout.ts';
import { framed, produceRequest, recordBatch, requestBytes } from '../net/reactor/produce-fixture.ts';
import { KIB, MIB } from '../net/reactor/reactor-bench.ts';
import type { SocketBench } from '../net/reactor/socket-bench.ts';
import { addonHasRing, countersOf, dropCache, nativeAbsent, openNativeBench } from './native-bench.ts';

/** Bytes that differ everywhere, so that a shifted or repeated piece shows. */
function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(Math.imul(i + seed, 2654435761) >>> 0, i);
  for (let i = length & ~3; i < length; i++) bytes[i] = i;
  return bytes;
}

/** What a descriptor of this process is; one that was closed meanwhile is nothing. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** Promise jobs run inside the tick that resolved them: its blocks are given back when the round ends, after them. */
function roundEnd(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe.skipIf(nativeAbsent)('native reactor', () => {
  let bench: SocketBench;
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ringlog-native-'));
  });

  afterEach(async () => {
    await bench.end();
    rmSync(directory, { recursive: true });
  });

  async function open(...options: Parameters<typeof openNativeBench>): Promise<void> {
    bench = await openNativeBench(...options);
  }

  test('echoes 5,000 pipelined frames in order', async () => {
    await open();
    const { peer, name } = await bench.connect();
    bench.recorder.onFrame = (frame) => bench.submitter.sendArena(name, frame.offset - 4, frame.bytes.length + 4);
    const frames = Array.from({ length: 5000 }, (_, i) => framed(requestBytes(18, 3, i, i % 300)));
    const all = Buffer.concat(frames);
    peer.send(all);
    expect((await bench.untilReceived(peer, all.length)).equals(all)).toBe(true);
    expect(bench.recorder.frames.map((frame) => frame.correlationId)).toEqual(frames.map((_, i) => i));
  });

  test('cuts frames that arrive byte by byte, and holds no block in between', async () => {
    await open();
    const { peer } = await bench.connect();
    expect(countersOf(bench).takenBytes).toBe(0);
    const bytes = framed(requestBytes(3, 12, 77, 20));
    for (const byte of bytes.subarray(0, 9)) {
      peer.send(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(16 * KIB), { timeout: 30_000 });
    peer.send(bytes.subarray(9));
    await bench.untilFrames(1);
    await roundEnd();
    expect(bench.recorder.frames[0]!.bytes.equals(bytes.subarray(4))).toBe(true);
    expect(countersOf(bench).takenBytes).toBe(0);
  });

  test('grows to a frame of 90 MiB under the 100 MiB limit, then gives the memory back', async () => {
    await open({ requestMaxBytes: 100 * MIB, arenaBytes: 512 * MIB });
    const { peer } = await bench.connect();
    const payload = pattern(90 * MIB);
    payload.writeInt16BE(1000, 0);
    peer.send(framed(payload));
    await bench.untilFrames(1);
    expect(bench.recorder.frames[0]!.bytes.equals(payload)).toBe(true);
    bench.recorder.frames.length = 0;
    await roundEnd();
    expect(countersOf(bench).takenBytes).toBe(0);
    const full = process.memoryUsage.rss();
    // Two intervals later: the first still remembers the burst as its peak.
    await vi.waitFor(() => expect(full - process.memoryUsage.rss()).toBeGreaterThan(60 * MIB), { timeout: 30_000 });
  });

  test('a length beyond the limit or below zero closes with its reason', async () => {
    await open({ requestMaxBytes: 1000 });
    const { peer: big, name: bigName } = await bench.connect();
    big.send(Buffer.from([0, 0, 0x03, 0xe9]));
    expect(await bench.untilClosed(bigName)).toBe(CloseReason.FRAME_TOO_LARGE);
    const { peer: negative, name: negativeName } = await bench.connect();
    negative.send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(await bench.untilClosed(negativeName)).toBe(CloseReason.FRAME_NEGATIVE);
    await roundEnd();
    expect(countersOf(bench).takenBytes).toBe(0);
  });

  test('a frame too short for a header is delivered as malformed', async () => {
    await open();
    const { peer } = await bench.connect();
    peer.send(framed(Buffer.alloc(0)));
    peer.send(framed(Buffer.alloc(7)));
    await bench.untilFrames(2);
    expect(bench.recorder.frames.map((frame) => frame.status)).toEqual([FrameStatus.MALFORMED, FrameStatus.MALFORMED]);
  });

  test('many Produce frames share the descriptor table, and what does not fit waits for the next tick', async () => {
    await open({ arenaBytes: 128 * MIB });
    const { peer } = await bench.connect();
    const partitions = Array.from({ length: 3000 }, (_, index) => ({ index, records: null }));
    const frames = Array.from({ length: 12 }, (_, i) =>
      framed(produceRequest({ version: 9, correlationId: i, topics: [{ topic: 'many', partitions }] })),
    );
    peer.send(Buffer.concat(frames));
    await bench.untilFrames(12);
    for (const frame of bench.recorder.frames) {
      expect(frame.status).toBe(FrameStatus.OK);
      expect(frame.entries.map((entry) => entry.partition)).toEqual(partitions.map(({ index }) => index));
    }
    expect(bench.recorder.frames.map((frame) => frame.correlationId)).toEqual(frames.map((_, i) => i));
  });

  test('a slow reader gets everything, and its requests wait meanwhile', async () => {
    await open();
    const { peer, name } = await bench.connect();
    peer.pause();
    const answer = pattern(14 * MIB);
    await bench.inTick(() => bench.submitter.send(name, answer));
    peer.send(framed(requestBytes(18, 3, 5)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bench.recorder.frames.length).toBe(0);
    peer.resume();
    expect((await bench.untilReceived(peer, answer.length)).equals(answer)).toBe(true);
    await bench.untilFrames(1);
  });

  test('a reader that never reads is closed at the bound', async () => {
    await open({ sendQueueMaxBytes: 1 * MIB });
    const { peer, name } = await bench.connect();
    peer.pause();
    const answer = pattern(16 * MIB);
    await bench.inTick(() => bench.submitter.send(name, answer));
    expect(await bench.untilClosed(name)).toBe(CloseReason.SEND_QUEUE_FULL);
  });

  test('appends a chain of 3,000 pieces patched, as one completion', async () => {
    await open();
    const fd = bench.openFile(Buffer.alloc(0));
    const batch = recordBatch({ values: ['x'.repeat(200)] });
    const block = bench.reactor.takeBlock(batch.length * 3000);
    const pieces = Array.from({ length: 3000 }, (_, i) => {
      bench.reactor.arena.set(batch, block + i * batch.length);
      return {
        address: bench.reactor.arenaAddress + block + i * batch.length,
        length: batch.length,
        baseOffset: 2 ** 40 + i,
        leaderEpoch: 9,
      };
    });
    await bench.inTick(() => bench.submitter.append(fd, 0, 41, pieces));
    await bench.untilCompleted(Cq.APPENDED, 1);
    expect(bench.recorder.results(Cq.APPENDED, 41)).toEqual([batch.length * 3000]);
    const bytes = bench.fileBytes(fd);
    expect(bytes.length).toBe(batch.length * 3000);
    expect(bytes.readBigInt64BE(batch.length * 2999)).toBe(2n ** 40n + 2999n);
    expect(bytes.readInt32BE(batch.length * 2999 + 12)).toBe(9);
    expect(bytes.subarray(batch.length * 7 + 16, batch.length * 8).equals(batch.subarray(16))).toBe(true);
    bench.reactor.giveBlock(block);
  });

  test('a failed append says why', async () => {
    await open();
    const full = openSync('/dev/full', 'r+');
    await bench.inTick(() => {
      bench.submitter.append(full, 0, 1, [{ address: bench.reactor.arenaAddress, length: 10 }]);
      bench.submitter.append(-1, 0, 2, [{ address: bench.reactor.arenaAddress, length: 10 }]);
    });
    await bench.untilCompleted(Cq.APPENDED, 2);
    expect(bench.recorder.results(Cq.APPENDED, 1)).toEqual([-28]);
    expect(bench.recorder.results(Cq.APPENDED, 2)).toEqual([-9]);
    closeSync(full);
  });

  test('submit() in a tick gives its completions to the same tick', async () => {
    await open();
    const fd = bench.openFile(Buffer.alloc(0));
    let completionsAfter = 0;
    await bench.inTick(() => {
      bench.submitter.append(fd, 0, 5, [{ address: bench.reactor.arenaAddress, length: 10 }]);
      bench.reactor.submit();
      completionsAfter = bench.reactor.ctl[Ctl.CQ_COUNT]!;
      expect(bench.reactor.cq[(completionsAfter - 1) * 16 + CqField.OP]).toBe(Cq.APPENDED);
    });
    expect(completionsAfter).toBeGreaterThan(0);
    expect(bench.recorder.results(Cq.APPENDED, 5)).toEqual([10]);
  });

  test('syncs several files and reports each', async () => {
    await open();
    const fds = [1, 2, 3, 4].map(() => bench.openFile(pattern(100 * KIB)));
    await bench.inTick(() => {
      fds.forEach((fd, i) => bench.submitter.sync(fd, 100 + i));
      bench.submitter.sync(-1, 200);
    });
    await bench.untilCompleted(Cq.SYNCED, 5);
    expect([100, 101, 102, 103, 200].map((ticket) => bench.recorder.results(Cq.SYNCED, ticket))).toEqual([[0], [0], [0], [0], [-9]]);
  });

  for (const cold of [false, true]) {
    for (const ioUring of cold ? [true, false] : [true]) {
      test(`sends headers and file ranges in order, ${cold ? `cold, io_uring ${ioUring}` : 'from the page cache'}`, async () => {
        await open({ ioUring });
        const path = join(directory, 'segment');
        const content = pattern(14 * MIB + 12345);
        const fd = openSync(path, 'w+');
        writeSync(fd, content);
        if (cold) {
          dropCache(path);
          expect(bench.reactor.residentBytes(fd, 0, content.length)).toBeLessThan(content.length / 10);
          // The kernel may keep folios that are busy, up to a whole MiB of them: ask all over the file for pages that it says are
          // gone. From the end, since a refused RWF_NOWAIT read starts the kernel's read-ahead from there on; a fast disk may even
          // have that done at once.
          const refused = Array.from({ length: 28 }, (_, i) => 14 * MIB - (i + 1) * 512 * KIB).some(
            (at) => bench.reactor.residentBytes(fd, at, 4096) === 0 && bench.reactor.readNow(fd, at, bench.reactor.outOffset, 4096) === -11,
          );
          expect(refused).toBe(true);
        } else {
          expect(bench.reactor.residentBytes(fd, 0, content.length)).toBe(content.length);
        }
        const { peer, name } = await bench.connect();
        const engine = bench.reactor.report.rows.find((row) => row.facility === 'cold read')!.engine;
        if (addonHasRing()) expect(engine === 'io_uring').toBe(ioUring);
        const header = Buffer.from('header-1');
        const second = Buffer.from('second header');
        await bench.inTick(() => {
          bench.submitter.send(name, header);
          bench.submitter.sendFile(name, fd, 5, 12 * MIB, 7);
          bench.submitter.send(name, second);
          bench.submitter.sendFile(name, fd, 3, 0, 8);
          bench.submitter.sendFile(name, fd, 13 * MIB, 999, 9);
          bench.submitter.sendFile(name, fd, 0, 10, -1);
        });
        const expected = Buffer.concat([
          header,
          content.subarray(5, 5 + 12 * MIB),
          second,
          content.subarray(13 * MIB, 13 * MIB + 999),
          content.subarray(0, 10),
        ]);
        const got = await bench.untilReceived(peer, expected.length);
        expect(got.equals(expected)).toBe(true);
        await bench.untilCompleted(Cq.SENT, 3);
        expect(bench.recorder.of(Cq.SENT).map((sent) => [sent.ticket, sent.result])).toEqual([
          [7, 0],
          [8, 0],
          [9, 0],
        ]);
        // What was read ahead stays for a moment.
        await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(0), { timeout: 30_000 });
        if (cold) {
          const { coldReads, aheadReads } = countersOf(bench);
          expect(coldReads + aheadReads).toBeGreaterThan(5);
          // History that passed through is not in the way of others.
          expect(bench.reactor.residentBytes(fd, 0, content.length)).toBeLessThan(MIB);
        } else expect(countersOf(bench).coldReads).toBe(0);
        closeSync(fd);
      });
    }
  }

  test('history past the page cache where the disk has it, through it where it was not written back', async () => {
    for (const ioUring of [true, false]) {
      await open({ ioUring });
      const path = join(directory, `segment-${ioUring}`);
      const content = pattern(6 * MIB + 777);
      const fd = openSync(path, 'w+');
      writeSync(fd, content);
      dropCache(path);
      const changed = pattern(9000, 77);
      writeSync(fd, changed, 0, changed.length, 3 * MIB + 5000);
      changed.copy(content, 3 * MIB + 5000);
      const { peer, name } = await bench.connect();
      await bench.inTick(() => bench.submitter.sendFile(name, fd, 11, content.length - 11, 1));
      expect((await bench.untilReceived(peer, content.length - 11)).equals(content.subarray(11))).toBe(true);
      const { coldReads, directReads } = countersOf(bench);
      expect(directReads).toBeGreaterThan(2);
      expect(directReads).toBeLessThan(coldReads);
      // The second descriptor does not keep a deleted file's blocks for long.
      const held = (): number => readdirSync('/proc/self/fd').filter((each) => linkOf(each).startsWith(path)).length;
      closeSync(fd);
      await vi.waitFor(() => expect(held()).toBe(0), { timeout: 30_000 });
      await bench.end();
    }
    await open();
  });

  test.each([
    ['64 KiB of files while records come in', true, 64 * KIB],
    ['1 MiB of files while none do', false, MIB],
  ])('a round sends %s, however many connections wait for them', async (_, appends, mostBytes) => {
    await open();
    const fd = bench.openFile(pattern(2 * MIB));
    const log = bench.openFile(pattern(0));
    const clients: Awaited<ReturnType<typeof bench.connect>>[] = [];
    for (let i = 0; i < 8; i++) clients.push(await bench.connect());
    let sent = -1;
    await bench.inTick(() => {
      if (appends) bench.submitter.append(log, 0, 99, [{ address: bench.reactor.arenaAddress, length: 10 }]);
      clients.forEach(({ name }, i) => bench.submitter.sendFile(name, fd, 0, MIB, i));
      bench.reactor.submit();
      sent = countersOf(bench).fileBytesSent;
    });
    // Eight sockets take more than 64 KiB between them.
    expect(sent).toBeGreaterThan(appends ? 0 : 64 * KIB);
    expect(sent).toBeLessThanOrEqual(mostBytes);
    for (const { peer } of clients) await bench.untilReceived(peer, MIB);
    await bench.untilCompleted(Cq.SENT, clients.length);
  });

  test('an answer a little longer than the socket takes gets the room for it, and nobody is woken up for its end', async () => {
    await open({ sendBufferBytes: 100 * KIB });
    // More than the kernel takes for such a buffer, and what the reader's side does at first: together 270,336.
    const length = 300_000;
    const fd = bench.openFile(pattern(length));
    const { peer, name } = await bench.connect();
    let sent = -1;
    await bench.inTick(() => {
      bench.submitter.sendFile(name, fd, 0, length, 1);
      // Nothing is read meanwhile: the reader is on this thread.
      bench.reactor.submit();
      sent = countersOf(bench).fileBytesSent;
    });
    expect(sent).toBe(length);
    await bench.untilReceived(peer, length);
    await bench.untilCompleted(Cq.SENT, 1);
  });

  test('every lease comes back once when the reader goes away in the middle', async () => {
    await open();
    const path = join(directory, 'segment');
    const fd = openSync(path, 'w+');
    writeSync(fd, pattern(32 * MIB));
    dropCache(path);
    for (let round = 0; round < 10; round++) {
      const { peer, name } = await bench.connect();
      peer.pause();
      await bench.inTick(() => {
        for (let i = 0; i < 4; i++) bench.submitter.sendFile(name, fd, i * 8 * MIB, 8 * MIB, round * 4 + i);
      });
      peer.destroy();
      await bench.untilClosed(name);
    }
    await bench.untilCompleted(Cq.SENT, 40);
    await roundEnd();
    const tickets = bench.recorder
      .of(Cq.SENT)
      .map((sent) => sent.ticket)
      .sort((a, b) => a - b);
    expect(tickets).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(countersOf(bench).takenBytes).toBe(0);
    closeSync(fd);
  });

  test('a range beyond the file ends the connection, since its length was promised', async () => {
    await open();
    const fd = bench.openFile(pattern(1000));
    const { name } = await bench.connect();
    await bench.inTick(() => bench.submitter.sendFile(name, fd, 0, 2000, 3));
    expect(await bench.untilClosed(name)).toBe(-5);
    expect(bench.recorder.results(Cq.SENT, 3).length).toBe(1);
  });

  test('reads off the thread: whole, short at the end, and failing', async () => {
    for (const ioUring of [true, false]) {
      await open({ ioUring });
      const content = pattern(300 * KIB);
      const fd = bench.openFile(content);
      const block = bench.reactor.takeBlock(512 * KIB);
      await bench.inTick(() => {
        bench.submitter.read(fd, 100, block, 100 * KIB, 1);
        bench.submitter.read(fd, 250 * KIB, block + 128 * KIB, 100 * KIB, 2);
        bench.submitter.read(fd, 400 * KIB, block + 300 * KIB, 10, 3);
        bench.submitter.read(-1, 0, block + 300 * KIB, 10, 4);
      });
      await bench.untilCompleted(Cq.READ_DONE, 4);
      expect([1, 2, 3, 4].map((ticket) => bench.recorder.results(Cq.READ_DONE, ticket))).toEqual([[100 * KIB], [50 * KIB], [0], [-9]]);
      const arena = Buffer.from(bench.reactor.arena.buffer);
      expect(arena.subarray(block, block + 100 * KIB).equals(content.subarray(100, 100 + 100 * KIB))).toBe(true);
      expect(arena.subarray(block + 128 * KIB, block + 178 * KIB).equals(content.subarray(250 * KIB))).toBe(true);
      bench.reactor.giveBlock(block);
      if (ioUring) await bench.end();
    }
  });

  test('a retained frame keeps its bytes while others come, and its block comes back', async () => {
    await open();
    const { peer } = await bench.connect();
    let kept = 0;
    bench.recorder.onFrame = (frame) => {
      if (frame.correlationId % 10 !== 0) return;
      bench.submitter.retain(frame.block);
      kept++;
    };
    const frames = Array.from({ length: 400 }, (_, i) => framed(requestBytes(18, 3, i, 5000)));
    for (const frame of frames) peer.send(frame);
    await bench.untilFrames(400);
    expect(kept).toBe(40);
    await roundEnd();
    expect(countersOf(bench).takenBytes).toBeGreaterThan(0);
    for (const frame of bench.recorder.frames.filter(({ correlationId }) => correlationId % 10 === 0)) {
      const now = Buffer.from(bench.reactor.arena.slice(frame.offset, frame.offset + frame.bytes.length));
      expect(now.equals(frame.bytes)).toBe(true);
      bench.submitter.release(frame.block);
    }
    bench.reactor.submit();
    await roundEnd();
    expect(countersOf(bench).takenBytes).toBe(0);
  });

  test('a full arena pauses sockets, and a release lets them go on', async () => {
    await open({ arenaBytes: 16 * MIB, requestMaxBytes: 2 * MIB });
    const { peer } = await bench.connect();
    const blocks: number[] = [];
    for (let block = bench.reactor.takeBlock(1 * MIB); block >= 0; block = bench.reactor.takeBlock(1 * MIB)) blocks.push(block);
    for (let block = bench.reactor.takeBlock(16 * KIB); block >= 0; block = bench.reactor.takeBlock(16 * KIB)) blocks.push(block);
    peer.send(framed(requestBytes(18, 3, 1, 100_000)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bench.recorder.frames.length).toBe(0);
    for (const block of blocks) bench.reactor.giveBlock(block);
    await bench.untilFrames(1);
    await roundEnd();
    expect(countersOf(bench).takenBytes).toBe(0);
  });

  test('partial frames that fill the arena do not stop the shard for ever', async () => {
    await open({ arenaBytes: 16 * MIB, requestMaxBytes: 8 * MIB });
    for (let i = 0; i < 6; i++) {
      const { peer } = await bench.connect();
      peer.send(framed(pattern(3 * MIB)).subarray(0, 3 * MIB - 100));
    }
    const { peer } = await bench.connect();
    peer.send(framed(requestBytes(18, 3, 1, 100_000)));
    // In whichever order: the frame may find the little it needs before the last hog has found the arena full.
    await bench.untilFrames(1);
    await bench.untilCompleted(Cq.CLOSED, 1);
    expect(bench.recorder.of(Cq.CLOSED).map((closed) => closed.result)).toContain(-12);
  });

  test('arms, moves and disarms its timer', async () => {
    await open();
    const start = bench.reactor.ctlF64[Ctl.NOW_MS_F64]!;
    bench.submitter.arm(start + 10_000);
    bench.submitter.arm(start + 40);
    bench.reactor.submit();
    await bench.untilCompleted(Cq.TIMER, 1);
    const fired = bench.reactor.ctlF64[Ctl.NOW_MS_F64]!;
    expect(fired).toBeGreaterThanOrEqual(start + 40);
    // Later, through the early expiry of what the kernel's timer still holds.
    bench.submitter.arm(fired + 20);
    bench.submitter.arm(fired + 60);
    bench.reactor.submit();
    await bench.untilCompleted(Cq.TIMER, 2);
    expect(bench.reactor.ctlF64[Ctl.NOW_MS_F64]!).toBeGreaterThanOrEqual(fired + 60);
    bench.submitter.arm(bench.reactor.ctlF64[Ctl.NOW_MS_F64]! + 20);
    bench.submitter.arm(Infinity);
    bench.reactor.submit();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(bench.recorder.of(Cq.TIMER).length).toBe(2);
  });

  test('wake() and schedule() run one tick however often they are called', async () => {
    await open();
    const before = bench.recorder.ticks;
    for (let i = 0; i < 5; i++) {
      bench.reactor.wake();
      bench.reactor.schedule();
    }
    await bench.untilCompleted(Cq.WAKE, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(bench.recorder.ticks).toBe(before + 1);
    expect(bench.recorder.of(Cq.WAKE).length).toBe(1);
  });

  test('READING pauses and resumes one connection; CLOSE sends what is queued first', async () => {
    await open();
    const { peer, name } = await bench.connect();
    await bench.inTick(() => bench.submitter.reading(name, false));
    peer.send(framed(requestBytes(18, 3, 1)));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(bench.recorder.frames.length).toBe(0);
    await bench.inTick(() => bench.submitter.reading(name, true));
    await bench.untilFrames(1);
    const answer = pattern(8 * MIB);
    await bench.inTick(() => {
      bench.submitter.send(name, answer);
      bench.submitter.close(name, false);
    });
    expect((await bench.untilReceived(peer, answer.length)).equals(answer)).toBe(true);
    expect(await bench.untilClosed(name)).toBe(0);
  });

  test('connections beyond the bound wait in the backlog until one leaves', async () => {
    await open({ maxConnections: 2 });
    const first = await bench.connect();
    await bench.connect();
    const third = await bench.openPeer(bench.port);
    third.send(framed(requestBytes(18, 3, 42)));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(countersOf(bench).connections).toBe(2);
    first.peer.end();
    await bench.untilFrames(1);
    expect(bench.recorder.frames[0]!.correlationId).toBe(42);
  });

  test('listens on IPv6, names the peer, and refuses a port in use by its code', async () => {
    await open();
    const { name } = await bench.connect();
    expect(bench.reactor.peerAddress(name.conn)).toMatch(/^127\.0\.0\.1:\d+$/);
    const six = await bench.reactor.listen({ host: '::1', port: 0, reusePort: false, backlog: 16 });
    expect(six.port).toBeGreaterThan(0);
    await expect(bench.reactor.listen({ host: '127.0.0.1', port: bench.port.port, reusePort: false, backlog: 16 })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    bench.reactor.stopListening();
  });

  test('walks Produce batches into descriptors', async () => {
    await open();
    const { peer } = await bench.connect();
    const records = recordBatch({ values: ['a', 'bc'] });
    peer.send(framed(produceRequest({ version: 9, acks: -1, topics: [{ topic: 't', partitions: [{ index: 3, records }] }] })));
    await bench.untilFrames(1);
    const frame = bench.recorder.frames[0]!;
    expect(frame.entries.length).toBe(1);
    expect(frame.entries[0]!.words.length).toBe(DESC_WORDS);
    expect(frame.entries[0]!.words[Desc.RECORD_COUNT]).toBe(2);
    expect(frame.entries[0]!.records!.equals(records)).toBe(true);
  });
});
