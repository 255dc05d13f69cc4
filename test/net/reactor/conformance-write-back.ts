// Conformance: write-back of dirty pages.

import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { Cq, Ctl } from '../../../src/engine/io/tick-layout.ts';
import { patternBytes } from './conformance-sends.ts';
import type { ConformanceContext } from './reactor-bench.ts';

const NO_SUCH_FD = 1_000_000;
const { EBADF, ENOSYS } = constants.errno;

export function writeBackCases({ open }: ConformanceContext): void {
  test('WRITE_BACK ends later with 0 or its errno, or ENOSYS where nobody can be asked; the bytes stay as they are', async () => {
    const bench = await open();
    const { reactor, submitter, recorder } = bench;
    const bytes = patternBytes(200_000);
    const fd = bench.openFile(bytes);
    await bench.inTick(() => {
      submitter.writeBack(fd, 0, 131_072, 1);
      submitter.writeBack(fd, 131_072, 4_000_000, 2);
      submitter.writeBack(NO_SUCH_FD, 0, 4096, 3);
      const before = reactor.ctl[Ctl.CQ_COUNT]!;
      reactor.submit();
      // Off the shard thread: nothing has ended yet.
      expect(reactor.ctl[Ctl.CQ_COUNT]).toBe(before);
    });
    await bench.untilCompleted(Cq.WRITTEN_BACK, 3);
    const results = [1, 2, 3].map((ticket) => recorder.results(Cq.WRITTEN_BACK, ticket));
    const expected = reactor.report.kind === 'portable' ? [-ENOSYS, -ENOSYS, -ENOSYS] : [0, 0, -EBADF];
    expect(results).toEqual(expected.map((result) => [result]));
    expect(bench.fileBytes(fd).equals(bytes)).toBe(true);
  });
}
