// Conformance: cutting frames out of a byte stream.

import { expect, test } from 'vitest';
import { CloseReason, Cq, Ctl, FrameStatus } from '../../../src/engine/io/tick-layout.ts';
import type { ConformanceContext } from './reactor-bench.ts';
import { framed, requestBytes } from './produce-fixture.ts';
import { KIB, MIB, type ReactorBench, type TestPeer } from './reactor-bench.ts';

const FETCH = 1;
const METADATA = 3;

/** Every byte sent so far by others has reached the reactor when this is through: it has polled since. */
async function fence(bench: ReactorBench, pulse: TestPeer): Promise<void> {
  const before = bench.recorder.frames.length;
  pulse.send(framed(requestBytes(18, 0, 999)));
  await bench.until(() => bench.recorder.frames.slice(before).some((frame) => frame.apiKey === 18), 'the pulse frame');
}

export function frameCases({ open }: ConformanceContext): void {
  test('a whole frame is shown with its header and bytes', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    const payload = requestBytes(METADATA, 12, -7, 33);
    peer.send(framed(payload));
    await bench.untilFrames(1);
    const [frame] = bench.recorder.frames;
    expect(frame).toMatchObject({ ...name, status: FrameStatus.OK, apiKey: METADATA, apiVersion: 12, correlationId: -7, entries: [] });
    expect(frame!.bytes.equals(payload)).toBe(true);
    expect(bench.reactor.peerAddress(name.conn)).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('frames split at every byte are put together', async () => {
    const bench = await open();
    const { peer: pulse } = await bench.connect();
    const payloads = [requestBytes(METADATA, 1, 1), requestBytes(FETCH, 4, 2, 5), requestBytes(METADATA, 2, 3, 19)];
    const stream = Buffer.concat(payloads.map(framed));
    const { peer, name } = await bench.connect();
    for (let cut = 1; cut < stream.length; cut++) {
      const before = bench.recorder.frames.length;
      peer.send(stream.subarray(0, cut));
      await fence(bench, pulse);
      peer.send(stream.subarray(cut));
      const shown = (): Buffer[] =>
        bench.recorder.frames
          .slice(before)
          .filter((frame) => frame.conn === name.conn)
          .map((frame) => frame.bytes);
      await bench.until(() => shown().length >= 3, `three frames after a cut at ${cut}`);
      expect(shown()).toEqual(payloads);
    }
  });

  test('frames that come byte by byte are put together', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    const payloads = [1, 2, 3].map((id) => requestBytes(METADATA, 0, id, id));
    for (const byte of Buffer.concat(payloads.map(framed))) peer.send(Buffer.from([byte]));
    await bench.untilFrames(3);
    expect(bench.recorder.frames.map((frame) => frame.bytes)).toEqual(payloads);
  });

  test('pipelined frames of all sizes come whole and in order', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    const paddings = [0, 1, 100, 16 * KIB - 10, 16 * KIB - 9, 64 * KIB, 0, 300 * KIB, 7, 2 * MIB, 3, 64 * KIB - 14, 12];
    const payloads = paddings.map((padding, index) => requestBytes(METADATA, 0, index, padding));
    peer.send(Buffer.concat(payloads.map(framed)));
    await bench.untilFrames(payloads.length);
    expect(bench.recorder.frames.map((frame) => frame.correlationId)).toEqual(paddings.map((_, index) => index));
    for (const [index, frame] of bench.recorder.frames.entries()) expect(frame.bytes.equals(payloads[index]!), `frame ${index}`).toBe(true);
  });

  test('a frame of exactly the limit passes and one byte more closes the connection', async () => {
    const bench = await open({ options: { requestMaxBytes: 20_000 } });
    const { peer, name } = await bench.connect();
    peer.send(framed(requestBytes(METADATA, 0, 1, 20_000 - 10)));
    peer.send(framed(requestBytes(METADATA, 0, 2, 20_001 - 10)));
    expect(await bench.untilClosed(name)).toBe(CloseReason.FRAME_TOO_LARGE);
    expect(bench.recorder.frames.map((frame) => frame.correlationId)).toEqual([1]);
    await bench.until(() => peer.ended, 'the client sees the end');
  });

  test('a negative length closes the connection after the frames before it', async () => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.send(Buffer.concat([framed(requestBytes(METADATA, 0, 5)), Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])]));
    expect(await bench.untilClosed(name)).toBe(CloseReason.FRAME_NEGATIVE);
    expect(bench.recorder.frames.map((frame) => frame.correlationId)).toEqual([5]);
    expect(bench.recorder.order.filter((op) => op !== Cq.ACCEPTED)).toEqual([Cq.FRAME, Cq.CLOSED]);
  });

  test.each([0, 1, 7])('a frame of %i bytes, too short for a header, is shown as malformed', async (length) => {
    const bench = await open();
    const { peer, name } = await bench.connect();
    peer.send(framed(Buffer.alloc(length, 1)));
    peer.send(framed(requestBytes(METADATA, 0, 6)));
    await bench.untilFrames(2);
    expect(bench.recorder.frames[0]).toMatchObject({ ...name, status: FrameStatus.MALFORMED, apiKey: -1, entries: [] });
    expect(bench.recorder.frames[0]!.bytes).toHaveLength(length);
    expect(bench.recorder.frames[1]).toMatchObject({ status: FrameStatus.OK, correlationId: 6 });
  });

  test('an announced length takes no memory before its bytes come', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    const { peer: pulse } = await bench.connect();
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(8 * MIB);
    peer.send(Buffer.concat([prefix, Buffer.alloc(100)]));
    await fence(bench, pulse);
    await fence(bench, pulse);
    expect(bench.reactor.ctlF64[Ctl.HELD_BYTES_F64]).toBeLessThan(1.5 * MIB);
    peer.send(Buffer.alloc(8 * MIB - 100));
    await bench.until(() => bench.recorder.frames.some((frame) => frame.bytes.length === 8 * MIB), 'the long frame');
  });

  test('memory of frames is given back', async () => {
    const bench = await open();
    const { peer } = await bench.connect();
    for (let id = 1; id <= 30; id++) {
      peer.send(framed(requestBytes(METADATA, 0, id, 3 * MIB)));
      await bench.untilFrames(id);
    }
    await bench.inTick(() => undefined);
    expect(bench.reactor.ctlF64[Ctl.HELD_BYTES_F64]).toBe(0);
  });
}
