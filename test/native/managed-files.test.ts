// The tick ring's file operations on files of the managed storage mode, with real sockets and a real disk: what is sent and
// read is what was appended, whether it is in the arena, on the disk, or partly both.

import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nodeFileSystem } from '../../src/engine/io/node-file-system.ts';
import { Cq, Ctl } from '../../src/engine/io/tick-layout.ts';
import { FENCE_STEP_BYTES, findFence } from '../../src/engine/log/fence-block.ts';
import { KIB, MIB } from '../net/reactor/reactor-bench.ts';
import type { SocketBench } from '../net/reactor/socket-bench.ts';
import { addonHasRing, countersOf, nativeAbsent, openNativeBench } from './native-bench.ts';

const EAGAIN = -11;
const EIO = -5;
const ALL = Number.MAX_SAFE_INTEGER;

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i + 1, seed) >>> 7) | 1;
  return bytes;
}

describe.skipIf(nativeAbsent).each([true, false])('managed files, io_uring %s', (ioUring) => {
  let bench: SocketBench;
  let directory: string;
  let path: string;
  let fd: number;
  let expected: Buffer;
  let tickets = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ringlog-managed-'));
    path = join(directory, 'file');
    fd = openSync(path, 'w+');
    expected = Buffer.alloc(0);
  });

  afterEach(async () => {
    bench.reactor.managed!.releaseManaged(fd);
    await bench.end();
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });

  /** An arena of the least size: 32 chunks of 64 KiB. */
  async function open(): Promise<void> {
    bench = await openNativeBench({ managedBytes: 2 * MIB, ioUring });
    expect(bench.reactor.managed!.manageFile(fd, 0, 64 * MIB)).toBe(0);
  }

  async function append(bytes: Buffer, position = expected.length): Promise<number> {
    const { reactor, submitter } = bench;
    const ticket = ++tickets;
    await bench.inTick(() => {
      const offset = reactor.outOffset + reactor.ctl[Ctl.OUT_USED]!;
      reactor.arena.set(bytes, offset);
      reactor.ctl[Ctl.OUT_USED] = reactor.ctl[Ctl.OUT_USED]! + bytes.length;
      submitter.append(fd, position, ticket, [{ address: reactor.arenaAddress + offset, length: bytes.length }]);
    });
    await bench.until(() => bench.recorder.of(Cq.APPENDED).some((seen) => seen.ticket === ticket), 'appended');
    const { result } = bench.recorder.of(Cq.APPENDED).find((seen) => seen.ticket === ticket)!;
    if (result === bytes.length) expected = Buffer.concat([expected, bytes]);
    return result;
  }

  async function sync(): Promise<number> {
    const ticket = ++tickets;
    await bench.inTick(() => bench.submitter.sync(fd, ticket));
    await bench.until(() => bench.recorder.of(Cq.SYNCED).some((seen) => seen.ticket === ticket), 'synced');
    return bench.recorder.of(Cq.SYNCED).find((seen) => seen.ticket === ticket)!.result;
  }

  async function sent(position: number, length: number): Promise<Buffer> {
    const { peer, name } = await bench.connect();
    await bench.inTick(() => {
      bench.submitter.send(name, Buffer.from('head'));
      bench.submitter.sendFile(name, fd, position, length, ++tickets);
      bench.submitter.send(name, Buffer.from('tail'));
    });
    const got = await bench.untilReceived(peer, length + 8);
    await bench.until(() => bench.recorder.of(Cq.SENT).some((seen) => seen.ticket === tickets), 'the lease to end');
    expect([got.subarray(0, 4).toString(), got.subarray(-4).toString()]).toEqual(['head', 'tail']);
    return got.subarray(4, -4);
  }

  test('recovery knows the fences of a recycled file', async () => {
    bench = await openNativeBench({ managedBytes: 2 * MIB, ioUring });
    writeFileSync(path, Buffer.alloc(3 * FENCE_STEP_BYTES, 'o'));
    expect(findFence(nodeFileSystem, fd, 0, 3 * FENCE_STEP_BYTES)).toBe(-1);
    expect(bench.reactor.managed!.manageFile(fd, 0, 64 * MIB)).toBe(0);
    await append(pattern(5000, 3));
    expect(await sync()).toBe(0);
    const found = [0, FENCE_STEP_BYTES, FENCE_STEP_BYTES + 1].map((from) => findFence(nodeFileSystem, fd, from, 3 * FENCE_STEP_BYTES));
    expect(found).toEqual([FENCE_STEP_BYTES, FENCE_STEP_BYTES, 2 * FENCE_STEP_BYTES]);
  });

  test('what writes is told', async () => {
    await open();
    const { reason } = bench.reactor.report.rows.find(({ facility }) => facility === 'managed append')!;
    expect(reason).toContain(ioUring && addonHasRing() ? 'through io_uring' : 'by 4 threads');
  });

  test('what was appended is sent and read before any of it is on the disk', async () => {
    await open();
    const { reactor } = bench;
    await append(pattern(1000, 3));
    await append(pattern(70_000, 5));
    await append(pattern(16, 7));
    expect((await sent(0, expected.length)).equals(expected)).toBe(true);
    expect((await sent(990, 30)).equals(expected.subarray(990, 1020))).toBe(true);
    const block = reactor.takeBlock(16 * KIB);
    expect(reactor.readNow(fd, 65_000, block, 2000)).toBe(2000);
    expect(Buffer.from(reactor.arena.subarray(block, block + 2000)).equals(expected.subarray(65_000, 67_000))).toBe(true);
    expect(reactor.readNow(fd, expected.length - 10, block, 2000)).toBe(10);
    reactor.giveBlock(block);
    expect(countersOf(bench).managedSyncs).toBe(0);
  });

  test('a sync leaves the bytes on the disk, then zeros to a whole block; a cut leaves the bytes alone', async () => {
    await open();
    for (let i = 0; i < 20; i++) {
      await append(pattern(3000 + i * 777, i + 2));
      expect(await sync()).toBe(0);
      const file = readFileSync(path);
      expect(file.length % 4096).toBe(0);
      expect(file.subarray(0, expected.length).equals(expected)).toBe(true);
      expect(file.subarray(expected.length).every((byte) => byte === 0)).toBe(true);
    }
    expect(bench.reactor.managed!.truncateManaged(fd, expected.length)).toBe(0);
    expect(readFileSync(path).equals(expected)).toBe(true);
    // Cut inside what was written, and go on there.
    expect(bench.reactor.managed!.truncateManaged(fd, 5001)).toBe(0);
    expected = expected.subarray(0, 5001);
    await append(pattern(9000, 77));
    expect(await sync()).toBe(0);
    expect(readFileSync(path).subarray(0, expected.length).equals(expected)).toBe(true);
    expect((await sent(0, expected.length)).equals(expected)).toBe(true);
  });

  test('history that left the arena is read from the disk, also where it meets the arena', async () => {
    await open();
    for (let i = 0; i < 24; i++) await append(pattern(300_000 + i, i + 2));
    expect(countersOf(bench).managedEvictions).toBeGreaterThan(0);
    const { reactor } = bench;
    const cold = countersOf(bench).coldReads;
    expect((await sent(0, expected.length)).equals(expected)).toBe(true);
    expect((await sent(12_345, 1_234_567)).equals(expected.subarray(12_345, 1_246_912))).toBe(true);
    expect(countersOf(bench).coldReads).toBeGreaterThan(cold);
    // Where the arena begins is not told: a read across every place it can be.
    const block = reactor.takeBlock(256 * KIB);
    for (let at = expected.length - 3 * MIB; at < expected.length; at += 130_001) {
      const ticket = ++tickets;
      const length = Math.min(200_000, expected.length - at);
      await bench.inTick(() => bench.submitter.read(fd, at, block, length, ticket));
      await bench.until(() => bench.recorder.of(Cq.READ_DONE).some((seen) => seen.ticket === ticket), 'read');
      const { result } = bench.recorder.of(Cq.READ_DONE).find((seen) => seen.ticket === ticket)!;
      expect(result).toBeGreaterThan(0);
      expect(Buffer.from(reactor.arena.subarray(block, block + result)).equals(expected.subarray(at, at + result))).toBe(true);
      expect(result).toBe(length);
      const into = new Uint8Array(length + 1);
      expect(reactor.managed!.readManaged(fd, into, 1, length, at)).toBe(length);
      expect(Buffer.from(into.subarray(1)).equals(expected.subarray(at, at + length))).toBe(true);
    }
    expect(reactor.readNow(fd, 0, block, 100)).toBe(EAGAIN);
    reactor.giveBlock(block);
  });

  test('a scan of history evicts nothing of the end', async () => {
    await open();
    for (let i = 0; i < 24; i++) await append(pattern(300_000 + i, i + 2));
    expect(bench.reactor.managed!.syncManaged(fd, ALL, true)).toBe(0);
    const before = countersOf(bench);
    expect((await sent(0, 4 * MIB)).equals(expected.subarray(0, 4 * MIB))).toBe(true);
    const scanned = countersOf(bench);
    expect(scanned.managedEvictions).toBe(before.managedEvictions);
    expect((await sent(expected.length - MIB, MIB)).equals(expected.subarray(-MIB))).toBe(true);
    expect(countersOf(bench).coldReads).toBe(scanned.coldReads);
  });

  test('requests that follow each other find the next bytes read already; those that jump do not', async () => {
    await open();
    for (let i = 0; i < 24; i++) await append(pattern(300_000 + i, i + 2));
    const step = 200_000;
    for (let at = 0; at + step < 4 * MIB; at += step) expect((await sent(at, step)).equals(expected.subarray(at, at + step))).toBe(true);
    const { aheadHits, coldReads } = countersOf(bench);
    expect(aheadHits).toBeGreaterThan(10);
    expect(coldReads).toBeLessThan(10);
    for (const at of [3 * MIB, 100, 2 * MIB, 50_000]) expect((await sent(at, 1000)).equals(expected.subarray(at, at + 1000))).toBe(true);
    // What was read ahead is given back when nobody comes for it.
    await vi.waitFor(() => expect(countersOf(bench).takenBytes).toBe(0), { timeout: 20_000 });
  });

  test('bytes that were read ahead are forgotten when the file is cut', async () => {
    await open();
    for (let i = 0; i < 24; i++) await append(pattern(300_000, i + 2));
    for (let at = 0; at < MIB; at += 250_000) await sent(at, 250_000);
    expect(bench.reactor.managed!.truncateManaged(fd, 900_000)).toBe(0);
    expected = expected.subarray(0, 900_000);
    for (let i = 0; i < 24; i++) await append(pattern(300_000, i + 50));
    for (let at = 500_000; at < 3 * MIB; at += 250_000) {
      expect((await sent(at, 250_000)).equals(expected.subarray(at, at + 250_000))).toBe(true);
    }
  });

  test('space is zeroed ahead only for a file that is synced often', async () => {
    await open();
    for (let i = 0; i < 12; i++) await append(pattern(300_000, i + 2));
    expect(await sync()).toBe(0);
    expect(countersOf(bench).managedFilledBytes).toBe(0);
    for (let i = 0; i < 60; i++) {
      await append(pattern(100_000, i + 2));
      expect(await sync()).toBe(0);
    }
    expect(countersOf(bench).managedFilledBytes).toBeGreaterThan(0);
    expect(readFileSync(path).subarray(0, expected.length).equals(expected)).toBe(true);
  });

  test('a socket that takes nothing holds no memory: its bytes come from the disk later', async () => {
    await open();
    for (let i = 0; i < 4; i++) await append(pattern(400_000, i + 2));
    const { peer, name } = await bench.connect();
    peer.pause();
    await bench.inTick(() => bench.submitter.sendFile(name, fd, 0, 1_600_000, ++tickets));
    const want = expected;
    for (let i = 0; i < 20; i++) await append(pattern(400_000, i + 9));
    peer.resume();
    const got = await bench.untilReceived(peer, 1_600_000);
    expect(got.equals(want)).toBe(true);
  });

  test('an append behind one that was refused is refused too', async () => {
    await open();
    await append(pattern(100, 3));
    expect(await append(pattern(100, 5), 200)).toBe(EIO);
    expect((await sent(0, 100)).equals(expected)).toBe(true);
    expect(await append(pattern(100, 9))).toBe(100);
  });

  test('many syncs in one tick all end, and what waits too long is written without being asked for', async () => {
    await open();
    await append(pattern(5000, 3));
    const first = tickets + 1;
    await bench.inTick(() => {
      for (let i = 0; i < 50; i++) bench.submitter.sync(fd, ++tickets);
    });
    await bench.until(() => bench.recorder.of(Cq.SYNCED).length >= 50, 'all syncs');
    expect(bench.recorder.of(Cq.SYNCED).map(({ ticket, result }) => [ticket, result])).toEqual(
      Array.from({ length: 50 }, (_, i) => [first + i, 0]),
    );
    await append(pattern(10, 5));
    await vi.waitFor(() => expect(readFileSync(path).subarray(0, expected.length).equals(expected)).toBe(true), { timeout: 20_000 });
    expect(countersOf(bench).managedSyncs).toBeLessThan(5);
  });

  test('a commit gathers bytes that are in the arena only, or have left it', async () => {
    await open();
    const { reactor, submitter } = bench;
    for (let i = 0; i < 12; i++) await append(pattern(300_000, i + 2));
    const last = expected.length;
    await append(pattern(5000, 99));
    const journal = bench.openFile(Buffer.alloc(0));
    const block = reactor.takeBlock(64 * KIB);
    const ranges = [
      [last, 5000],
      [100, 3000],
      [last - 70_000, 74_000],
    ] as const;
    reactor.arena.set(pattern(100, 123), block);
    const head = Buffer.from(reactor.arena.subarray(block, block + 100));
    const commit = {
      head: block,
      headBytes: 100,
      piecesOffset: block + 4096,
      pieces: ranges.map(([position, length]) => ({ fd, position, length })),
      totalBytes: 84 * KIB,
      sync: false,
    };
    await bench.inTick(() => submitter.commit(journal, 0, ++tickets, commit));
    await bench.until(() => bench.recorder.of(Cq.COMMITTED).length === 1, 'the commit');
    expect(bench.recorder.of(Cq.COMMITTED)[0]!.result).toBe(0);
    const pieces = ranges.map(([position, length]) => expected.subarray(position, position + length));
    const record = Buffer.concat([head, ...pieces]);
    const written = bench.fileBytes(journal);
    // The record's checksum lies over its first bytes.
    const skip = 4;
    expect(written.subarray(skip, record.length).equals(record.subarray(skip))).toBe(true);
    reactor.giveBlock(block);
  });

  test('a file taken over again goes on where it ended', async () => {
    await open();
    await append(pattern(10_000, 3));
    const { managed } = bench.reactor;
    expect(managed!.syncManaged(fd, ALL, true)).toBe(0);
    expect(managed!.truncateManaged(fd, 10_000)).toBe(0);
    managed!.releaseManaged(fd);
    expect(fstatSync(fd).size).toBe(10_000);
    expect(managed!.manageFile(fd, 10_000, 64 * MIB)).toBe(0);
    await append(pattern(10_000, 5));
    expect((await sent(9000, 11_000)).equals(expected.subarray(9000))).toBe(true);
    expect(await sync()).toBe(0);
    expect(readFileSync(path).subarray(0, 20_000).equals(expected)).toBe(true);
  });
});
