// An idempotent client that did not see its answers sends its last five batches again, also over a restart: each is answered
// with the offset it has, though a snapshot keeps one batch a producer.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppendFault } from '../../../src/engine/log/log-append.ts';
import type { LogConfig } from '../../../src/engine/log/log-config.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import { recallBatches } from '../../../src/engine/log/producer-recall.ts';
import { removeNotes } from '../../../src/engine/log/recovery-note.ts';
import type { BatchSpec } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { batch, DIR, LogBench } from './log-bench.ts';

const WINDOW = 5;

interface Sent {
  readonly spec: BatchSpec;
  readonly offset: number;
}

/** Producers that write to one log, and what each of them wrote in its present epoch. */
class Writers {
  bench: LogBench;
  log: Log;
  private readonly config: Partial<LogConfig>;
  private readonly sent = new Map<number, { epoch: number; sequence: number; batches: Sent[] }>();

  constructor(config: Partial<LogConfig> = {}) {
    this.config = config;
    this.bench = new LogBench(config);
    this.log = this.bench.open({ session: 'boot' });
    this.bench.fs.syncDirectory('/data');
  }

  write(producerId: number, records: number, bytes: number): void {
    const one = this.of(producerId);
    const spec = { ...batch(records, bytes), producerId, producerEpoch: one.epoch, baseSequence: one.sequence };
    const offset = this.bench.append(this.log, spec);
    expect(offset).toBeGreaterThanOrEqual(0);
    one.sequence += records;
    one.batches.push({ spec, offset });
    this.bench.settle();
  }

  newEpoch(producerId: number): void {
    const one = this.of(producerId);
    // A higher epoch is known by its first batch.
    if (one.batches.length === 0) return;
    one.epoch++;
    one.sequence = 0;
    one.batches = [];
    this.write(producerId, 1, 1);
  }

  /** Without its recovery notes the log has the snapshot alone. */
  restart(how: 'clean' | 'kill', notes = true): void {
    if (how === 'clean') this.bench.table.close(this.log);
    const { fs } = this.bench;
    fs.kill();
    if (!notes) removeNotes(fs, DIR);
    const recoveryPoint = this.log.durableOffset;
    this.bench = new LogBench(this.config, fs, new FakeTickRing(fs, 1024 * 1024));
    this.log = this.bench.open({ clean: how === 'clean', recoveryPoint, session: 'boot' });
  }

  /** Every batch of the window of every producer, as if nothing had been answered; then the one before, and the next. */
  resendAll(): void {
    for (const [producerId, { batches, epoch, sequence }] of this.sent) {
      for (const { spec, offset } of batches.slice(-WINDOW)) {
        expect(this.bench.append(this.log, spec)).toBe(AppendFault.DUPLICATE);
        expect(this.bench.table.duplicateBaseOffset).toBe(offset);
        expect(this.bench.table.duplicateEndOffset).toBe(offset + spec.values.length);
      }
      const tooOld = batches.at(-WINDOW - 1);
      if (tooOld !== undefined) expect(this.bench.append(this.log, tooOld.spec)).toBe(AppendFault.OUT_OF_ORDER_SEQUENCE);
      const gap = { ...batch(1), producerId, producerEpoch: epoch, baseSequence: sequence + 1 };
      if (batches.length > 0) expect(this.bench.append(this.log, gap)).toBe(AppendFault.OUT_OF_ORDER_SEQUENCE);
    }
    expect(this.log.endOffset).toBe(this.log.writtenOffset);
    for (const producerId of this.sent.keys()) this.write(producerId, 1, 1);
  }

  window(producerId: number): Sent[] {
    return this.of(producerId).batches.slice(-WINDOW);
  }

  private of(producerId: number) {
    let one = this.sent.get(producerId);
    if (one === undefined) {
      one = { epoch: 0, sequence: 0, batches: [] };
      this.sent.set(producerId, one);
    }
    return one;
  }
}

type Step =
  | { kind: 'write'; producer: number; records: number; bytes: number }
  | { kind: 'epoch'; producer: number }
  | { kind: 'restart'; how: 'clean' | 'kill'; notes: boolean; resend: boolean };

const producer = fc.integer({ min: 1, max: 4 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        producer,
        records: fc.integer({ min: 1, max: 4 }),
        bytes: fc.integer({ min: 0, max: 150 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('epoch' as const), producer }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('restart' as const),
        how: fc.constantFrom('clean' as const, 'kill' as const),
        notes: fc.boolean(),
        resend: fc.boolean(),
      }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

test('the last five batches of every producer are known after any restarts', () => {
  const configs = fc.record({
    segmentBytes: fc.integer({ min: 800, max: 8000 }),
    indexIntervalBytes: fc.integer({ min: 100, max: 1000 }),
  });
  fc.assert(
    fc.property(configs, steps, (config, history) => {
      const writers = new Writers(config);
      for (const step of history) {
        if (step.kind === 'write') writers.write(step.producer, step.records, step.bytes);
        else if (step.kind === 'epoch') writers.newEpoch(step.producer);
        else {
          writers.restart(step.how, step.notes);
          if (step.resend) writers.resendAll();
        }
      }
      writers.restart('clean');
      writers.resendAll();
      writers.bench.table.closeAll();
      expect(writers.bench.fs.openCount).toBe(0);
    }),
    {
      numRuns: 200,
      examples: [
        // An index that was empty in its file and grows in memory, asked for as a whole.
        [
          { segmentBytes: 800, indexIntervalBytes: 136 },
          [
            { kind: 'write', producer: 1, records: 1, bytes: 0 },
            { kind: 'restart', how: 'clean', notes: false, resend: false },
            { kind: 'write', producer: 1, records: 1, bytes: 0 },
            { kind: 'write', producer: 1, records: 2, bytes: 0 },
            { kind: 'restart', how: 'clean', notes: false, resend: false },
          ],
        ],
      ],
    },
  );
});

describe('the look back', () => {
  /** Bytes read from .log files. */
  function countReads(bench: LogBench): () => number {
    const { fs } = bench;
    const read = fs.read.bind(fs);
    let bytes = 0;
    fs.read = (...args) => {
      const got = read(...args);
      bytes += got;
      return got;
    };
    return () => bytes;
  }

  function stopped(): Writers {
    const writers = new Writers({ segmentBytes: 100_000, indexIntervalBytes: 500 });
    for (let i = 0; i < 400; i++) writers.write(1, 1, 1000);
    for (let i = 0; i < 20; i++) writers.write(2, 1, 1000);
    writers.restart('clean', false);
    return writers;
  }

  test('happens once, and only when an unknown batch comes', () => {
    const writers = stopped();
    const { bench, log } = writers;
    const bytes = countReads(bench);
    expect(bench.append(log, writers.window(1).at(-1)!.spec)).toBe(AppendFault.DUPLICATE);
    writers.write(2, 1, 10);
    expect(bytes()).toBe(0);
    expect(bench.append(log, writers.window(2)[0]!.spec)).toBe(AppendFault.DUPLICATE);
    const once = bytes();
    expect(once).toBeGreaterThan(0);
    expect(bench.append(log, { ...writers.window(1)[0]!.spec, baseSequence: 3 })).toBe(AppendFault.OUT_OF_ORDER_SEQUENCE);
    expect(bytes()).toBe(once);
  });

  test('reads no more than it may', () => {
    const writers = stopped();
    const { bench, log } = writers;
    expect(log.segments.length).toBeGreaterThan(3);
    for (let i = log.segments.length - 1; i >= 0; i--) bench.read(log, log.segments[i]!.baseOffset);
    // What came after the snapshot is known.
    for (let i = 0; i < 40; i++) writers.write(3, 1, 1000);
    const bytes = countReads(bench);
    expect(recallBatches(bench.table, log, 10_000)).toBe(true);
    expect(bytes()).toBeGreaterThan(0);
    // And what one read for headers takes too much.
    expect(bytes()).toBeLessThan(10_000 + 64 * 1024);
    expect(bench.append(log, writers.window(2)[0]!.spec)).toBe(AppendFault.DUPLICATE);
    expect(bench.append(log, writers.window(1)[0]!.spec)).toBe(AppendFault.OUT_OF_ORDER_SEQUENCE);
  });

  test('brings nothing back of an older epoch', () => {
    const writers = new Writers();
    for (let i = 0; i < 4; i++) writers.write(1, 1, 10);
    for (let i = 0; i < 4; i++) writers.write(2, 1, 10);
    writers.restart('clean', false);
    writers.newEpoch(1);
    writers.write(1, 1, 10);
    expect(writers.bench.append(writers.log, writers.window(2)[0]!.spec)).toBe(AppendFault.DUPLICATE);
    const gap = { ...batch(1), producerId: 1, producerEpoch: 1, baseSequence: 3 };
    expect(writers.bench.append(writers.log, gap)).toBe(AppendFault.OUT_OF_ORDER_SEQUENCE);
  });

  test('that fails is an answer that lets the client ask again', () => {
    const writers = stopped();
    const { bench, log } = writers;
    bench.fs.fault = (operation) => (operation === 'read' ? 'EIO' : null);
    expect(bench.append(log, writers.window(2)[0]!.spec)).toBe(AppendFault.FAILED);
    bench.fs.fault = null;
    writers.resendAll();
  });

  test('finds what a full disk made the log forget', () => {
    const writers = stopped();
    const { bench, log } = writers;
    for (let i = 0; i < 3; i++) {
      bench.ring.appendFault = () => 0;
      expect(bench.append(log, { ...batch(1), producerId: 9, producerEpoch: 0, baseSequence: 0 })).toBe(log.endOffset - 1);
      bench.settle();
      bench.ring.appendFault = null;
      for (const { spec, offset } of writers.window(2)) {
        expect(bench.append(log, spec)).toBe(AppendFault.DUPLICATE);
        expect(bench.table.duplicateBaseOffset).toBe(offset);
      }
    }
  });
});
