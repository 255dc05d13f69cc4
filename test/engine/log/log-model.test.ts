// Random histories against a plain array: appends in ticks, reads, syncs, rolls, deletions, full disks, restarts of every kind.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import type { LogConfig } from '../../../src/engine/log/log-config.ts';
import { deleteRecordsBefore, retainLog } from '../../../src/engine/log/retention.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { BatchHeader } from '../../../src/engine/record/batch-header.ts';
import { encodeBatch, type BatchSpec } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { DIR, LogBench, NOW } from './log-bench.ts';

/** A batch as it must be stored. */
interface Stored {
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly bytes: Uint8Array;
}

type Step =
  | { kind: 'tick'; batches: { records: number; bytes: number; late: number; producer: boolean }[]; durable: boolean; fault: number }
  | { kind: 'read'; at: number; maxBytes: number; cold: boolean }
  | { kind: 'delete'; at: number }
  | { kind: 'retain'; bytes: number }
  | { kind: 'checkpoint' }
  | { kind: 'restart'; how: 'clean' | 'kill' | 'power' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('tick' as const),
        batches: fc.array(
          fc.record({
            records: fc.integer({ min: 1, max: 6 }),
            bytes: fc.integer({ min: 0, max: 150 }),
            late: fc.integer({ min: -500, max: 500 }),
            producer: fc.boolean(),
          }),
          { maxLength: 12 },
        ),
        durable: fc.boolean(),
        // Mostly none: which append of the tick finds the disk full.
        fault: fc.oneof({ weight: 8, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 5 }) }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        maxBytes: fc.integer({ min: 1, max: 3000 }),
        cold: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.double({ min: 0, max: 0.5, noNaN: true }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('retain' as const), bytes: fc.integer({ min: 500, max: 20_000 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('restart' as const),
        how: fc.constantFrom('clean' as const, 'kill' as const, 'power' as const),
      }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

const NOTE_STEP_BYTES = 900;

class Model {
  bench: LogBench;
  log: Log;
  stored: Stored[] = [];
  startOffset = 0;
  /** What the checkpoint file says, and how often the power went. */
  private recoveryPoint = 0;
  private boot = 0;
  private sequence = 0;
  private readonly config: Partial<LogConfig>;

  constructor(config: Partial<LogConfig>) {
    this.config = config;
    this.bench = new LogBench(config);
    this.bench.table.noteStepBytes = NOTE_STEP_BYTES;
    this.log = this.bench.open({ leaderEpoch: 2, session: 'boot 0' });
    this.bench.fs.syncDirectory('/data');
  }

  run(step: Step): void {
    if (step.kind === 'tick') this.tick(step);
    else if (step.kind === 'read') this.read(step);
    else if (step.kind === 'restart') this.restart(step.how);
    else if (step.kind === 'checkpoint') this.recoveryPoint = this.bench.checkpoint();
    else if (step.kind === 'delete') {
      deleteRecordsBefore(this.bench.table, this.log, Math.floor(this.log.endOffset * step.at));
      this.startOffset = this.log.startOffset;
    } else {
      this.log.config = { ...this.log.config, retentionBytes: step.bytes };
      retainLog(this.bench.table, this.log, NOW, this.log.writtenOffset);
      this.startOffset = this.log.startOffset;
    }
    this.check();
  }

  private tick(step: Extract<Step, { kind: 'tick' }>): void {
    const { bench, log } = this;
    let left = step.fault;
    bench.ring.appendFault = step.fault < 0 ? null : (_fd, length) => (left-- <= 0 ? length >> 1 : length);
    const sequenceBefore = this.sequence;
    const entered: Stored[] = [];
    for (const { records, bytes, late, producer } of step.batches) {
      const spec: BatchSpec = {
        values: Array.from({ length: records }, () => new Uint8Array(bytes).fill(records)),
        timestamps: Array.from({ length: records }, (_, i) => NOW + late + i),
        ...(producer ? { producerId: 8, producerEpoch: 0, baseSequence: this.sequence } : {}),
      };
      const offset = bench.append(log, spec);
      expect(offset).toBe(entered.at(-1)?.endOffset ?? this.stored.at(-1)?.endOffset ?? this.log.writtenOffset);
      entered.push({
        baseOffset: offset,
        endOffset: offset + records,
        bytes: encodeBatch({ ...spec, baseOffset: offset, leaderEpoch: 2 }),
      });
      if (producer) this.sequence += records;
    }
    if (step.durable) bench.table.requireDurable(log);
    bench.settle();
    bench.ring.appendFault = null;
    // A chain is written as a whole or not at all.
    const kept = entered.filter((batch) => batch.endOffset <= log.writtenOffset);
    if (step.fault < 0) expect(kept.length).toBe(entered.length);
    this.stored.push(...kept);
    if (kept.length < entered.length) {
      this.sequence = sequenceBefore;
      step.batches.slice(0, kept.length).forEach(({ producer, records }) => (this.sequence += producer ? records : 0));
    }
    if (step.durable && step.fault < 0) expect(log.durableOffset).toBe(log.endOffset);
  }

  private read(step: Extract<Step, { kind: 'read' }>): void {
    const { log, bench } = this;
    if (log.writtenOffset <= this.startOffset) return;
    const offset = Math.min(this.startOffset + Math.floor((log.writtenOffset - this.startOffset) * step.at), log.writtenOffset - 1);
    bench.ring.cold = step.cold;
    const bytes = bench.read(log, offset, step.maxBytes);
    bench.ring.cold = false;
    const first = this.stored.findIndex((batch) => batch.endOffset > offset);
    expect(typeof bytes).not.toBe('number');
    let at = 0;
    const whole = bytes as Uint8Array;
    for (let i = first; at < whole.length; i++) {
      const expected = this.stored[i]!.bytes;
      const part = whole.subarray(at, at + expected.length);
      expect(Buffer.compare(part, expected.subarray(0, part.length))).toBe(0);
      if (i === first) expect(part.length).toBe(expected.length);
      at += expected.length;
    }
    expect(new BatchHeader(new DataView(whole.buffer)).baseOffset).toBe(this.stored[first]!.baseOffset);
  }

  private restart(how: 'clean' | 'kill' | 'power'): void {
    const { durableOffset, writtenOffset } = this.log;
    if (how === 'clean') {
      this.bench.table.close(this.log);
      this.recoveryPoint = this.log.durableOffset;
    }
    const { recoveryPoint } = this;
    if (how === 'power') {
      this.bench.fs.crash();
      this.boot++;
    } else {
      this.bench.fs.kill();
    }
    const disk: MemoryFileSystem = this.bench.fs;
    this.bench = new LogBench(this.config, disk, new FakeTickRing(disk, 1024 * 1024));
    this.bench.table.noteStepBytes = NOTE_STEP_BYTES;
    const options = {
      leaderEpoch: 2,
      clean: how === 'clean',
      session: `boot ${this.boot}`,
      recoveryPoint,
      logStartOffset: this.startOffset,
    };
    this.log = this.bench.open(options);
    expect(this.log.recovery!.missingOffsets).toBe(0);
    if (how !== 'power') expect([how, this.log.recovery!.mode]).toEqual([how, how === 'clean' ? 'clean' : 'kept']);
    if (how !== 'power') expect(this.log.recovery!.scannedBytes).toBe(0);
    expect(this.log.recovery!.damage).toEqual([]);
    if (how === 'power') expect(this.log.endOffset).toBeGreaterThanOrEqual(durableOffset);
    else expect(this.log.endOffset).toBe(writtenOffset);
    this.stored = this.stored.filter((batch) => batch.endOffset <= this.log.endOffset);
    this.sequence = this.log.producers.list()[0]?.lastSequence ?? -1;
    this.sequence++;
  }

  private check(): void {
    expect(this.log.failed).toBe(false);
    expect(this.log.startOffset).toBe(this.startOffset);
    expect(this.log.endOffset).toBe(this.log.writtenOffset);
    expect(this.log.durableOffset).toBeLessThanOrEqual(this.log.writtenOffset);
    const last = this.log.producers.list()[0];
    if (last !== undefined) expect(last.lastSequence).toBe(this.sequence - 1);
  }
}

test('a log is the list of what was appended to it', () => {
  const configs = fc.record({
    segmentBytes: fc.integer({ min: 1500, max: 8000 }),
    indexIntervalBytes: fc.integer({ min: 100, max: 1000 }),
    segmentIndexBytes: fc.integer({ min: 60, max: 1000 }),
  });
  fc.assert(
    fc.property(configs, steps, (config, history) => {
      const model = new Model(config);
      for (const step of history) model.run(step);
      model.bench.table.closeAll();
      expect(dumpFaults(model.bench.fs, DIR)).toEqual([]);
      expect(model.bench.fs.openCount).toBe(0);
    }),
    { numRuns: Number(process.env['LOG_MODEL_RUNS'] ?? 150) },
  );
});
