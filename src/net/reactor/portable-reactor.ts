// The reactor without the addon: node:net and node:fs. Owner: the shard's thread. Hot.
//
// Sockets and files complete in the loop's poll phase and a tick runs in the check phase after it, so one tick sees what
// one turn of the loop brought.

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../engine/base/clock.ts';
import { Errno, errnoOf, isDiskError } from '../../engine/io/disk-error.ts';
import type { FileWork } from './file-work.ts';
import type { WalkProduce } from './frame-slot.ts';
import type { Link } from './link.ts';
import { PortableFiles } from './portable-files.ts';
import { PortableLink } from './portable-link.ts';
import type { ListenOptions, Listening, ReactorOptions, ReactorReport } from './reactor.ts';
import { ReactorCore } from './reactor-core.ts';
import type { RingSizes } from './ring-memory.ts';

/** The longest time setTimeout takes. */
const TIMEOUT_MAX_MS = 0x7fff_ffff;

export interface PortableReactorOptions extends ReactorOptions {
  readonly rings?: Partial<RingSizes>;
  /** This arena's number in the process, for addresses that other threads resolve; 0 by default. */
  readonly arenaIndex?: number;
}

/** What it may stand on instead of the machine's own. */
export interface PortableReactorParts {
  readonly clock?: Clock;
  readonly files?: FileWork & {
    /** Resolves when no work is under way. */
    drained(): Promise<void>;
  };
}

export class PortableReactor extends ReactorCore {
  readonly report: ReactorReport;
  readonly files: NonNullable<PortableReactorParts['files']>;
  private readonly servers: Server[] = [];
  private immediate: NodeJS.Immediate | null = null;
  private timer: NodeJS.Timeout | null = null;
  /** When `timer` fires; the alarm may have moved on since. */
  private timerMs = Infinity;
  private alarmMs = Infinity;

  constructor(options: PortableReactorOptions, walkProduce: WalkProduce, reason: string, parts: PortableReactorParts = {}) {
    const { rings, arenaIndex } = options;
    const { clock = systemClock } = parts;
    super({ options, walkProduce, clock, ...(rings && { rings }), ...(arenaIndex !== undefined && { arenaIndex }) });
    this.files = parts.files ?? new PortableFiles();
    this.report = portableReport(options, reason);
  }

  async listen(options: ListenOptions): Promise<Listening> {
    if (options.reusePort && !nodeHasReusePort()) {
      throw Object.assign(new Error(`reusePort needs Node 22.12 or 23.1 (this is ${process.version}) or the native addon`), {
        code: 'ENOTSUP',
      });
    }
    const id = this.servers.length;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.onSocket(socket, id));
    this.servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const { host, port, backlog } = options;
      // exclusive: a cluster worker must not share the handle of another process.
      server.listen({ host, port, backlog, exclusive: true, ...(options.reusePort && { reusePort: true }) }, () => {
        server.off('error', reject);
        // Accepting may fail for the moment (EMFILE); the listener goes on.
        server.on('error', () => undefined);
        resolve();
      });
    });
    return { id, port: (server.address() as AddressInfo).port };
  }

  stopListening(): void {
    for (const server of this.servers) if (server.listening) server.close();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.immediate !== null) clearImmediate(this.immediate);
    if (this.timer !== null) clearTimeout(this.timer);
    const listening = this.servers.filter((server) => server.listening);
    const ended = listening.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const connection of this.connections.all()) this.closeNow(connection, 0);
    await Promise.all(ended);
    await this.files.drained();
  }

  protected requestTick(): void {
    if (this.closed) return;
    this.immediate ??= setImmediate(() => {
      this.immediate = null;
      this.runTick();
    });
  }

  protected setAlarm(atMs: number): void {
    this.alarmMs = atMs;
    if (atMs === Infinity || this.closed) return;
    // A timer that fires too early is set again; one that is earlier than needed stays.
    if (this.timer !== null && this.timerMs <= atMs) return;
    this.setTimer();
  }

  /** What stands between a socket and its connection: `take` gets what comes in, and gives it on. */
  protected join(socket: Socket, give: (chunk: Uint8Array) => void): { readonly link: Link; readonly take: (chunk: Buffer) => void } {
    return { link: new PortableLink(socket), take: give };
  }

  private onSocket(socket: Socket, listener: number): void {
    // Without a handler an error before the first use would end the process.
    socket.on('error', () => undefined);
    const { link, take } = this.join(socket, (chunk) => this.receive(connection!, chunk));
    const connection = this.closed ? null : this.accept(link, listener);
    if (connection === null) {
      socket.destroy();
      return;
    }
    socket.on('data', take);
    socket.on('end', () => this.receiveEnd(connection));
    socket.on('error', (error) => this.closeNow(connection, -(isDiskError(error) ? errnoOf(error) : Errno.EIO)));
    socket.on('close', () => this.closeNow(connection, 0));
  }

  private setTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const now = this.clock.monotonicMs();
    const delay = Math.min(Math.max(Math.ceil(this.alarmMs - now), 0), TIMEOUT_MAX_MS);
    this.timerMs = now + delay;
    this.timer = setTimeout(() => this.onTimer(), delay);
  }

  private onTimer(): void {
    this.timer = null;
    // Too early (the alarm has moved on, or the timer's clock is coarser): it is set again.
    if (this.alarmMs < Infinity) this.alarm();
  }
}

function nodeHasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

function portableReport(options: ReactorOptions, reason: string): ReactorReport {
  const poolThreads = process.env['UV_THREADPOOL_SIZE'] ?? '4';
  const buffers = options.receiveBufferBytes > 0 || options.sendBufferBytes > 0;
  return {
    kind: 'portable',
    rows: [
      { facility: 'reactor', engine: 'node:net and node:fs', reason },
      { facility: 'sockets', engine: 'node:net', reason: buffers ? "Node cannot set socket buffer sizes: the kernel's are used" : reason },
      { facility: 'appends', engine: 'writev on the shard thread', reason: 'node:fs' },
      { facility: 'fsync and cold reads', engine: `libuv pool of ${poolThreads}`, reason: 'UV_THREADPOOL_SIZE sets it for the process' },
      { facility: 'write-back', engine: 'the kernel', reason: 'Node has no sync_file_range: ringlog.writeback.bytes has no effect' },
      { facility: 'scrub', engine: 'libuv pool', reason: 'Node cannot read below the page cache: rot under cached pages is not seen' },
      { facility: 'tail reads', engine: 'copied through memory', reason: 'Node has no sendfile; a read may wait for the disk' },
      { facility: 'residency', engine: 'none', reason: 'Node cannot ask what is in the page cache' },
      { facility: 'wake-up', engine: 'Atomics.waitAsync', reason: 'Node has no eventfd' },
    ],
  };
}

/** @param reason why the portable path runs: for the banner */
export function createPortableReactor(options: PortableReactorOptions, walkProduce: WalkProduce, reason = 'asked for'): PortableReactor {
  return new PortableReactor(options, walkProduce, reason);
}
