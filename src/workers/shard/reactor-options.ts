// A reactor's bounds, as the configuration gives them. Owner: pure.

import type { BrokerConfig } from '../../engine/base/config-schema.ts';
import type { ReactorOptions } from '../../net/reactor/reactor.ts';

/** Address space of a shard's arena; pages are taken only as they are used. */
const ARENA_BYTES_MIN = 512 * 1024 * 1024;
const SEND_QUEUE_BYTES = 128 * 1024 * 1024;
const CONNECTIONS_MAX = 65_536;
/** One more than a write-back, which goes one at a time, leaves to syncs and cold reads. */
const FILE_THREADS = 3;
/** Taken when the first managed log is opened. */
const MANAGED_BYTES = 128 * 1024 * 1024;
const MANAGED_BYTES_MIN = 16 * 1024 * 1024;
const ARENA_BYTES_MAX = 0x7fff_0000;

/** Of one shard among `shardCount`. `ownsThread`: the reactor is for a worker's own thread, not for that of a caller. */
export function reactorOptions(
  config: BrokerConfig,
  shardCount: number,
  ownsThread: boolean,
): ReactorOptions & { readonly choice: 'auto' | 'native' | 'portable' } {
  const requestMaxBytes = config['socket.request.max.bytes'];
  const memory = memoryShare(config, shardCount);
  if (!memory.ok) throw new Error(memory.error);
  return {
    choice: config['ringlog.reactor'] as 'auto' | 'native' | 'portable',
    requestMaxBytes,
    arenaBytes: memory.arenaBytes,
    sendQueueMaxBytes: SEND_QUEUE_BYTES,
    maxConnections: connectionShare(config['max.connections'], shardCount),
    fileThreads: FILE_THREADS,
    receiveBufferBytes: Math.max(config['socket.receive.buffer.bytes'], 0),
    sendBufferBytes: Math.max(config['socket.send.buffer.bytes'], 0),
    managedBytes: memory.managedBytes,
    ioUring: config['ringlog.io.uring'] !== 'off',
    ownsThread,
  };
}

export type MemoryShare =
  | { readonly ok: true; readonly arenaBytes: number; readonly managedBytes: number }
  | { readonly ok: false; readonly error: string };

/**
 * `ringlog.memory.bytes` is one budget: each shard gets an equal share of it, and splits that into the arena (frames, answers,
 * reads of history) and the arena of managed logs. Unset, both have bounds of their own.
 */
export function memoryShare(config: BrokerConfig, shardCount: number): MemoryShare {
  const budgetBytes = config['ringlog.memory.bytes'];
  // A frame is assembled in a block of the next power of two, beside the smaller one it outgrew.
  const frameBytes = 2 ** Math.ceil(Math.log2(config['socket.request.max.bytes']));
  if (budgetBytes === null) {
    return { ok: true, arenaBytes: Math.min(ARENA_BYTES_MAX, Math.max(ARENA_BYTES_MIN, frameBytes * 4)), managedBytes: MANAGED_BYTES };
  }
  const share = Math.floor(budgetBytes / shardCount);
  const arenaLeast = Math.max(frameBytes * 2, MANAGED_BYTES_MIN);
  if (share < arenaLeast + MANAGED_BYTES_MIN) {
    const least = (arenaLeast + MANAGED_BYTES_MIN) * shardCount;
    return {
      ok: false,
      error:
        `ringlog.memory.bytes=${budgetBytes}: requests of up to socket.request.max.bytes=${config['socket.request.max.bytes']} ` +
        `need at least ${least} with ${shardCount} shard${shardCount === 1 ? '' : 's'}`,
    };
  }
  const arenaBytes = Math.min(ARENA_BYTES_MAX, Math.max(arenaLeast, Math.floor(share / 4)));
  return { ok: true, arenaBytes, managedBytes: share - arenaBytes };
}

/**
 * Equal shares keep the process within its limit and need no counter that all shards write to; one that is smaller than
 * the number of shards gives each a connection, because every shard is a node that clients must reach.
 */
function connectionShare(limit: number, shardCount: number): number {
  return Math.min(limit, Math.max(1, Math.floor(limit / shardCount)), CONNECTIONS_MAX);
}
