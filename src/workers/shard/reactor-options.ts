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

/** Of one shard among `shardCount`. `ownsThread`: the reactor is for a worker's own thread, not for that of a caller. */
export function reactorOptions(
  config: BrokerConfig,
  shardCount: number,
  ownsThread: boolean,
): ReactorOptions & { readonly choice: 'auto' | 'native' | 'portable' } {
  const requestMaxBytes = config['socket.request.max.bytes'];
  return {
    choice: config['ringlog.reactor'] as 'auto' | 'native' | 'portable',
    requestMaxBytes,
    // A frame is assembled in a block of the next power of two, beside the smaller one it outgrew.
    arenaBytes: Math.min(0x7fff_0000, Math.max(ARENA_BYTES_MIN, 2 ** Math.ceil(Math.log2(requestMaxBytes)) * 4)),
    sendQueueMaxBytes: SEND_QUEUE_BYTES,
    maxConnections: connectionShare(config['max.connections'], shardCount),
    fileThreads: FILE_THREADS,
    receiveBufferBytes: Math.max(config['socket.receive.buffer.bytes'], 0),
    sendBufferBytes: Math.max(config['socket.send.buffer.bytes'], 0),
    managedBytes: MANAGED_BYTES,
    ioUring: config['ringlog.io.uring'] !== 'off',
    ownsThread,
  };
}

/**
 * Equal shares keep the process within its limit and need no counter that all shards write to; one that is smaller than
 * the number of shards gives each a connection, because every shard is a node that clients must reach.
 */
function connectionShare(limit: number, shardCount: number): number {
  return Math.min(limit, Math.max(1, Math.floor(limit / shardCount)), CONNECTIONS_MAX);
}
