// Conformance: appends, syncs and reads.

import { expect, test } from 'vitest';
import { constants } from 'node:os';
import { Cq, Ctl } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { patternBytes } from './conformance-sends.ts';
import { framed, recordBatch, requestBytes } from './produce-fixture.ts';
import { KIB, MIB, type ReactorBench } from './reactor-bench.ts';
import type { AppendPiece } from './submitter.ts';

const EAGAIN = -11;
const NO_SUCH_FD = 1_000_000;

/** Lays `bytes` in the out region: its address. */
function lay(bench: ReactorBench, bytes: Uint8Array): number {
  const { reactor } = bench;
  const offset = reactor.outOffset + reactor.ctl[Ctl.OUT_USED]!;
  reactor.arena.set(bytes, offset);
  reactor.ctl[Ctl.OUT_USED] = reactor.ctl[Ctl.OUT_USED]! + bytes.length;
  return reactor.arenaAddress + offset;
}

export function fileCases({ open }: ConformanceContext): void {
  test('a chain is one gathered write, patched, and completes within submit()', async () => {
    const bench = await open();
    const { reactor, submitter } = bench;
    const before = patternBytes(100);
    const one = bench.openFile(before);
    const two = bench.openFile(Buffer.alloc(0));
    const batches = [recordBatch({ values: ['a'] }), recordBatch({ values: ['b', 'c'] }), recordBatch({ values: ['d'] })];
    const baseOffsets = [2 ** 40 + 5, 2 ** 40 + 6, 2 ** 32 - 1];
    const results: [number, number][] = [];
    await bench.inTick(() => {
      const piece = (i: number): AppendPiece => ({
        address: lay(bench, batches[i]!),
        length: batches[i]!.length,
        baseOffset: baseOffsets[i]!,
        leaderEpoch: 70_000 + i,
      });
      submitter.append(one, 100, 11, [piece(0), piece(1)]);
      submitter.append(two, 0, 12, [piece(2)]);
      const count = reactor.ctl[Ctl.CQ_COUNT]!;
      reactor.submit();
      expect(reactor.ctl[Ctl.CQ_COUNT]).toBe(count + 2);
      expect([reactor.ctl[Ctl.SQ_COUNT], reactor.ctl[Ctl.OUT_USED]]).toEqual([0, 0]);
    });
    for (const seen of bench.recorder.of(Cq.APPENDED)) results.push([seen.ticket, seen.result]);
    expect(results).toEqual([
      [11, batches[0]!.length + batches[1]!.length],
      [12, batches[2]!.length],
    ]);
    const patched = batches.map((batch, i) => {
      const copy = Buffer.from(batch);
      copy.writeBigInt64BE(BigInt(baseOffsets[i]!), 0);
      copy.writeInt32BE(70_000 + i, 12);
      return copy;
    });
    expect(bench.fileBytes(one).equals(Buffer.concat([before, patched[0]!, patched[1]!]))).toBe(true);
    expect(bench.fileBytes(two).equals(patched[2]!)).toBe(true);
  });

  test('without the flag nothing is patched', async () => {
    const bench = await open();
    const fd = bench.openFile(Buffer.alloc(0));
    const bytes = patternBytes(64);
    await bench.inTick(() => bench.submitter.append(fd, 0, 1, [{ address: lay(bench, bytes), length: 64 }]));
    await bench.untilCompleted(Cq.APPENDED, 1);
    expect(bench.fileBytes(fd).equals(bytes)).toBe(true);
  });

  test('a chain of thousands of pieces is written whole', async () => {
    const bench = await open();
    const fd = bench.openFile(Buffer.alloc(0));
    const count = Math.min(3000, bench.reactor.sqCapacity);
    const pieces = Array.from({ length: count }, (_, i) => patternBytes(20 + (i % 50), i + 1));
    await bench.inTick(() =>
      bench.submitter.append(
        fd,
        0,
        1,
        pieces.map((bytes) => ({ address: lay(bench, bytes), length: bytes.length })),
      ),
    );
    await bench.untilCompleted(Cq.APPENDED, 1);
    const expected = Buffer.concat(pieces);
    expect(bench.recorder.results(Cq.APPENDED, 1)).toEqual([expected.length]);
    expect(bench.fileBytes(fd).equals(expected)).toBe(true);
  });

  test('bytes are appended from where they were received, before the sends of the same submit', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    const fd = bench.openFile(Buffer.alloc(0));
    const payload = requestBytes(3, 0, 4, 50 * KIB);
    let written = -1;
    bench.recorder.onFrame = (frame) => {
      bench.submitter.send(frame, Buffer.from('ok'));
      bench.submitter.append(fd, 0, 1, [{ address: bench.reactor.arenaAddress + frame.offset, length: frame.bytes.length }]);
    };
    bench.recorder.onCompletion = (seen) => {
      if (seen.op === Cq.APPENDED) written = seen.result;
    };
    peer.send(framed(payload));
    await bench.untilReceived(peer, 2);
    await bench.untilCompleted(Cq.APPENDED, 1);
    expect(written).toBe(payload.length);
    expect(bench.fileBytes(fd).equals(payload)).toBe(true);
  });

  test('a failed append is told by its errno and the others go on', async () => {
    const bench = await open();
    const fd = bench.openFile(Buffer.alloc(0));
    const bytes = patternBytes(10);
    await bench.inTick(() => {
      bench.submitter.append(NO_SUCH_FD, 0, 1, [{ address: lay(bench, bytes), length: 10 }]);
      bench.submitter.append(fd, 0, 2, [{ address: lay(bench, bytes), length: 10 }]);
    });
    await bench.untilCompleted(Cq.APPENDED, 2);
    expect(bench.recorder.results(Cq.APPENDED, 1)).toEqual([-constants.errno.EBADF]);
    expect(bench.recorder.results(Cq.APPENDED, 2)).toEqual([10]);
    expect(bench.fileBytes(fd).equals(bytes)).toBe(true);
  });

  test('SYNC ends with 0, or with its errno', async () => {
    const bench = await open();
    const fd = bench.openFile(patternBytes(10));
    await bench.inTick(() => {
      bench.submitter.sync(fd, 21);
      bench.submitter.sync(NO_SUCH_FD, 22);
      const before = bench.reactor.ctl[Ctl.CQ_COUNT]!;
      bench.reactor.submit();
      // Off the shard thread: nothing has ended yet.
      expect(bench.reactor.ctl[Ctl.CQ_COUNT]).toBe(before);
    });
    await bench.untilCompleted(Cq.SYNCED, 2);
    expect(bench.recorder.results(Cq.SYNCED, 21)).toEqual([0]);
    expect(bench.recorder.results(Cq.SYNCED, 22)).toEqual([-constants.errno.EBADF]);
  });

  test('READ fills a block as far as the file goes', async () => {
    const bench = await open();
    const bytes = patternBytes(3 * MIB + 5);
    const fd = bench.openFile(bytes);
    const { reactor, submitter } = bench;
    const whole = reactor.takeBlock(bytes.length);
    const tail = reactor.takeBlock(4096);
    const beyond = reactor.takeBlock(4096);
    await bench.inTick(() => {
      submitter.read(fd, 0, whole, bytes.length, 1);
      submitter.read(fd, bytes.length - 100, tail, 4096, 2);
      submitter.read(fd, bytes.length + 4096, beyond, 4096, 3);
      submitter.read(NO_SUCH_FD, 0, beyond, 10, 4);
    });
    await bench.untilCompleted(Cq.READ_DONE, 4);
    expect([1, 2, 3, 4].map((ticket) => bench.recorder.results(Cq.READ_DONE, ticket))).toEqual([
      [bytes.length],
      [100],
      [0],
      [-constants.errno.EBADF],
    ]);
    expect(Buffer.from(reactor.arena.subarray(whole, whole + bytes.length)).equals(bytes)).toBe(true);
    expect(Buffer.from(reactor.arena.subarray(tail, tail + 100)).equals(bytes.subarray(bytes.length - 100))).toBe(true);
    for (const offset of [whole, tail, beyond]) reactor.giveBlock(offset);
  });

  test('readNow() gives what is in memory, or says that the disk is needed', async () => {
    const bench = await open();
    const bytes = patternBytes(5000);
    const fd = bench.openFile(bytes);
    const { reactor } = bench;
    const offset = reactor.takeBlock(8192);
    const got = reactor.readNow(fd, 1000, offset, 8192);
    // A file just written is in the page cache; some file systems cannot tell.
    expect([4000, EAGAIN]).toContain(got);
    if (got > 0) expect(Buffer.from(reactor.arena.subarray(offset, offset + 4000)).equals(bytes.subarray(1000))).toBe(true);
    expect(reactor.readNow(fd, 5000, offset, 10)).toBe(0);
    expect(reactor.readNow(NO_SUCH_FD, 0, offset, 10)).toBe(-constants.errno.EBADF);
    expect([-1, 5000]).toContain(reactor.residentBytes(fd, 0, 5000));
    reactor.giveBlock(offset);
  });

  test('bytes of another thread’s arena are appended by address', async () => {
    const bench = await open();
    const fd = bench.openFile(Buffer.alloc(0));
    const foreign = new SharedArrayBuffer(8192);
    const batch = recordBatch();
    new Uint8Array(foreign).set(batch, 4096);
    const base = bench.reactor.registerForeignArena(5, foreign);
    await bench.inTick(() => {
      bench.submitter.append(fd, 0, 1, [{ address: base + 4096, length: batch.length, baseOffset: 300, leaderEpoch: 2 }]);
    });
    await bench.untilCompleted(Cq.APPENDED, 1);
    const expected = Buffer.from(batch);
    expected.writeBigInt64BE(300n, 0);
    expected.writeInt32BE(2, 12);
    expect(bench.fileBytes(fd).equals(expected)).toBe(true);
  });

  test('submits are counted, so that an open chain knows when it ended', async () => {
    const bench = await open();
    await bench.inTick(() => {
      const before = bench.reactor.ctlF64[Ctl.SUBMITS_F64]!;
      bench.reactor.submit();
      bench.reactor.submit();
      expect(bench.reactor.ctlF64[Ctl.SUBMITS_F64]).toBe(before + 2);
    });
  });
}
