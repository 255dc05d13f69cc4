// The native load code against the engine's own decoder and the harness's TypeScript: batches, stamps, schedules, keys,
// partitions, sequences and histograms are the same.
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { BatchWalker, WalkStatus } from '../../../src/engine/record/batch-walker.ts';
import { recordsIn } from '../../../src/engine/record/log-records.ts';
import { keyPartition } from '../../../src/net/kafka/client/key-partition.ts';
import type { Phase } from '../../src/contracts/phase.ts';
import { keySource } from '../../src/load/key-pool.ts';
import { readStamp, STAMP_BYTES } from '../../src/load/record-stamp.ts';
import { SequenceSet } from '../../src/load/sequence-set.ts';
import { LatencyHistogram } from '../../src/stats/latency-histogram.ts';
import { Schedule } from '../../src/stats/schedule.ts';
import { decodeHdrV2 } from '../support/hdr-v2-decoder.ts';
import { type AskTool, loadTool } from '../support/load-tool.ts';

const COMPILE_MS = 600_000;
const RUN_ID = 0xdead_beef;
let ask: AskTool | null = null;
beforeAll(() => {
  ask = loadTool();
}, COMPILE_MS);

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const recordArb = (valueMin: number) =>
  fc.record({
    key: fc.option(fc.uint8Array({ maxLength: 200 })),
    value: fc.uint8Array({ minLength: valueMin, maxLength: 2000 }),
    timestampMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
    dueNs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    sendDelayUs: fc.integer({ min: 0, max: 0xffffffff }),
  });
const batchArb = fc.boolean().chain((stampInValue) =>
  fc.record({
    stampInValue: fc.constant(stampInValue),
    records: fc.array(recordArb(stampInValue ? STAMP_BYTES : 0), { minLength: 1, maxLength: 40 }),
    compression: fc.constantFrom('none', 'gzip'),
    producerId: fc.integer({ min: -1, max: 2 ** 40 }),
    producerEpoch: fc.integer({ min: -1, max: 32767 }),
    baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  }),
);

test('the engine decodes every batch to what went in, stamps with it', ({ skip }) => {
  if (ask === null) return skip();
  const batches = fc.sample(batchArb, { numRuns: 150, seed: 1 });
  const answers = ask(
    batches.map(({ records, ...batch }) => ({
      what: 'batch',
      runId: RUN_ID,
      ...batch,
      records: records.map(({ key, value, sendDelayUs, ...times }) => ({
        ...times,
        sendDelayNs: sendDelayUs * 1000,
        key: key === null ? null : base64(key),
        value: base64(value),
      })),
    })),
  );
  for (const [i, { stampInValue, records, compression, ...sender }] of batches.entries()) {
    const { batch, told, plain } = answers[i] as unknown as { batch: string; told: number; plain: number };
    expect(told).toBe(plain);
    const bytes = Buffer.from(batch, 'base64');
    const walker = new BatchWalker({ checkCrc: true, batchMaxBytes: Infinity });
    walker.wrap(bytes, 0, bytes.length, 0);
    expect(walker.next()).toBe(WalkStatus.BATCH);
    expect(walker.sizeBytes).toBe(bytes.length);
    const { header } = walker;
    expect(header.codec).toBe(compression === 'gzip' ? 1 : 0);
    expect({ producerId: header.producerId, producerEpoch: header.producerEpoch, baseSequence: header.baseSequence }).toEqual(sender);
    expect(header.maxTimestamp).toBe(Math.max(...records.map(({ timestampMs }) => timestampMs)));
    const read = [...recordsIn(bytes)];
    expect(read.map(({ offset, timestamp, key }) => ({ offset, timestamp, key: key && base64(key) }))).toEqual(
      records.map(({ key, timestampMs }, offset) => ({ offset, timestamp: timestampMs, key: key && base64(key) })),
    );
    for (const [n, { value, headers }] of read.entries()) {
      const stamp = { runId: 0, lane: 0, sequence: 0, sendDelayNs: 0, dueNs: 0 };
      const fromHeader = stampInValue ? null : headers.find(({ key }) => key === 'rl')!.value;
      expect(headers.length).toBe(stampInValue ? 0 : 1);
      expect(readStamp(value!, fromHeader, RUN_ID, stamp)).toBe(null);
      const { dueNs, sendDelayUs } = records[n]!;
      expect(stamp).toEqual({ runId: RUN_ID, lane: 7, sequence: n, sendDelayNs: sendDelayUs * 1000, dueNs });
      const from = stampInValue ? STAMP_BYTES : 0;
      expect(base64(value!.subarray(from))).toBe(base64(records[n]!.value.subarray(from)));
    }
  }
});

test('a codec that it was not built with is refused by name', ({ skip }) => {
  if (ask === null) return skip();
  const records = [{ key: null, value: base64(new Uint8Array(STAMP_BYTES)), timestampMs: 0, dueNs: 0, sendDelayNs: 0 }];
  const [answer] = ask([
    { what: 'batch', runId: 1, records, compression: 'brotli', stampInValue: true, producerId: -1, producerEpoch: -1, baseSequence: -1 },
  ]);
  expect(answer!.error).toMatch(/compression.type=brotli: this load worker was built with none, gzip/);
});

test('every worker has the same schedule in either language', ({ skip }) => {
  if (ask === null) return skip();
  const courseArb = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 30_000 })), { minLength: 1, maxLength: 5 })
    .map((steps) => {
      let atSeconds = -steps[0]![0];
      return steps.map(([ms, ratePerSecond]) => ({ atSeconds: (atSeconds += ms) / 1000, ratePerSecond }));
    })
    .map((course) =>
      course.map((point, i) => (i === 0 ? { ...point, atSeconds: 0 } : { ...point, atSeconds: Math.max(i / 1000, point.atSeconds) })),
    );
  const phaseArb = fc.record({
    seconds: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
    ratePerSecond: fc.oneof(fc.constant(0), fc.double({ min: 100, max: 100_000, noNaN: true })),
    arrivals: fc.constantFrom('periodic' as const, 'poisson' as const),
    open: fc.boolean(),
    course: fc.option(courseArb, { nil: undefined }),
  });
  const caseArb = fc.record({
    phases: fc.array(phaseArb, { minLength: 1, maxLength: 4 }),
    count: fc.integer({ min: 1, max: 4 }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });
  const cases = fc.sample(caseArb, { numRuns: 60, seed: 2 }).map(({ phases, count, seed }) => {
    let startNs = 1e12;
    const row = phases.map(({ seconds, open, course, ...phase }, id): Phase => {
      const from = startNs;
      startNs += Math.round(seconds * 1e9);
      return { id, label: 'measured', startNs: from, endNs: open ? null : startNs, ...phase, ...(course && { course }) };
    });
    return { what: 'schedule', index: seed % count, count, seed, take: 500, phases: row };
  });
  const answers = ask(cases);
  for (const [i, { phases, take, ...share }] of cases.entries()) {
    const schedule = new Schedule(share);
    for (const phase of phases) schedule.announce(phase);
    const { due } = answers[i] as unknown as { due: [number, number][] };
    for (const [phaseId, dueNs] of due) {
      // The logarithms of two libraries differ in their last bit.
      expect(Math.abs(schedule.dueNs - dueNs)).toBeLessThanOrEqual(2);
      expect(schedule.phaseId).toBe(phaseId);
      schedule.advance();
    }
    expect(due.length === take || schedule.dueNs === Infinity).toBe(true);
  }
});

test('keys and their partitions are the same', ({ skip }) => {
  if (ask === null) return skip();
  const other = fc.sample(fc.uint8Array({ maxLength: 40 }), { numRuns: 300, seed: 3 });
  for (const random of [true, false]) {
    const question = { what: 'keys', random, seed: 77, partitions: 13, take: 200, other: other.map(base64) };
    const [answer] = ask([question]) as unknown as { keys: [string, number][]; partitions: number[] }[];
    const next = keySource(random ? 'RANDOM_NANO' : 'KEY_ROUND_ROBIN', 77);
    for (const [key, partition] of answer!.keys) {
      const expected = next()!;
      expect(key).toBe(Buffer.from(expected).toString());
      expect(partition).toBe(keyPartition(expected, 13));
    }
    expect(answer!.partitions).toEqual(other.map((key) => keyPartition(key, 13)));
  }
});

test('sequences make the same ranges', ({ skip }) => {
  if (ask === null) return skip();
  const rows = fc.sample(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 80 }), { numRuns: 100, seed: 4 });
  const answers = ask(rows.map((add) => ({ what: 'sequences', add })));
  for (const [i, add] of rows.entries()) {
    const set = new SequenceSet();
    const fresh = add.map((sequence) => (set.add(sequence) ? 1 : 0));
    expect(answers[i]).toEqual({ fresh, ranges: set.ranges });
  }
});

test('a histogram is the same counts, in a form that an independent decoder reads', ({ skip }) => {
  if (ask === null) return skip();
  const value = fc.oneof(fc.integer({ min: 0, max: 5_000_000 }), fc.integer({ min: 0, max: 8_000_000_000_000 }));
  const rows = fc.sample(fc.array(value, { minLength: 1, maxLength: 400 }), { numRuns: 60, seed: 5 });
  const answers = ask(rows.map((values) => ({ what: 'histogram', values })));
  for (const [i, values] of rows.entries()) {
    const { encoded } = answers[i] as unknown as { encoded: string };
    const expected = LatencyHistogram.empty();
    for (const each of values) expected.record(each);
    const decoded = LatencyHistogram.decode(encoded);
    expect(decoded.count).toBe(values.length);
    expect(decoded.buckets()).toEqual(expected.buckets());
    expect(decoded.clamped).toBe(expected.clamped);
    expect(decodeHdrV2(encoded)).toEqual(decodeHdrV2(expected.encode()));
  }
});
