// Retention by time, by size and DeleteRecords under the leases of running fetches: what a fetch was promised it can read until
// it gives the lease back, no descriptor outlives the last lease, and no file outlives its delay. Random histories.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lease, planRead, ReadPlan, ReadStatus } from '../../../src/engine/log/log-read.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { deleteRecordsBefore, retainLog } from '../../../src/engine/log/retention.ts';
import { encodeBatch } from '../../support/batch-bytes.ts';
import { batch, DIR, LogBench, NOW } from './log-bench.ts';

const DELAY_MS = 1000;
const BATCH_SPACING_MS = 1000;

type Step =
  | { kind: 'append'; count: number }
  | { kind: 'fetch'; at: number; maxBytes: number; cold: boolean }
  | { kind: 'send'; which: number }
  | { kind: 'time' | 'size' | 'delete'; keep: number }
  | { kind: 'wait'; ms: number };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 10 }) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('fetch' as const),
        at: share,
        maxBytes: fc.integer({ min: 1, max: 2000 }),
        cold: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('send' as const), which: share }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('time' as const, 'size' as const, 'delete' as const), keep: share }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2 * DELAY_MS }) }) },
  ),
  { minLength: 5, maxLength: 80 },
);

interface Fetch {
  readonly ticket: number;
  readonly fd: number;
  readonly position: number;
  readonly expected: Uint8Array;
}

class Model {
  readonly bench = new LogBench({ segmentBytes: 700, indexIntervalBytes: 100, fileDeleteDelayMs: DELAY_MS, retentionMs: -1 });
  readonly log: Log = this.bench.open();
  private readonly bytesFrom = new Map<number, Uint8Array>();
  private readonly fetches: Fetch[] = [];
  private readonly plan = new ReadPlan();

  run(step: Step): void {
    const { bench, log } = this;
    if (step.kind === 'append') this.append(step.count);
    else if (step.kind === 'fetch') this.fetch(step);
    else if (step.kind === 'send') this.send(Math.floor(step.which * this.fetches.length));
    else if (step.kind === 'wait') bench.ring.tick(bench.table.nowMs + step.ms);
    else this.retain(step.kind, step.keep);
    bench.settle();
    this.check();
    expect(log.failed).toBe(false);
  }

  /** All leases back: nothing may be open but what the log itself has open. */
  end(): void {
    while (this.fetches.length > 0) this.send(0);
    const { bench, log } = this;
    bench.ring.tick(bench.table.nowMs + DELAY_MS + 1);
    bench.table.flush();
    expect(bench.fs.list(DIR).filter((name) => name.endsWith('.deleted'))).toEqual([]);
    expect(bench.fs.openCount).toBe(log.segments.filter(({ fd }) => fd >= 0).length);
    bench.table.closeAll();
    expect(bench.fs.openCount).toBe(0);
  }

  private append(count: number): void {
    for (let i = 0; i < count; i++) {
      const spec = batch(2, 40, this.newestMs + BATCH_SPACING_MS);
      const baseOffset = this.bench.append(this.log, spec);
      this.bytesFrom.set(baseOffset, encodeBatch({ ...spec, baseOffset, leaderEpoch: 0 }));
    }
  }

  private get newestMs(): number {
    return NOW + this.log.endOffset * (BATCH_SPACING_MS / 2);
  }

  private fetch({ at, maxBytes, cold }: Extract<Step, { kind: 'fetch' }>): void {
    const { bench, log, plan } = this;
    const offset = log.startOffset + Math.floor((log.endOffset - log.startOffset) * at);
    bench.ring.cold = cold;
    const status = planRead(bench.table, log, offset, maxBytes, Infinity, true, plan);
    // Left waiting for the disk: its read is in flight while the next steps delete.
    if (cold && status === ReadStatus.WAIT_IO) bench.ring.submit();
    bench.ring.cold = false;
    if (status !== ReadStatus.OK) {
      expect([ReadStatus.WAIT_IO, ReadStatus.EMPTY]).toContain(status);
      return;
    }
    const first = this.bytesFrom.get(offset - (offset % 2))!;
    const ticket = lease(bench.table, plan);
    this.fetches.push({ ticket, fd: plan.fd, position: plan.position, expected: first.subarray(0, Math.min(first.length, plan.length)) });
  }

  private send(index: number): void {
    const [fetch] = this.fetches.splice(index, 1);
    if (fetch === undefined) return;
    this.checkFetch(fetch);
    this.bench.table.onSent(fetch.ticket);
  }

  private retain(kind: 'time' | 'size' | 'delete', keep: number): void {
    const { bench, log } = this;
    if (kind === 'delete') {
      const target = log.startOffset + Math.floor((log.endOffset - log.startOffset) * (1 - keep));
      expect(deleteRecordsBefore(bench.table, log, target)).toBe(Math.max(target, log.startOffset));
      return;
    }
    const limits = kind === 'size' ? { retentionBytes: Math.floor(log.sizeBytes * keep) } : { retentionMs: 60_000 * keep };
    const before = log.config;
    log.config = { ...before, ...limits };
    retainLog(bench.table, log, this.newestMs, log.writtenOffset);
    log.config = before;
  }

  private check(): void {
    for (const fetch of this.fetches) this.checkFetch(fetch);
    expect(this.bench.table.leases.held).toBe(this.fetches.length);
  }

  /** The descriptor is open and still the file that it was. */
  private checkFetch({ fd, position, expected }: Fetch): void {
    const bytes = new Uint8Array(expected.length);
    expect(this.bench.fs.read(fd, bytes, 0, bytes.length, position)).toBe(bytes.length);
    expect(Buffer.compare(bytes, expected)).toBe(0);
  }
}

test('what is leased stays readable, what is not leaves no descriptor and no file', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const model = new Model();
      for (const step of history) model.run(step);
      model.end();
    }),
    { numRuns: 300 },
  );
});
