// Conformance: records of commit journals.

import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { crc32c } from '../../../src/engine/base/crc32c.ts';
import { Cq, Ctl } from '../../../src/engine/io/tick-layout.ts';
import { patternBytes } from './conformance-sends.ts';
import type { ConformanceContext, ReactorBench } from './reactor-bench.ts';

const NO_SUCH_FD = 1_000_000;
const PAGE = 4096;

/** The record as it must be in the file: head, pieces, zeros, and the checksum over the head's beginning. */
function expectedRecord(head: Buffer, pieces: readonly Buffer[], totalBytes: number): Buffer {
  const gathered = Buffer.concat([head, ...pieces]);
  if (head.length >= 4) gathered.writeUInt32BE(crc32c(gathered, 4, gathered.length - 4), 0);
  return Buffer.concat([gathered, Buffer.alloc(totalBytes - gathered.length)]);
}

/** A block with a head at its beginning and room for descriptions of pieces behind it. */
function layHead(bench: ReactorBench, head: Buffer): { head: number; headBytes: number; piecesOffset: number } {
  const block = bench.reactor.takeBlock(64 * 1024);
  bench.reactor.arena.set(head, block);
  return { head: block, headBytes: head.length, piecesOffset: block + 32 * 1024 };
}

/** An append to a log of its own, and the record of a journal that gathers it. */
function layAppend(bench: ReactorBench) {
  const { reactor } = bench;
  const head = patternBytes(64, 5);
  const bytes = patternBytes(3000, 6);
  const block = reactor.takeBlock(PAGE);
  reactor.arena.set(bytes, block);
  return {
    journal: bench.openFile(Buffer.alloc(0)),
    log: bench.openFile(Buffer.alloc(0)),
    laid: layHead(bench, head),
    piece: { address: reactor.arenaAddress + block, length: bytes.length },
    expected: expectedRecord(head, [bytes], PAGE),
  };
}

export function commitCases({ open }: ConformanceContext): void {
  for (const sync of [false, true]) {
    test(`head, ranges of files and memory become one write, padded and checksummed (${sync ? 'fdatasync' : 'as opened'})`, async () => {
      const bench = await open();
      const { reactor, submitter } = bench;
      const journal = bench.openFile(patternBytes(8 * PAGE, 9));
      const one = patternBytes(10_000, 1);
      const two = patternBytes(70_000, 2);
      const held = reactor.takeBlock(PAGE);
      const memory = patternBytes(1234, 3);
      reactor.arena.set(memory, held);
      const head = patternBytes(200, 4);
      const laid = layHead(bench, head);
      const pieces = [
        { fd: bench.openFile(one), position: 123, length: 4567 },
        { fd: -1, position: reactor.arenaAddress + held, length: memory.length },
        { fd: bench.openFile(two), position: 0, length: two.length },
        { fd: bench.openFile(one), position: one.length - 1, length: 1 },
      ];
      const totalBytes = 20 * PAGE;
      await bench.inTick(() => {
        submitter.commit(journal, 2 * PAGE, 31, { ...laid, pieces, totalBytes, sync });
        const before = reactor.ctl[Ctl.CQ_COUNT]!;
        reactor.submit();
        // Off the shard thread: nothing has ended yet.
        expect(reactor.ctl[Ctl.CQ_COUNT]).toBe(before);
      });
      await bench.untilCompleted(Cq.COMMITTED, 1);
      expect(bench.recorder.results(Cq.COMMITTED, 31)).toEqual([0]);
      const record = expectedRecord(head, [one.subarray(123, 4690), memory, two, one.subarray(one.length - 1)], totalBytes);
      const bytes = bench.fileBytes(journal);
      expect(bytes.subarray(0, 2 * PAGE).equals(patternBytes(8 * PAGE, 9).subarray(0, 2 * PAGE))).toBe(true);
      expect(bytes.subarray(2 * PAGE).equals(record)).toBe(true);
    });
  }

  test('without a head and pieces it is zeros', async () => {
    const bench = await open();
    const journal = bench.openFile(patternBytes(PAGE, 9));
    const laid = layHead(bench, Buffer.alloc(0));
    await bench.inTick(() => bench.submitter.commit(journal, 0, 1, { ...laid, pieces: [], totalBytes: 3 * PAGE, sync: true }));
    await bench.untilCompleted(Cq.COMMITTED, 1);
    expect(bench.fileBytes(journal).equals(Buffer.alloc(3 * PAGE))).toBe(true);
  });

  test('an append of the same submit is in the record', async () => {
    const bench = await open();
    const { submitter } = bench;
    const { journal, log, laid, piece, expected } = layAppend(bench);
    await bench.inTick(() => {
      submitter.commit(journal, 0, 1, { ...laid, pieces: [{ fd: log, position: 0, length: 3000 }], totalBytes: PAGE, sync: false });
      submitter.append(log, 0, 2, [piece]);
    });
    await bench.untilCompleted(Cq.COMMITTED, 1);
    expect(bench.fileBytes(journal).equals(expected)).toBe(true);
  });

  test('in place it has ended before the submit has, behind the appends', async () => {
    const bench = await open();
    const { reactor, submitter } = bench;
    const { journal, log, laid, piece, expected } = layAppend(bench);
    const pieces = [{ fd: log, position: 0, length: 3000 }];
    await bench.inTick(() => {
      submitter.commit(journal, 0, 1, { ...laid, pieces, totalBytes: PAGE, sync: true, inPlace: true });
      submitter.commit(NO_SUCH_FD, 0, 2, { ...laid, pieces, totalBytes: PAGE, sync: false, inPlace: true });
      submitter.append(log, 0, 3, [piece]);
      reactor.submit();
      expect(bench.fileBytes(journal).equals(expected)).toBe(true);
    });
    await bench.untilCompleted(Cq.COMMITTED, 2);
    expect([1, 2].map((ticket) => bench.recorder.results(Cq.COMMITTED, ticket))).toEqual([[0], [-constants.errno.EBADF]]);
  });

  test('a piece that is not there, and a journal that cannot be written, end with an errno', async () => {
    const bench = await open();
    const journal = bench.openFile(patternBytes(PAGE, 9));
    const laid = layHead(bench, patternBytes(64, 5));
    const short = bench.openFile(patternBytes(100));
    const more = { ...layHead(bench, patternBytes(64, 5)), totalBytes: PAGE, sync: false };
    await bench.inTick(() => {
      bench.submitter.commit(journal, 0, 1, { ...laid, pieces: [{ fd: short, position: 50, length: 51 }], totalBytes: PAGE, sync: false });
      bench.submitter.commit(NO_SUCH_FD, 0, 2, { ...more, pieces: [] });
      bench.submitter.commit(journal, 0, 3, {
        ...more,
        piecesOffset: more.piecesOffset + 4096,
        pieces: [{ fd: NO_SUCH_FD, position: 0, length: 1 }],
      });
    });
    await bench.untilCompleted(Cq.COMMITTED, 3);
    expect([1, 2, 3].map((ticket) => bench.recorder.results(Cq.COMMITTED, ticket))).toEqual([
      [-constants.errno.EIO],
      [-constants.errno.EBADF],
      [-constants.errno.EBADF],
    ]);
    // What could not be gathered was not written.
    expect(bench.fileBytes(journal).equals(patternBytes(PAGE, 9))).toBe(true);
  });

  test('several are on their way at once, and each ends once', async () => {
    const bench = await open();
    const journal = bench.openFile(Buffer.alloc(64 * PAGE));
    const source = patternBytes(64 * PAGE, 7);
    const fd = bench.openFile(source);
    const heads = Array.from({ length: 20 }, (_, i) => layHead(bench, patternBytes(64, 20 + i)));
    await bench.inTick(() => {
      heads.forEach((laid, i) => {
        const pieces = [{ fd, position: i * 3000, length: 3000 }];
        bench.submitter.commit(journal, i * PAGE, i, { ...laid, pieces, totalBytes: PAGE, sync: i % 2 === 0 });
      });
    });
    await bench.untilCompleted(Cq.COMMITTED, heads.length);
    const bytes = bench.fileBytes(journal);
    heads.forEach((_, i) => {
      expect(bench.recorder.results(Cq.COMMITTED, i)).toEqual([0]);
      const record = expectedRecord(patternBytes(64, 20 + i), [source.subarray(i * 3000, (i + 1) * 3000)], PAGE);
      expect(bytes.subarray(i * PAGE, (i + 1) * PAGE).equals(record)).toBe(true);
    });
  });
}
