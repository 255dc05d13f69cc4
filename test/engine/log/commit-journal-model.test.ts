// Random appends over several partitions, random waits for the disk, write-back of the kernel's choice, topics deleted and
// made anew, and crashes of every kind at every operation of the disk: what was acked is there once, in order, bytes and all.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { uuidFromBytes } from '../../../src/engine/base/uuid.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { replayJournals } from '../../../src/engine/log/commit-journal-replay.ts';
import type { LogConfig } from '../../../src/engine/log/log-config.ts';
import type { Log } from '../../../src/engine/log/log.ts';
import type { Segment } from '../../../src/engine/log/segment.ts';
import { encodeBatch, type BatchSpec } from '../../support/batch-bytes.ts';
import { JOURNAL, journalBench } from './commit-journal-bench.ts';
import { type LogBench, NOW } from './log-bench.ts';

const PARTITIONS = 4;

/** Of the topic made anew so many times: no id comes twice, as the journal tells topics of one name by it. */
function topicIdOf(topic: number): string {
  return uuidFromBytes(new Uint8Array(16).fill(topic + 1), 0);
}

type Step =
  | { kind: 'tick'; appends: { partition: number; records: number; bytes: number }[]; waits: number[]; settles: boolean }
  | { kind: 'write-back'; partition: number }
  | { kind: 'drain' }
  | { kind: 'checkpoint' }
  | { kind: 'recreate'; partition: number }
  | { kind: 'crash'; how: 'power' | 'power-zeros' | 'kill' | 'clean'; afterOperations: number };

const partitions = fc.integer({ min: 0, max: PARTITIONS - 1 });
const appends = fc.array(
  fc.record({
    partition: partitions,
    records: fc.integer({ min: 1, max: 4 }),
    bytes: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
      { weight: 2, arbitrary: fc.integer({ min: 4000, max: 15_000 }) },
      { weight: 1, arbitrary: fc.constant(40_000) },
    ),
  }),
  { maxLength: 8 },
);
const tick = fc.record({
  kind: fc.constant('tick' as const),
  appends,
  waits: fc.uniqueArray(partitions, { maxLength: PARTITIONS }),
  settles: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});
const crash = fc.record({
  kind: fc.constant('crash' as const),
  how: fc.constantFrom('power' as const, 'power' as const, 'power-zeros' as const, 'kill' as const, 'clean' as const),
  afterOperations: fc.integer({ min: 0, max: 12 }),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 30, arbitrary: tick },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('write-back' as const), partition: partitions }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('recreate' as const), partition: partitions }) },
    { weight: 3, arbitrary: crash },
  ),
  { minLength: 10, maxLength: 80 },
);

interface Kept {
  log: Log;
  topic: number;
  batches: { readonly endOffset: number; readonly bytes: Uint8Array }[];
  checkpoint: number;
  /** First offsets of what was never flushed and is left out. */
  holes: Set<number>;
}

class Model {
  bench: LogBench;
  readonly kept: Kept[] = [];
  private readonly config: Pick<LogConfig, 'segmentBytes'>;

  constructor(segmentBytes: number) {
    this.config = { segmentBytes };
    this.bench = journalBench(new MemoryFileSystem());
    for (let i = 0; i < PARTITIONS; i++)
      this.kept.push({ log: this.open(i, 0, 0), topic: 0, batches: [], checkpoint: 0, holes: new Set() });
  }

  run(step: Step): void {
    if (step.kind === 'tick') this.tick(step);
    else if (step.kind === 'write-back') this.writeBack(this.kept[step.partition]!.log);
    else if (step.kind === 'drain') this.bench.table.commit.journalOf(this.kept[0]!.log)!.drain();
    else if (step.kind === 'checkpoint') for (const kept of this.kept) kept.checkpoint = kept.log.syncedOffset;
    else if (step.kind === 'recreate') this.recreate(step.partition);
    else this.crash(step);
  }

  private open(index: number, topic: number, recoveryPoint: number, clean = false): Log {
    const log = this.bench.open({ topicId: topicIdOf(topic), recoveryPoint, clean }, `/data/topic-${index}`);
    log.config = { ...log.config, ...this.config };
    this.bench.fs.syncDirectory('/data');
    return log;
  }

  private tick(step: Extract<Step, { kind: 'tick' }>): void {
    const { bench } = this;
    bench.ring.tick();
    for (const { partition, records, bytes: wish } of step.appends) {
      const bytes = Math.min(wish, this.config.segmentBytes >> 3);
      const kept = this.kept[partition]!;
      const fill = kept.batches.length & 0xff;
      const spec: BatchSpec = {
        values: Array.from({ length: records }, () => new Uint8Array(bytes).fill(fill)),
        timestamps: Array.from({ length: records }, (_, i) => NOW + i),
      };
      const offset = bench.append(kept.log, spec);
      if (kept.log.failed) return;
      expect(offset).toBe(kept.batches.at(-1)?.endOffset ?? 0);
      kept.batches.push({ endOffset: offset + records, bytes: encodeBatch({ ...spec, baseOffset: offset, leaderEpoch: 0 }) });
    }
    bench.ring.submit();
    bench.ring.drain(bench.table);
    for (const partition of step.waits) bench.table.requireDurable(this.kept[partition]!.log);
    if (!step.settles) {
      bench.table.flush();
      return;
    }
    bench.settle();
    bench.settle();
    for (const partition of step.waits) {
      const { log } = this.kept[partition]!;
      if (!log.failed) expect(log.durableOffset).toBe(log.endOffset);
    }
  }

  /** The kernel writes a file back though nobody asked. */
  private writeBack(log: Log): void {
    this.bench.fs.fdatasync(log.active.fd);
  }

  private recreate(index: number): void {
    const kept = this.kept[index]!;
    this.bench.settle();
    this.bench.table.remove(kept.log);
    kept.topic++;
    kept.log = this.open(index, kept.topic, 0);
    kept.batches = [];
    kept.checkpoint = 0;
    kept.holes.clear();
  }

  private crash({ how, afterOperations }: Extract<Step, { kind: 'crash' }>): void {
    const { fs, table } = this.bench;
    if (how === 'clean') {
      this.bench.settle();
      table.closeAll();
      table.commit.close(true);
    } else {
      this.lastOperations(afterOperations);
    }
    const acked = this.kept.map(({ log }) => log.durableOffset);
    const written = this.kept.map(({ log }) => log.writtenOffset);
    const sizes = this.kept.map(({ log }) => log.segments.map((segment) => segment.writtenBytes));
    if (how.startsWith('power')) fs.crash();
    else fs.kill();
    if (how === 'power-zeros') this.growWithZeros(fs, sizes);
    const report = replayJournals(fs, '/data', '', 1);
    expect(report?.faults ?? []).toEqual([]);
    this.bench = journalBench(fs);
    this.kept.forEach((kept, i) => {
      kept.log = this.open(i, kept.topic, kept.checkpoint, how === 'clean');
      this.takeHoles(kept, how, acked[i]!);
      if (!how.startsWith('power')) expect(kept.log.endOffset).toBe(written[i]!);
      this.compare(kept, acked[i]!);
    });
  }

  /** The disk takes a few more operations, then none: one more tick runs into that. */
  private lastOperations(operations: number): void {
    const { fs } = this.bench;
    let left = operations;
    fs.fault = (operation) => ((operation !== 'write' && operation !== 'fdatasync') || left-- > 0 ? null : 'EIO');
    try {
      const each = this.kept.map((_, partition) => ({ partition, records: 2, bytes: 100 }));
      this.tick({ kind: 'tick', appends: each, waits: each.map(({ partition }) => partition), settles: true });
    } catch {
      // An operation outside the ring (rolling, cutting back).
    }
    fs.fault = null;
  }

  /** A file's size may be on the disk before its bytes are. */
  private growWithZeros(fs: MemoryFileSystem, sizes: readonly (readonly number[])[]): void {
    this.kept.forEach(({ log }, i) => {
      log.segments.forEach((segment, s) => {
        const path = `${segment.dir}/${String(segment.baseOffset).padStart(20, '0')}.log`;
        if (!fs.exists(path)) return;
        const bytes = fs.bytesOf(path);
        const grown = new Uint8Array(Math.max(bytes.length, sizes[i]![s]!));
        grown.set(bytes);
        fs.putFile(path, grown);
      });
    });
  }

  /** Of what nobody acked the disk may have a segment's length without its bytes, or neither, and all of the next segment. */
  private takeHoles({ log, holes }: Kept, how: string, ackedOffset: number): void {
    expect(log.recovery!.damage).toEqual([]);
    for (const { startOffset } of log.recovery!.unflushed) {
      if (holes.has(startOffset)) continue;
      expect(how).toMatch(/^power/);
      expect(startOffset).toBeGreaterThanOrEqual(ackedOffset);
      holes.add(startOffset);
    }
  }

  private stored({ dir, baseOffset }: Segment): Uint8Array {
    return this.bench.fs.bytesOf(`${dir}/${String(baseOffset).padStart(20, '0')}.log`);
  }

  /**
   * Every acked batch is there, and nothing that was not appended. Of what nobody acked a later segment may have reached
   * the disk before the end of an earlier one.
   */
  private compare(kept: Kept, ackedOffset: number): void {
    const stored = kept.log.segments.map((segment) => this.stored(segment));
    const bytes = Buffer.concat(stored);
    let at = 0;
    const left: Kept['batches'] = [];
    for (const batch of kept.batches) {
      const found = Buffer.compare(bytes.subarray(at, at + batch.bytes.length), batch.bytes) === 0;
      if (batch.endOffset <= ackedOffset) expect(found).toBe(true);
      if (!found) continue;
      left.push(batch);
      at += batch.bytes.length;
    }
    expect([at, left.at(-1)?.endOffset ?? 0]).toEqual([bytes.length, kept.log.endOffset]);
    kept.batches = left;
  }
}

let replayedRuns = 0;

test('what was acked is there once and in order, whatever was lost', () => {
  fc.assert(
    fc.property(fc.constantFrom(3000, 50_000, 400_000), steps, (segmentBytes, history) => {
      const model = new Model(segmentBytes);
      for (const step of [...history, { kind: 'crash', how: 'power', afterOperations: 5 } as const]) model.run(step);
      if (model.bench.fs.exists(JOURNAL)) replayedRuns++;
    }),
    { numRuns: Number(process.env['JOURNAL_MODEL_RUNS'] ?? 60) },
  );
  expect(replayedRuns).toBeGreaterThan(0);
});

for (const how of ['power', 'power-zeros'] as const) {
  test(`a segment that lost its unacked end before one that the kernel wrote back is not damaged (${how})`, () => {
    const model = new Model(3000);
    const roll = { appends: [{ partition: 1, records: 4, bytes: 4000 }], settles: true };
    model.run({ kind: 'tick', ...roll, waits: [] });
    model.run({ kind: 'tick', ...roll, waits: [1], settles: false });
    model.run({ kind: 'write-back', partition: 1 });
    model.run({ kind: 'crash', how, afterOperations: 0 });
    expect(model.kept[1]!.holes).toEqual(new Set([0]));
    expect(model.kept[1]!.batches.map(({ endOffset }) => endOffset)).toEqual([8]);
    // What is acked behind the hole stays, over restarts that find it again.
    model.run({ kind: 'tick', ...roll, waits: [1] });
    model.run({ kind: 'crash', how: 'power', afterOperations: 0 });
    expect(model.kept[1]!.batches.map(({ endOffset }) => endOffset).slice(0, 2)).toEqual([8, 12]);
  });
}

test('a topic made anew many times gets nothing of what the journal holds of those before it', () => {
  const model = new Model(3000);
  const wait: Step = { kind: 'tick', appends: [], waits: [2], settles: true };
  // The first wait makes the journal, the second one writes to it.
  model.run({ ...wait, appends: [{ partition: 2, records: 1, bytes: 300 }] });
  model.run({ ...wait, appends: [{ partition: 2, records: 1, bytes: 0 }] });
  for (let i = 0; i < 3; i++) model.run({ kind: 'recreate', partition: 2 });
  model.run({ kind: 'crash', how: 'power', afterOperations: 0 });
  expect(model.bench.fs.exists(JOURNAL)).toBe(true);
  expect(model.kept[2]!.log.endOffset).toBe(0);
});
