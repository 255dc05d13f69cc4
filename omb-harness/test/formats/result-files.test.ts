// The result files of a real (small) run: OMB's shape to the letter, our own with every percentile, raw histograms that
// another decoder reads.
import { beforeAll, expect, test } from 'vitest';
import type { RunResult } from '../../src/contracts/run-result.ts';
import { latencyKinds } from '../../src/contracts/interval-record.ts';
import { writeHistogramLog } from '../../src/formats/histogram-log.ts';
import { javaDouble, ombResultFileName, writeOmbResult } from '../../src/formats/omb-result.ts';
import { headlinePercentiles, latencyFigures, readResultFile, writeResultFile } from '../../src/formats/result-file.ts';
import { FakeSystem } from '../support/fake-system.ts';
import { decodeHdrV2 } from '../support/hdr-v2-decoder.ts';
import { parseOmbResult } from '../support/omb-result-parser.ts';
import { runSample, samplePlan } from '../support/sample-run.ts';

let result: RunResult;
beforeAll(async () => {
  result = await runSample(new FakeSystem({ delayMs: 3 }), samplePlan({ sampleRateMillis: 500 }));
});

const suffixes = ['Avg', '50pct', '75pct', '95pct', '99pct', '999pct', '9999pct', 'Max'];
const series = (prefix: string): string[] => suffixes.map((suffix) => prefix + suffix);

test("OMB's fields stand in OMB's order", () => {
  expect(Object.keys(JSON.parse(writeOmbResult(result)) as object)).toEqual([
    ...['workload', 'driver', 'messageSize', 'topics', 'partitions', 'producersPerTopic', 'consumersPerTopic'],
    ...['publishRate', 'publishErrorRate', 'consumeRate', 'backlog'],
    ...series('publishLatency'),
    ...series('publishDelayLatency'),
    ...series('aggregatedPublishLatency'),
    ...series('aggregatedPublishDelayLatency'),
    ...['aggregatedPublishLatencyQuantiles', 'aggregatedPublishDelayLatencyQuantiles'],
    ...series('endToEndLatency'),
    'aggregatedEndToEndLatencyQuantiles',
    ...series('aggregatedEndToEndLatency'),
  ]);
});

test('a reader written from the description of the format takes it, and its figures are those of the run', () => {
  const omb = parseOmbResult(writeOmbResult(result));
  expect(omb.texts).toEqual(new Map(Object.entries({ workload: 'sample', driver: 'fake' })));
  expect(omb.numbers.get('messageSize')).toBe(100);
  expect(omb.series.get('publishRate')).toHaveLength(2);
  for (const [name, levels] of omb.quantiles) expect([name, levels[0]![0], levels.at(-1)![0]]).toEqual([name, 0, 100]);
  const { counters } = result.phases[result.measuredPhase!]!;
  expect(Math.round(omb.series.get('consumeRate')!.reduce((sum, rate) => sum + rate / 2, 0))).toBe(counters.received);
  const spoilt = writeOmbResult(result).replace(/"publishErrorRate" : \[ 0\.0/, '"publishErrorRate" : [ 0');
  expect(() => parseOmbResult(spoilt)).toThrow('doubles publishErrorRate');
});

test("units and meanings are OMB's: publish in ms from sending, delay in whole µs, rates a second by window", () => {
  const omb = JSON.parse(writeOmbResult(result)) as Record<string, number[]> & Record<string, number>;
  const total = result.phases[result.measuredPhase!]!;
  const uncorrected = latencyFigures(total, 'publishUncorrected')!;
  expect(omb.aggregatedPublishLatencyAvg).toBeCloseTo(uncorrected.meanUs / 1000, 6);
  expect(omb.aggregatedPublishLatencyAvg).toBeGreaterThan(2.5);
  expect(Number.isInteger(omb.aggregatedPublishDelayLatency99pct)).toBe(true);
  expect(omb.publishRate).toHaveLength(2);
  expect(omb.publishDelayLatency50pct).toHaveLength(2);
  const acked = omb.publishRate!.reduce((sum, rate) => sum + rate * 0.5, 0);
  expect(Math.round(acked)).toBe(total.counters.acked);
  // Jackson's spelling: doubles with a point, longs without.
  const text = writeOmbResult(result);
  expect(text).toMatch(/"publishErrorRate" : \[ 0\.0, 0\.0 \],/);
  expect(text).toMatch(/"backlog" : \[ \d+, \d+ \],/);
  expect(text).toMatch(/^\{\n {2}"workload" : "sample",\n/);
});

test('quantiles go from 0.0 to 100.0, rise, and end at the maximum', () => {
  const omb = JSON.parse(writeOmbResult(result)) as Record<string, Record<string, number>> & { aggregatedPublishLatencyMax: number };
  const quantiles = Object.entries(omb.aggregatedPublishLatencyQuantiles!);
  expect(quantiles[0]![0]).toBe('0.0');
  expect(quantiles.slice(1, 3).map(([key]) => key)).toEqual(['0.5', '1.0']);
  expect(quantiles.at(-1)).toEqual(['100.0', omb.aggregatedPublishLatencyMax]);
  for (let i = 1; i < quantiles.length; i++) {
    expect(Number(quantiles[i]![0])).toBeGreaterThan(Number(quantiles[i - 1]![0]));
    expect(quantiles[i]![1]).toBeGreaterThanOrEqual(quantiles[i - 1]![1]);
  }
});

test('numbers are spelt as Java does', () => {
  expect([0, 1, 0.5, 1234567, 1e7, 12345678.5, 0.001, 0.0001].map(javaDouble)).toEqual([
    ...['0.0', '1.0', '0.5', '1234567.0', '1.0E7', '1.23456785E7', '0.001', '1.0E-4'],
  ]);
});

test("a result is named as OMB's, by the workload's stem and the driver's name", () => {
  expect(ombResultFileName(result)).toMatch(/^sample-fake-\d{4}(-\d\d){5}\.json$/);
});

test('our own result comes back as it was, with figures of every kind', () => {
  const text = writeResultFile(result);
  const read = readResultFile('r.json', text);
  expect(read.ok && read.result).toMatchObject(JSON.parse(JSON.stringify(result)) as object);
  const { latencyFigures: figures } = JSON.parse(text) as { latencyFigures: Record<string, Record<string, number>>[] };
  for (const kind of latencyKinds)
    for (const percentile of headlinePercentiles)
      expect(figures[result.measuredPhase!]![kind]![`p${percentile}Us`]).toBeGreaterThanOrEqual(0);
});

test('a result of another version, or none, is told apart', () => {
  expect(readResultFile('r.json', '{"resultVersion":99}')).toMatchObject({
    ok: false,
    error: expect.stringContaining('version 99') as string,
  });
  expect(readResultFile('r.json', '{}')).toMatchObject({
    ok: false,
    error: expect.stringContaining('not a result of this harness') as string,
  });
  expect(readResultFile('r.json', '{')).toMatchObject({ ok: false });
});

test('the histogram log holds every sample of the measured phase, for an independent decoder', () => {
  const lines = writeHistogramLog(result).split('\n');
  expect(lines[0]).toBe('#[Histogram log format version 1.3]');
  const samples = new Map<string, number>();
  for (const line of lines.filter((text) => text.startsWith('Tag='))) {
    const [tag, start, length, max, text] = line.split(',') as [string, string, string, string, string];
    const decoded = decodeHdrV2(text);
    const kind = tag.slice('Tag='.length);
    samples.set(kind, (samples.get(kind) ?? 0) + decoded.buckets.reduce((sum, { count }) => sum + count, 0));
    const last = decoded.buckets.at(-1)!;
    expect(Number(max) * 1e6).toBeGreaterThanOrEqual(last.value - 1000);
    expect(Number(max) * 1e6).toBeLessThanOrEqual(last.value + last.width + 1000);
    expect(Number(start)).toBeGreaterThanOrEqual(0);
    expect(Number(length)).toBeGreaterThan(0);
  }
  const { counters } = result.phases[result.measuredPhase!]!;
  expect(samples.get('publishResponse')).toBe(counters.acked);
  expect(samples.get('endToEnd')).toBe(counters.received);
});
