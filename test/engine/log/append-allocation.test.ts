// Appending, completing and planning the tail read allocate nothing in steady state: measured, not believed.

import { expect, test } from 'vitest';
import { append } from '../../../src/engine/log/log-append.ts';
import { planRead, ReadPlan } from '../../../src/engine/log/log-read.ts';
import { BatchFacts } from '../../../src/engine/record/batch-facts.ts';
import { encodeBatch } from '../../support/batch-bytes.ts';
import { batch, LogBench, NOW } from './log-bench.ts';

/** The native ring's part is replaced by nothing: completions are good, bytes are not moved. */
function silence(bench: LogBench): void {
  bench.fs.write = () => {};
  bench.fs.fdatasync = () => {};
}

test('heap bytes an append', () => {
  const bench = new LogBench({ indexIntervalBytes: 1 << 30 });
  const log = bench.open();
  const bytes = encodeBatch(batch(1, 100));
  bench.ring.arena.set(bytes, bench.ring.inOffset);
  const facts = new BatchFacts();
  facts.arenaOffset = bench.ring.inOffset;
  facts.address = bench.ring.arenaAddress + bench.ring.inOffset;
  facts.lengthBytes = bytes.length;
  facts.recordCount = 1;
  facts.baseTimestamp = NOW;
  facts.maxTimestamp = NOW;
  facts.producerId = 7;
  facts.producerEpoch = 0;
  facts.baseSequence = 0;
  facts.nowMs = NOW;
  const plan = new ReadPlan();
  silence(bench);
  bench.onWritten = () => {};
  bench.onDurable = () => {};
  const PER_TICK = 32;
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < PER_TICK; j++) {
        append(bench.table, log, facts);
        facts.baseSequence++;
      }
      bench.table.requireDurable(log);
      bench.ring.submit();
      bench.ring.drain(bench.table);
      planRead(bench.table, log, log.writtenOffset - 1, 1_000_000, log.writtenOffset, true, plan);
      bench.table.flush();
      bench.ring.submit();
      bench.ring.drain(bench.table);
      bench.ring.tick();
    }
  };
  rounds(3000);
  const samples: number[] = [];
  for (let sample = 0; sample < 5; sample++) {
    const before = process.memoryUsage().heapUsed;
    const start = performance.now();
    rounds(1000);
    const took = performance.now() - start;
    samples.push((process.memoryUsage().heapUsed - before) / (1000 * PER_TICK));
    if (process.env['LOG_APPEND_PRINT'] !== undefined)
      process.stdout.write(`${((took * 1e6) / (1000 * PER_TICK)).toFixed(0)} ns, ${samples.at(-1)!.toFixed(1)} B an append\n`);
  }
  // A collection in between makes a sample negative; the least of the others is what the code itself allocates.
  expect(Math.min(...samples.filter((value) => value >= 0), 64)).toBeLessThan(32);
});
