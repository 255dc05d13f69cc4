// Compaction in a process of shard threads: two shards behind one port, two log directories, one background thread.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { createTopicsApi } from '../../../src/net/kafka/schema/generated/create-topics.ts';
import { keyed, kv } from '../../engine/log/cleaner/cleaner-bench.ts';
import { eventually, produce, RawClient } from '../../support/broker.ts';
import { compileSources } from '../compiled.ts';
import { ServeProcess } from '../supervisor/serve-process.ts';

const PARTITIONS = 4;
const SEGMENT_BYTES = 3000;
let root: string;
let served: ServeProcess | undefined;

beforeAll(() => compileSources());
afterEach(async () => {
  if (served?.code === undefined) served?.child.kill('SIGKILL');
  await served?.ended();
  rmSync(root, { recursive: true, force: true });
});

test('every partition of both directories is compacted, keyless records are refused on the shard they come in', async () => {
  root = mkdtempSync(join(tmpdir(), 'ringlog-compaction-'));
  const dirs = [join(root, 'a'), join(root, 'b')];
  served = new ServeProcess({
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'log.dirs': dirs.join(),
    'ringlog.shards': '2',
    'ringlog.listeners': 'single',
    'ringlog.segment.bytes.min': '1',
    'log.cleaner.backoff.ms': '20',
  });
  const client = await RawClient.open(await served.port());
  const configs = Object.entries({ 'cleanup.policy': 'compact', 'segment.bytes': String(SEGMENT_BYTES), 'file.delete.delay.ms': '0' });
  const created = await client.call(createTopicsApi, 7, {
    topics: [
      {
        name: 't',
        numPartitions: PARTITIONS,
        replicationFactor: 1,
        assignments: [],
        configs: configs.map(([name, value]) => ({ name, value })),
      },
    ],
  });
  expect(created.topics[0]!.errorCode).toBe(0);
  const now = { timestampMs: Date.now() };
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const codec of [0, 1]) {
      const refused = await produce(client, 't', keyed([[null, 'x']], codec, now), { partition });
      expect(refused.errorCode, `partition ${partition}, codec ${codec}`).toBe(87);
    }
    for (let i = 0; i < 100; i++) {
      expect((await produce(client, 't', keyed(kv(`k${i % 3}=${'x'.repeat(200)}`), i % 2, now), { partition })).errorCode).toBe(0);
    }
  }
  const partitionDirs = dirs.flatMap((dir) => readdirSync(dir).flatMap((name) => (name.startsWith('t-') ? [join(dir, name)] : [])));
  expect(partitionDirs.length).toBe(PARTITIONS);
  const bytesOf = (dir: string): number =>
    readdirSync(dir).reduce(
      (sum, name) => sum + (name.endsWith('.log') ? (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0) : 0),
      0,
    );
  for (const dir of partitionDirs) {
    await eventually(
      () => (bytesOf(dir) < 3 * SEGMENT_BYTES ? true : undefined),
      () => `${bytesOf(dir)} bytes in ${dir}: ${served!.out} ${served!.err}`,
    );
  }
  client.destroy();
  served.child.kill('SIGTERM');
  expect(await served.ended()).toBe(0);
  const checkpointed = dirs.flatMap((dir) =>
    readFileSync(join(dir, 'cleaner-offset-checkpoint'), 'utf8').split('\n').slice(2).filter(Boolean),
  );
  expect(checkpointed.map((line) => line.split(' ').slice(0, 2).join('-')).sort()).toEqual(['t-0', 't-1', 't-2', 't-3']);
  expect(partitionDirs.flatMap((dir) => readdirSync(dir)).filter((name) => /cleaned|swap/.test(name))).toEqual([]);
});
