// max.connections holds for the process: the shards' shares together.

import { expect, test } from 'vitest';
import { parseBrokerConfig } from '../../../src/engine/base/config-broker.ts';
import { reactorOptions } from '../../../src/workers/shard/reactor-options.ts';

function share(limit: number, shardCount: number): number {
  const parsed = parseBrokerConfig([{ name: 'max.connections', value: String(limit), from: 'test' }]);
  if (!parsed.ok) throw new Error(parsed.errors.join());
  return reactorOptions(parsed.settings.config, shardCount, true).maxConnections;
}

test.each([
  [100, 1, 100],
  [100, 4, 25],
  [10, 4, 2],
  // Every shard is a node that clients must reach.
  [2, 4, 1],
  [0, 4, 0],
  [2 ** 31 - 1, 2, 65_536],
])('max.connections=%i over %i shards is %i each', (limit, shardCount, each) => {
  expect(share(limit, shardCount)).toBe(each);
});
