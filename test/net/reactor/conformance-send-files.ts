// Conformance: ranges of files sent to clients, and their leases.

import { expect, test } from 'vitest';
import { constants } from 'node:os';
import { Cq } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { patternBytes } from './conformance-sends.ts';
import { MIB } from './reactor-bench.ts';

export function sendFileCases({ open }: ConformanceContext): void {
  test('bytes and file ranges of one connection interleave as submitted', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const file = patternBytes(3 * MIB, 3);
    const fd = bench.openFile(file);
    const expected: Buffer[] = [];
    const send = (text: string): void => {
      bench.submitter.send(name, Buffer.from(text));
      expected.push(Buffer.from(text));
    };
    const sendFile = (position: number, length: number, ticket: number): void => {
      bench.submitter.sendFile(name, fd, position, length, ticket);
      expected.push(file.subarray(position, position + length));
    };
    await bench.inTick(() => {
      send('head');
      sendFile(0, MIB + 17, 1);
      send('middle');
      sendFile(MIB, 1, 2);
      sendFile(5, 0, 3);
      sendFile(2 * MIB, MIB, -1);
    });
    await bench.inTick(() => {
      send('second submit');
      sendFile(77, 2 * MIB, 4);
      send('tail');
    });
    const all = Buffer.concat(expected);
    await bench.untilReceived(peer, all.length);
    expect(peer.received().equals(all)).toBe(true);
    await bench.untilCompleted(Cq.SENT, 4);
    await bench.inTick(() => undefined);
    expect(bench.recorder.of(Cq.SENT).map((sent) => [sent.ticket, sent.result])).toEqual([1, 2, 3, 4].map((ticket) => [ticket, 0]));
  });

  test('a range is not reported sent while the client takes nothing', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const other = await bench.connect();
    peer.pause();
    const file = patternBytes(16 * MIB, 5);
    const fd = bench.openFile(file);
    await bench.inTick(() => bench.submitter.sendFile(name, fd, 0, file.length, 9));
    await bench.inTick(() => bench.submitter.sendFile(other.name, fd, 0, MIB, 10));
    await bench.untilReceived(other.peer, MIB);
    await bench.untilCompleted(Cq.SENT, 1);
    expect(bench.recorder.results(Cq.SENT, 9)).toEqual([]);
    peer.resume();
    await bench.untilReceived(peer, file.length);
    expect(peer.received().equals(file)).toBe(true);
    await bench.untilCompleted(Cq.SENT, 2);
    expect(bench.recorder.results(Cq.SENT, 9)).toEqual([0]);
  });

  test('every lease ends exactly once when the connection dies', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.pause();
    const fd = bench.openFile(patternBytes(16 * MIB));
    await bench.inTick(() => {
      bench.submitter.sendFile(name, fd, 0, 16 * MIB, 1);
      bench.submitter.send(name, Buffer.from('between'));
      bench.submitter.sendFile(name, fd, 0, 16 * MIB, 2);
      bench.submitter.sendFile(name, fd, 0, 16 * MIB, -1);
    });
    await bench.inTick(() => {
      bench.submitter.sendFile(name, fd, 0, MIB, 3);
      bench.submitter.close(name, true);
      bench.submitter.sendFile(name, fd, 0, MIB, 4);
    });
    await bench.untilClosed(name);
    await bench.inTick(() => bench.submitter.sendFile(name, fd, 0, MIB, 5));
    await bench.untilCompleted(Cq.SENT, 5);
    await bench.inTick(() => undefined);
    expect(
      bench.recorder
        .of(Cq.SENT)
        .map((sent) => sent.ticket)
        .sort(),
    ).toEqual([1, 2, 3, 4, 5]);
    expect(bench.recorder.of(Cq.SENT).every((sent) => sent.result < 0)).toBe(true);
  });

  test('a lease ends when the client goes in the middle of its range', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const fd = bench.openFile(patternBytes(32 * MIB));
    peer.pause();
    await bench.inTick(() => bench.submitter.sendFile(name, fd, 0, 32 * MIB, 7));
    await bench.inTick(() => undefined);
    peer.destroy();
    await bench.untilClosed(name);
    await bench.untilCompleted(Cq.SENT, 1);
    await bench.inTick(() => undefined);
    expect(bench.recorder.of(Cq.SENT).map((sent) => sent.ticket)).toEqual([7]);
  });

  test('a file shorter than the range promised ends the connection', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const fd = bench.openFile(patternBytes(1000));
    await bench.inTick(() => {
      bench.submitter.sendFile(name, fd, 0, 2000, 8);
      bench.submitter.send(name, Buffer.from('never'));
    });
    expect(await bench.untilClosed(name)).toBe(-constants.errno.EIO);
    await bench.untilCompleted(Cq.SENT, 1);
    await bench.until(() => peer.ended, 'the client sees the end');
    expect(peer.received().toString('latin1')).not.toContain('never');
  });
}
