// The native addon's typed face, and the only file that loads it.
// Owner: every thread that asks (the addon keeps its state per environment). Not hot: the calls it hands out are.
//
// Absent (not compiled, another platform) or switched off by RINGLOG_NATIVE=off, the portable path runs instead: the
// reason is kept for the banner and `ringlog doctor`.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../base/package-file.ts';
import type { ManagedFiles } from './managed-files.ts';

interface NativeReactorOptions {
  readonly requestMaxBytes: number;
  readonly arenaBytes: number;
  readonly sendQueueMaxBytes: number;
  readonly maxConnections: number;
  readonly fileThreads: number;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly ioUring: boolean;
  readonly managedBytes: number;
}

export interface NativeReactorCounters {
  readonly connections: number;
  readonly takenBytes: number;
  readonly coldReads: number;
  /** Those of page-cache files that passed the page cache by. */
  readonly directReads: number;
  /** Bytes of files that went to sockets in pieces, not with the answer around them. */
  readonly fileBytesSent: number;
  readonly fileJobs: number;
  /** Parts of history that found their bytes read ahead of them. */
  readonly aheadHits: number;
  /** Reads ahead; and times that somebody had to wait for the end of one. */
  readonly aheadReads: number;
  readonly aheadWaits: number;
  readonly managedWrites: number;
  readonly managedWrittenBytes: number;
  readonly managedSyncs: number;
  readonly managedFilledBytes: number;
  /** Times that an append waited in place for memory. */
  readonly managedWaits: number;
  /** Rounds that left sockets with bytes alone because appends waited for the disk. */
  readonly managedStops: number;
  readonly managedUnwrittenBytes: number;
  /** 0 until the first managed file. */
  readonly managedArenaBytes: number;
  readonly managedEvictions: number;
  /** What pages the managed arena has. */
  readonly managedBacking: string;
}

/** What createReactor gives: two ArrayBuffers over native memory, and calls that need no `this`. */
export interface NativeReactorHandle extends ManagedFiles {
  readonly arena: ArrayBuffer;
  /** Control block, completion ring, submission ring, descriptors, in this order without gaps. */
  readonly rings: ArrayBuffer;
  readonly arenaAddress: number;
  readonly outOffset: number;
  readonly outBytes: number;
  readonly cqCapacity: number;
  readonly sqCapacity: number;
  readonly descCapacity: number;
  readonly wakeFd: number;
  /** Cold reads go through io_uring; otherwise through file threads. */
  readonly ringOpen: boolean;
  /** So do writes of managed files; otherwise through writer threads. */
  readonly managedRingOpen: boolean;
  /** `ownsThread`: the reactor waits in place of the thread's event loop. */
  readonly start: (onTick: () => void, ownsThread: boolean) => void;
  readonly submit: () => void;
  readonly readNow: (fd: number, position: number, offset: number, length: number) => number;
  readonly residentBytes: (fd: number, position: number, length: number) => number;
  readonly stamp: () => void;
  readonly takeBlock: (length: number) => number;
  readonly giveBlock: (offset: number) => void;
  /** Numeric addresses only. @throws with `code` EADDRINUSE and the like. */
  readonly listen: (address: string, port: number, reusePort: boolean, backlog: number) => { id: number; port: number };
  readonly stopListening: () => void;
  readonly peerAddress: (conn: number) => string;
  readonly wake: () => void;
  readonly schedule: () => void;
  readonly counters: () => NativeReactorCounters;
  readonly close: () => void;
}

/** One thing the kernel, the container or the file system allows or refuses, found by trying. */
interface NativeFinding {
  readonly facility: 'kernel' | 'io_uring' | 'cachestat' | 'RWF_NOWAIT' | 'RWF_DONTCACHE' | 'O_DIRECT' | 'huge pages';
  readonly available: boolean;
  readonly reason: string;
}

export interface NativeBinding {
  readonly createReactor: (options: NativeReactorOptions) => NativeReactorHandle;
  /** CRC-32C of view[offset, offset + length), unsigned. */
  readonly crc32c: (view: Uint8Array, offset: number, length: number) => number;
  readonly crc32cEngine: () => string;
  /** Address of a view's first byte, also over a SharedArrayBuffer: the memory must be kept alive by its owner. */
  readonly addressOf: (view: ArrayBufferView) => number;
  /** Pin the calling thread: 0 or -errno. */
  readonly pinThread: (cpu: number) => number;
  /** How long the calling thread asks to run at a stretch, in microseconds: the slice in ns that it has now, 0 for none, or -errno. */
  readonly setTimeSlice: (sliceUs: number) => number;
  /** Processors this thread may run on, ascending. */
  readonly usableCpus: () => number[];
  /** A new eventfd, or -errno. */
  readonly eventfd: () => number;
  /** Wake whoever waits on an eventfd, of any thread: 0 or -errno. */
  readonly signal: (fd: number) => number;
  readonly closeFd: (fd: number) => number;
  /** File findings hold for `directory`; tried on an unnamed temporary file there. */
  readonly probe: (directory: string) => NativeFinding[];
}

export type NativeLoad = { readonly binding: NativeBinding; readonly reason: null } | { readonly binding: null; readonly reason: string };

let loaded: NativeLoad | undefined;

/** The addon, or null and why. The same answer for the life of the thread. */
export function loadNativeBinding(): NativeLoad {
  loaded ??= load();
  return loaded;
}

function load(): NativeLoad {
  if (process.env['RINGLOG_NATIVE'] === 'off') return { binding: null, reason: 'switched off by RINGLOG_NATIVE=off' };
  if (process.platform !== 'linux') return { binding: null, reason: `no native path on ${process.platform}` };
  const path = fileURLToPath(packageFile('build/Release/ringlog.node'));
  try {
    return { binding: createRequire(import.meta.url)(path) as NativeBinding, reason: null };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'MODULE_NOT_FOUND') return { binding: null, reason: 'the addon is not compiled (npm run setup)' };
    return { binding: null, reason: `the addon does not load: ${(error as Error).message}` };
  }
}
