import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxTimestampOffset, offsetForTimestamp, type Decompressor } from '../../../src/engine/log/offset-lookup.ts';
import { encodeRecords } from '../../support/batch-bytes.ts';
import { LogBench, NOW } from './log-bench.ts';

const unzip: Decompressor = (codec, bytes) => (codec === 1 ? gunzipSync(bytes) : null);

describe('offsets by timestamp', () => {
  test('find the record a plain list finds, whatever the order of timestamps', () => {
    const batches = fc.array(
      fc.record({ deltas: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 5 }), gzip: fc.boolean() }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(batches, fc.boolean(), (specs, reopen) => {
        const bench = new LogBench({ segmentBytes: 700, indexIntervalBytes: 150 });
        let log = bench.open({ leaderEpoch: 4 });
        const records: number[] = [];
        specs.forEach(({ deltas, gzip }, index) => {
          const timestamps = deltas.map((delta) => NOW + index * 10 + delta);
          const spec = { values: deltas.map(() => new Uint8Array(20)), timestamps };
          const block = gzip ? gzipSync(encodeRecords(spec)) : undefined;
          bench.append(log, block === undefined ? spec : { ...spec, block, attributes: 1 });
          records.push(...timestamps);
        });
        bench.settle();
        if (reopen) {
          bench.table.close(log);
          log = bench.open({ clean: true, recoveryPoint: log.endOffset });
        }
        for (let timestamp = NOW - 60; timestamp < NOW + specs.length * 10 + 60; timestamp += 13) {
          const offset = records.findIndex((stored) => stored >= timestamp);
          const found = offsetForTimestamp(bench.table, log, timestamp, Infinity, unzip);
          expect(found).toEqual(offset < 0 ? null : { offset, timestamp: records[offset], leaderEpoch: 4 });
        }
        const max = Math.max(...records);
        expect(maxTimestampOffset(bench.table, log, unzip)).toEqual({ offset: records.indexOf(max), timestamp: max, leaderEpoch: 4 });
      }),
      { numRuns: 60 },
    );
  });

  test('a batch that cannot be opened is named by its first offset', () => {
    const bench = new LogBench();
    const log = bench.open();
    bench.append(log, { values: [new Uint8Array(1)], timestamps: [NOW] });
    bench.append(log, {
      values: [new Uint8Array(1), new Uint8Array(1)],
      timestamps: [NOW + 1, NOW + 9],
      block: new Uint8Array(9),
      attributes: 2,
    });
    bench.settle();
    expect(offsetForTimestamp(bench.table, log, NOW + 5, Infinity, null)).toMatchObject({ offset: 1, timestamp: NOW + 9 });
    expect(offsetForTimestamp(bench.table, log, NOW + 5, 1, null)).toBe(null);
    expect(offsetForTimestamp(bench.table, log, NOW + 10, Infinity, null)).toBe(null);
  });

  test('with log append time every record of a batch has the batch\u2019s', () => {
    const bench = new LogBench({ timestampType: 'LogAppendTime' });
    const log = bench.open();
    bench.append(log, { values: [new Uint8Array(1)], timestamps: [5] }, NOW);
    bench.append(log, { values: [new Uint8Array(1)], timestamps: [5] }, NOW + 10);
    bench.settle();
    expect(offsetForTimestamp(bench.table, log, NOW + 1, Infinity, null)).toMatchObject({ offset: 1, timestamp: NOW + 10 });
  });

  test('an empty log has none', () => {
    const bench = new LogBench();
    const log = bench.open();
    expect(offsetForTimestamp(bench.table, log, 0, Infinity, null)).toBe(null);
    expect(maxTimestampOffset(bench.table, log, null)).toBe(null);
  });
});
