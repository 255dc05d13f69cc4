// The same log on the real disk, and the files left for a look with Kafka's own tool when LOG_DUMP_DIR names a place.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/engine/base/clock.ts';
import { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import { nodeFileSystem } from '../../../src/engine/io/node-file-system.ts';
import { append } from '../../../src/engine/log/log-append.ts';
import { DEFAULT_LOG_CONFIG } from '../../../src/engine/log/log-config.ts';
import { LogTable, type LogListener, type OpenOptions } from '../../../src/engine/log/log-table.ts';
import { BatchFacts } from '../../../src/engine/record/batch-facts.ts';
import { encodeBatch } from '../../support/batch-bytes.ts';
import { FakeTickRing } from '../../support/fake-tick-ring.ts';
import { dumpFaults } from './kafka-dump-check.ts';
import { batch, NOW, TOPIC_ID } from './log-bench.ts';

test('a log written, killed, recovered and closed on the real disk', () => {
  const root = process.env['LOG_DUMP_DIR'] ?? mkdtempSync(join(tmpdir(), 'ringlog-'));
  mkdirSync(root, { recursive: true });
  const dir = join(root, 'orders-0');
  const listener: LogListener = { onWritten: () => {}, onDurable: () => {}, onFailed: () => {}, onReadable: () => {} };
  const config = { ...DEFAULT_LOG_CONFIG, segmentBytes: 40_000 };
  const options: OpenOptions = {
    recoveryPoint: 0,
    clean: false,
    session: '',
    logStartOffset: 0,
    firstDirtyOffset: 0,
    leaderEpoch: 1,
    topicId: TOPIC_ID,
    nowMs: NOW,
  };
  const write = (table: LogTable, ring: FakeTickRing, from: number): void => {
    const log = table.logs[0]!;
    for (let i = from; i < from + 200; i++) {
      const spec = { ...batch(3, 100, NOW + i * 7), producerId: 77, producerEpoch: 0, baseSequence: i * 3 };
      const bytes = encodeBatch(spec);
      ring.arena.set(bytes, ring.inOffset);
      const facts = Object.assign(new BatchFacts(), {
        address: ring.arenaAddress + ring.inOffset,
        arenaOffset: ring.inOffset,
        lengthBytes: bytes.length,
        lastOffsetDelta: 2,
        recordCount: 3,
        baseTimestamp: spec.timestamps[0],
        maxTimestamp: spec.timestamps[2],
        producerId: 77,
        producerEpoch: 0,
        baseSequence: i * 3,
        nowMs: NOW,
      });
      ring.inOffset += bytes.length;
      expect(append(table, log, facts)).toBe(i * 3);
      if (i % 20 === 19) {
        ring.settle(table);
        ring.tick();
      }
    }
  };
  const begin = (): { table: LogTable; ring: FakeTickRing } => {
    const ring = new FakeTickRing(nodeFileSystem, 1024 * 1024);
    ring.tick();
    return { ring, table: new LogTable(ring, nodeFileSystem, systemClock, listener) };
  };
  const first = begin();
  first.table.open(dir, 'orders-0', config, options);
  write(first.table, first.ring, 0);
  const second = begin();
  expect(second.table.open(dir, 'orders-0', config, options).endOffset).toBe(600);
  write(second.table, second.ring, 200);
  second.table.closeAll();
  const copy = new MemoryFileSystem();
  for (const name of readdirSync(dir)) copy.putFile(`/c/${name}`, new Uint8Array(readFileSync(join(dir, name))));
  expect(dumpFaults(copy, '/c')).toEqual([]);
  expect(copy.list('/c').filter((name) => name.endsWith('.log')).length).toBeGreaterThan(3);
  if (process.env['LOG_DUMP_DIR'] === undefined) rmSync(root, { recursive: true });
});
