// Conformance: checking record batches on the disk.

import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { Cq, Ctl, VerifyCell } from '../../../src/engine/io/tick-layout.ts';
import { ScanStatus } from '../../../src/engine/log/batch-scanner.ts';
import { encodeBatch } from '../../support/batch-bytes.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { KIB, type ReactorBench } from './reactor-bench.ts';

const NO_SUCH_FD = 1_000_000;
const { EBADF, EIO } = constants.errno;

interface Found {
  readonly result: number;
  readonly status: number;
  readonly good: number;
  readonly next: number;
  readonly needed: number;
}

interface Asked {
  readonly position?: number;
  readonly window?: number;
  readonly end: number;
  readonly min?: number;
  readonly limit?: number;
}

let tickets = 0;

async function verify(bench: ReactorBench, fd: number, asked: Asked): Promise<Found> {
  const { reactor, submitter } = bench;
  const block = reactor.takeBlock(4 * KIB);
  const cells = new Float64Array(reactor.arena.buffer, reactor.arena.byteOffset + block, VerifyCell.CELLS);
  cells[VerifyCell.POSITION] = asked.position ?? 0;
  cells[VerifyCell.WINDOW_BYTES] = asked.window ?? 1024 * KIB;
  cells[VerifyCell.END] = asked.end;
  cells[VerifyCell.MIN_OFFSET] = asked.min ?? 0;
  cells[VerifyCell.LIMIT_OFFSET] = asked.limit ?? 2 ** 50;
  const ticket = ++tickets;
  const before = bench.recorder.of(Cq.VERIFIED).length;
  await bench.inTick(() => {
    submitter.verify(fd, block, ticket);
    const count = reactor.ctl[Ctl.CQ_COUNT]!;
    reactor.submit();
    // Off the shard thread: nothing has ended yet.
    expect(reactor.ctl[Ctl.CQ_COUNT]).toBe(count);
  });
  await bench.untilCompleted(Cq.VERIFIED, before + 1);
  const [result] = bench.recorder.results(Cq.VERIFIED, ticket);
  const found = {
    result: result!,
    status: cells[VerifyCell.STATUS]!,
    good: cells[VerifyCell.GOOD_BYTES]!,
    next: cells[VerifyCell.NEXT_OFFSET]!,
    needed: cells[VerifyCell.NEEDED_BYTES]!,
  };
  reactor.giveBlock(block);
  return found;
}

/** Batches of 2 records each, from offset `first` on. */
function batches(count: number, first = 0, bytes = 100): Buffer[] {
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(encodeBatch({ values: [Buffer.alloc(bytes, 'x'), Buffer.alloc(i)], timestamps: [5, 6], baseOffset: first + i * 2 })),
  );
}

export function verifyCases({ open }: ConformanceContext): void {
  test('good batches, from anywhere to anywhere, in windows', async () => {
    const bench = await open();
    const all = batches(200);
    const bytes = Buffer.concat(all);
    const fd = bench.openFile(bytes);
    const end = bytes.length;
    expect(await verify(bench, fd, { end })).toEqual({ result: 0, status: ScanStatus.OK, good: end, next: 400, needed: 0 });
    // In windows that end anywhere.
    let position = 0;
    let min = 0;
    let calls = 0;
    for (; position < end && calls < 400; calls++) {
      const found = await verify(bench, fd, { position, end, min, window: 9000 });
      expect([found.result, found.status, found.needed]).toEqual([0, ScanStatus.OK, 0]);
      expect(found.good).toBeGreaterThan(0);
      position += found.good;
      min = found.next;
    }
    expect([position, min]).toEqual([end, 400]);
    expect(calls).toBeGreaterThan(3);
  });

  test('a batch longer than the window asks for more', async () => {
    const bench = await open();
    const [long] = batches(1, 7, 30_000);
    const fd = bench.openFile(Buffer.concat([long!, ...batches(2, 9)]));
    const end = bench.fileBytes(fd).length;
    const asked = await verify(bench, fd, { end, window: 4096, min: 7 });
    expect(asked).toEqual({ result: 0, status: ScanStatus.OK, good: 0, next: 7, needed: long!.length });
    expect((await verify(bench, fd, { end, window: asked.needed, min: 7 })).good).toBe(long!.length);
    expect((await verify(bench, fd, { end, window: 10, min: 7 })).needed).toBe(61);
  });

  test('every byte of a batch that can be wrong is told, and the batches before it are good', async () => {
    const bench = await open();
    const all = batches(5, 10);
    const start = all[0]!.length + all[1]!.length;
    const flip = (at: number, mask: number): Buffer => {
      const bytes = Buffer.concat(all);
      bytes[start + at]! ^= mask;
      return bytes;
    };
    const cases: readonly [string, number, number, number][] = [
      ['a record', 80, 0x01, ScanStatus.BAD_CRC],
      ['the checksum', 17, 0x80, ScanStatus.BAD_CRC],
      ['the magic', 16, 0x01, ScanStatus.BAD_MAGIC],
      ['length, negative', 8, 0x80, ScanStatus.BAD_LENGTH],
      ['length, past the end', 8, 0x01, ScanStatus.SHORT],
      ['base offset, back', 7, 0x08, ScanStatus.BAD_OFFSET],
      ['base offset, past the limit', 3, 0x01, ScanStatus.BAD_OFFSET],
      ['base offset, into the next batch', 7, 0x01, ScanStatus.BAD_OFFSET],
      ['last offset delta, negative', 23, 0x80, ScanStatus.BAD_OFFSET],
      ['attributes', 22, 0x40, ScanStatus.BAD_CRC],
    ];
    for (const [what, at, mask, status] of cases) {
      const bytes = flip(at, mask);
      const found = await verify(bench, bench.openFile(bytes), { end: bytes.length, min: 10, limit: 20 });
      expect([what, found.result, found.status, found.good, found.next]).toEqual([what, 0, status, start, 14]);
    }
  });

  test('a gap that compaction left is no damage', async () => {
    const bench = await open();
    const bytes = Buffer.concat([...batches(2), ...batches(2, 100), ...batches(1, 200)]);
    const found = await verify(bench, bench.openFile(bytes), { end: bytes.length, limit: 202 });
    expect(found).toEqual({ result: 0, status: ScanStatus.OK, good: bytes.length, next: 202, needed: 0 });
    expect((await verify(bench, bench.openFile(bytes), { end: bytes.length, limit: 201 })).status).toBe(ScanStatus.BAD_OFFSET);
  });

  test('a file that ends too early, and one that is not there', async () => {
    const bench = await open();
    const bytes = Buffer.concat(batches(3));
    const fd = bench.openFile(bytes);
    expect((await verify(bench, fd, { end: bytes.length + 1 })).result).toBe(-EIO);
    expect((await verify(bench, NO_SUCH_FD, { end: 4096 })).result).toBe(-EBADF);
    // The end is inside a batch.
    const found = await verify(bench, fd, { end: bytes.length - 1 });
    expect([found.result, found.status]).toEqual([0, ScanStatus.SHORT]);
  });
}
