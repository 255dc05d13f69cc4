// A log is opened on a disk without any room: what only saves later work is left out, reads go on, and with room again so do
// appends, whatever was left half written.

import { describe, expect, test } from 'vitest';
import type { OpenOptions } from '../../../src/engine/log/log-table.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { batch, batchRanges, DIR, LogBench } from './log-bench.ts';

const CONFIG = { segmentBytes: 1500, indexIntervalBytes: 100 };
const SESSION = 'this boot';

/** Several segments. */
function filled(): { bench: LogBench; recoveryPoint: number; endOffset: number } {
  const bench = new LogBench(CONFIG);
  const log = bench.open({ session: SESSION });
  for (let i = 0; i < 30; i++) {
    bench.append(log, batch(2, 80));
    bench.settle();
  }
  bench.table.requireDurable(log);
  bench.settle();
  const recoveryPoint = bench.checkpoint();
  for (let i = 0; i < 30; i++) {
    bench.append(log, batch(2, 80));
    bench.settle();
  }
  bench.table.requireDurable(log);
  bench.settle();
  return { bench, recoveryPoint, endOffset: log.endOffset };
}

function endOf(bench: LogBench, log: Log, from: number): number {
  let offset = from;
  while (offset < log.endOffset) {
    const bytes = bench.read(log, offset);
    if (typeof bytes === 'number') throw new Error(`offset ${offset} is answered with status ${bytes}`);
    offset = batchRanges(bytes).at(-1)![1] + 1;
  }
  return offset;
}

const WAYS: readonly [string, Partial<OpenOptions>][] = [
  ['after a kill', { session: SESSION }],
  ['after a power cut', { session: 'another boot' }],
];

describe.each(WAYS)('%s', (_, options) => {
  test.each(['the whole of it', 'no index file', 'a torn tail', 'index files of another log'])('%s', (state) => {
    const { bench, recoveryPoint, endOffset } = filled();
    const { fs } = bench;
    const last = fs
      .list(DIR)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1)!;
    fs.kill();
    for (const name of fs.list(DIR)) {
      if (!name.endsWith('index')) continue;
      if (state === 'no index file') fs.remove(`${DIR}/${name}`);
      if (state === 'index files of another log')
        fs.putFile(
          `${DIR}/${name}`,
          fs.bytesOf(`${DIR}/${name}`).map((byte) => byte ^ 3),
        );
    }
    if (state === 'a torn tail') fs.putFile(`${DIR}/${last}`, Buffer.concat([fs.bytesOf(`${DIR}/${last}`), Buffer.alloc(70, 7)]));
    let refused = 0;
    fs.fault = (operation) => (operation === 'write' && ++refused ? 'ENOSPC' : null);
    const full = new LogBench(CONFIG, fs, new FakeTickRing(fs));
    const log = full.open({ ...options, recoveryPoint });
    expect(refused).toBeGreaterThan(0);
    expect(endOf(full, log, 0)).toBe(endOffset);
    expect(full.table.isOffline('/data')).toBe(false);
    // Room again, and the same after one more start.
    fs.fault = null;
    for (let i = 0; i < 20; i++) {
      full.append(log, batch(2, 80));
      full.settle();
    }
    expect(endOf(full, log, 0)).toBe(endOffset + 40);
    full.table.closeAll();
    const after = new LogBench(CONFIG, fs, new FakeTickRing(fs));
    expect(endOf(after, after.open({ clean: true, recoveryPoint: endOffset + 40 }), 0)).toBe(endOffset + 40);
  });
});
