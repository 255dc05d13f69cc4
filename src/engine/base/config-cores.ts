// Which cores serve: `ringlog.shards` and `ringlog.cpus`. Owner: the supervisor's thread, at start. Not hot.

import type { BrokerConfig } from './config-schema.ts';

export interface ShardPlan {
  /** 0: one shard in the calling thread. */
  readonly shardCount: number;
  /** Core of shard i at i. With more shards than cores they go round. Empty: nothing is pinned. */
  readonly cores: readonly number[];
}

/** `usable` are the cores this process may run on. Cores that are named but not usable are left out. */
export function planShards(config: BrokerConfig, usable: readonly number[]): ShardPlan {
  const named = config['ringlog.cpus'] === null ? usable : parseCores(config['ringlog.cpus']).filter((core) => usable.includes(core));
  const wanted = config['ringlog.shards'];
  const shardCount = wanted === 'auto' ? Math.max(1, named.length) : Number(wanted);
  const cores = named.length === 0 ? [] : Array.from({ length: shardCount }, (_, shard) => named[shard % named.length]!);
  return { shardCount, cores };
}

/** `0-3,6` in order, without repeats; the row's pattern has checked the form. */
function parseCores(text: string): number[] {
  const cores = new Set<number>();
  for (const part of text.split(',')) {
    const [from, to] = part.split('-').map(Number);
    for (let core = from!; core <= Math.min(to ?? from!, from! + 1023); core++) cores.add(core);
  }
  return [...cores];
}
