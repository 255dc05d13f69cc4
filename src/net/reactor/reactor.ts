// The reactor's face: everything a shard needs from sockets, files, timers and wake-ups, whichever engine is behind it.
// Owner: the shard's thread. Hot through TickRing; the calls here are for set-up and control.

import type { TickRing } from '../../engine/io/tick-ring.ts';

export interface ReactorOptions {
  /** Frames longer than this close their connection (`socket.request.max.bytes`). */
  readonly requestMaxBytes: number;
  /** Receive blocks and retained frames together; at the bound sockets are paused. */
  readonly arenaBytes: number;
  /** Bytes one connection may have queued unsent (memory, not file ranges) before it is closed. */
  readonly sendQueueMaxBytes: number;
  readonly maxConnections: number;
  /** Write buffer and tail cache of managed files; taken when the first one is opened. Not of the portable reactors. */
  readonly managedBytes: number;
  /** Threads for fdatasync, write-back and cold reads. */
  readonly fileThreads: number;
  /** Socket buffer sizes; 0 leaves the kernel's. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** Use io_uring for cold reads and for writes of managed files when the kernel allows it. */
  readonly ioUring: boolean;
  /** The thread is there for this reactor: it may wait in place of the thread's event loop, which is cheaper. */
  readonly ownsThread: boolean;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly reusePort: boolean;
  readonly backlog: number;
}

export interface Listening {
  readonly id: number;
  readonly port: number;
}

/** What the start-up probe found, for the banner and `ringlog doctor`. */
export interface ReactorReport {
  readonly kind: 'native' | 'portable' | 'memory';
  /** One row a facility: what is used and why. */
  readonly rows: readonly { readonly facility: string; readonly engine: string; readonly reason: string }[];
}

export interface Reactor extends TickRing {
  readonly report: ReactorReport;
  /**
   * Begin: `onTick` is called once a tick with completions in the ring (ctl[CQ_COUNT]); it must drain them all and
   * set CQ_COUNT to 0. Submissions it leaves are executed after it returns. It must not throw: an exception from it
   * is the shard's death.
   */
  start(onTick: () => void): void;
  /** @throws an Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
  listen(options: ListenOptions): Promise<Listening>;
  /** Accept no more on any listener. Connections live on. */
  stopListening(): void;
  /** `address:port` of the peer, for logs. */
  peerAddress(conn: number): string;
  /** Descriptor another thread signals to cause a WAKE here; -1 where the engine has none (wake() is used then). */
  readonly wakeFd: number;
  /** Cause a WAKE from this same thread, or outside a tick. Safe to call at any time. */
  wake(): void;
  /**
   * Run onTick soon even though nothing completed (submissions were written outside a tick). Calls before the tick
   * runs are one.
   */
  schedule(): void;
  /**
   * Appends may then name addresses in another thread's memory: the address of its first byte. `index` (not 0) is that
   * memory's number, the same in every thread.
   */
  registerForeignArena(index: number, arena: SharedArrayBuffer): number;
  /** Close everything after in-flight kernel work has ended: descriptors, threads, memory. */
  close(): Promise<void>;
}
