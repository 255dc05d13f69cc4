// ringlog.memory.bytes is one budget, shared by shards and split between what a shard holds in memory.

import { expect, test } from 'vitest';
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import { memoryShare } from '../../../src/workers/shard/reactor-options.ts';

const MIB = 1024 * 1024;

function share(shardCount: number, values: Readonly<Record<string, number>>) {
  const parsed = parseBrokerConfig(Object.entries(values).map(([name, value]) => ({ name, value: String(value), from: 'test' })));
  if (!parsed.ok) throw new Error(parsed.errors.join());
  return memoryShare(parsed.settings.config, shardCount);
}

test.each([
  [1, 2048, 100, 512, 1536],
  [2, 2048, 100, 256, 768],
  [4, 4096, 10, 256, 768],
  [1, 64, 16, 32, 32],
  // More than a reactor's arena can have is not given to it.
  [1, 16_384, 100, 0x7fff_0000 / MIB, 16_384 - 0x7fff_0000 / MIB],
])('over %i shards %i MiB with requests of %i MiB are %i and %i MiB each', (shards, total, request, arena, managed) => {
  const found = share(shards, { 'ringlog.memory.bytes': total * MIB, 'socket.request.max.bytes': request * MIB });
  expect(found).toEqual({ ok: true, arenaBytes: arena * MIB, managedBytes: managed * MIB });
});

test('a budget that cannot hold one request is refused with what would do', () => {
  const found = share(2, { 'ringlog.memory.bytes': 256 * MIB });
  expect(found.ok).toBe(false);
  const least = Number(/at least (\d+)/.exec((found as { error: string }).error)![1]);
  expect(share(2, { 'ringlog.memory.bytes': least - 1 }).ok).toBe(false);
  expect(share(2, { 'ringlog.memory.bytes': least }).ok).toBe(true);
});

test('unset, both arenas have bounds of their own', () => {
  expect(share(2, {})).toEqual({ ok: true, arenaBytes: 512 * MIB, managedBytes: 128 * MIB });
});
