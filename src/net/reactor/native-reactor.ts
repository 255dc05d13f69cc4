// The reactor over the native addon: epoll, gathered file and socket calls, one callback a tick.
// Owner: the shard's thread. Hot through the addon's own calls; this file only lays the views over native memory.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import {
  loadNativeBinding,
  type NativeBinding,
  type NativeReactorCounters,
  type NativeReactorHandle,
} from '../../engine/io/native-binding.ts';
import type { ManagedFiles } from '../../engine/io/managed-files.ts';
import { CQ_SLOT_WORDS, Ctl, DESC_WORDS, SQ_SLOT_WORDS } from '../../engine/io/tick-layout.ts';
import type { ListenOptions, Listening, Reactor, ReactorOptions, ReactorReport } from './reactor.ts';

/** @throws an Error when the addon is absent: ask loadNativeBinding() first. */
export function createNativeReactor(options: ReactorOptions): Reactor {
  const { binding, reason } = loadNativeBinding();
  if (binding === null) throw new Error(`native reactor: ${reason}`);
  return new NativeReactor(binding, options);
}

/** What the addon counts; null of any other reactor. */
export function nativeCounters(reactor: Reactor): NativeReactorCounters | null {
  return reactor instanceof NativeReactor ? reactor.counters() : null;
}

class NativeReactor implements Reactor {
  readonly arena: Uint8Array;
  readonly view: DataView;
  readonly arenaAddress: number;
  readonly ctl: Int32Array;
  readonly ctlF64: Float64Array;
  readonly cq: Int32Array;
  readonly cqCapacity: number;
  readonly sq: Int32Array;
  readonly sqF64: Float64Array;
  readonly sqCapacity: number;
  readonly desc: Int32Array;
  readonly descF64: Float64Array;
  readonly descCapacity: number;
  readonly outOffset: number;
  readonly outBytes: number;
  readonly wakeFd: number;
  readonly report: ReactorReport;
  readonly managed: ManagedFiles;

  // The addon's functions carry their reactor and need no `this`: called through these fields, there is no frame between.
  readonly submit: () => void;
  readonly readNow: (fd: number, position: number, offset: number, length: number) => number;
  readonly residentBytes: (fd: number, position: number, length: number) => number;
  readonly stamp: () => void;
  readonly takeBlock: (length: number) => number;
  readonly giveBlock: (offset: number) => void;
  readonly wake: () => void;
  readonly schedule: () => void;

  readonly #handle: NativeReactorHandle;
  readonly #ownsThread: boolean;
  readonly #addressOf: NativeBinding['addressOf'];
  /** Memory that appends may name must outlive them. */
  readonly #foreignArenas: SharedArrayBuffer[] = [];

  constructor(binding: NativeBinding, options: ReactorOptions) {
    const handle = binding.createReactor(options);
    this.#handle = handle;
    this.managed = handle;
    this.#ownsThread = options.ownsThread;
    this.#addressOf = binding.addressOf;
    this.arena = new Uint8Array(handle.arena);
    this.view = new DataView(handle.arena);
    this.arenaAddress = handle.arenaAddress;
    this.cqCapacity = handle.cqCapacity;
    this.sqCapacity = handle.sqCapacity;
    this.descCapacity = handle.descCapacity;
    this.outOffset = handle.outOffset;
    this.outBytes = handle.outBytes;
    this.wakeFd = handle.wakeFd;

    const cqAt = Ctl.WORDS * 4;
    const sqAt = cqAt + handle.cqCapacity * CQ_SLOT_WORDS * 4;
    const descAt = sqAt + handle.sqCapacity * SQ_SLOT_WORDS * 4;
    const end = descAt + handle.descCapacity * DESC_WORDS * 4;
    this.ctl = new Int32Array(handle.rings, 0, Ctl.WORDS);
    this.ctlF64 = new Float64Array(handle.rings, 0, Ctl.WORDS / 2);
    this.cq = new Int32Array(handle.rings, cqAt, (sqAt - cqAt) / 4);
    this.sq = new Int32Array(handle.rings, sqAt, (descAt - sqAt) / 4);
    this.sqF64 = new Float64Array(handle.rings, sqAt, (descAt - sqAt) / 8);
    this.desc = new Int32Array(handle.rings, descAt, (end - descAt) / 4);
    this.descF64 = new Float64Array(handle.rings, descAt, (end - descAt) / 8);

    this.submit = handle.submit;
    this.readNow = handle.readNow;
    this.residentBytes = handle.residentBytes;
    this.stamp = handle.stamp;
    this.takeBlock = handle.takeBlock;
    this.giveBlock = handle.giveBlock;
    this.wake = handle.wake;
    this.schedule = handle.schedule;
    this.report = nativeReport(binding, options, handle);
  }

  start(onTick: () => void): void {
    this.#handle.start(onTick, this.#ownsThread);
  }

  async listen(options: ListenOptions): Promise<Listening> {
    const address = isIP(options.host) !== 0 ? options.host : (await lookup(options.host)).address;
    return this.#handle.listen(address, options.port, options.reusePort, options.backlog);
  }

  stopListening(): void {
    this.#handle.stopListening();
  }

  peerAddress(conn: number): string {
    return this.#handle.peerAddress(conn);
  }

  registerForeignArena(index: number, arena: SharedArrayBuffer): number {
    this.#foreignArenas[index] = arena;
    return this.#addressOf(new Uint8Array(arena));
  }

  counters(): NativeReactorCounters {
    return this.#handle.counters();
  }

  /** Waits in this call for file work in flight (a sync, a cold read): when it returns, all is given back. */
  async close(): Promise<void> {
    this.#handle.close();
  }
}

function nativeReport(binding: NativeBinding, options: ReactorOptions, handle: NativeReactorHandle): ReactorReport {
  const findings = new Map(binding.probe(tmpdir()).map((finding) => [finding.facility, finding]));
  const ring = findings.get('io_uring')!;
  const cachestat = findings.get('cachestat')!;
  const dropping = findings.get('RWF_DONTCACHE')!.available ? 'RWF_DONTCACHE' : 'dropped after reading';
  return {
    kind: 'native',
    rows: [
      { facility: 'sockets', engine: 'epoll', reason: 'one callback a tick' },
      { facility: 'append', engine: 'pwritev', reason: 'gathered per file and tick on the shard thread' },
      { facility: 'commit', engine: '2 commit threads', reason: 'one write of the commit journal for all partitions' },
      {
        facility: 'managed append',
        engine: `direct, from an arena of ${Math.round(options.managedBytes / 2 ** 20)} MiB`,
        reason: `written ${handle.managedRingOpen ? 'through io_uring' : 'by 4 threads'}; ${findings.get('huge pages')!.reason}`,
      },
      { facility: 'sync', engine: `${options.fileThreads} file threads`, reason: 'fdatasync blocks' },
      {
        facility: 'write-back',
        engine: 'sync_file_range',
        reason: 'on a file thread, one step at a time, as ringlog.writeback.bytes says',
      },
      {
        facility: 'cold read',
        engine: handle.ringOpen ? 'io_uring' : `${options.fileThreads} file threads`,
        reason: options.ioUring ? ring.reason : 'io_uring is switched off',
      },
      {
        facility: 'scrub',
        engine: findings.get('O_DIRECT')!.available ? 'O_DIRECT' : 'the page cache',
        reason: 'on a file thread, as ringlog.scrub.bytes.per.second says',
      },
      {
        facility: 'history',
        engine: findings.get('O_DIRECT')!.available ? 'O_DIRECT' : dropping,
        reason: `past the page cache, so that a scan leaves the tail there; ranges not yet written back: ${dropping}`,
      },
      {
        facility: 'tail read',
        engine: 'sendfile',
        reason: cachestat.available ? 'after cachestat says it is in memory' : `residency unknown: ${cachestat.reason}`,
      },
      { facility: 'crc32c', engine: binding.crc32cEngine(), reason: 'the fastest form this processor has' },
    ],
  };
}
