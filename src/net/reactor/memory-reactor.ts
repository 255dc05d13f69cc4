// The reactor of unit tests and the simulator: no sockets, no disk, no time of its own, and nothing happens by itself.
// Owner: the thread of the test or simulator. Not hot.
//
//   const reactor = createMemoryReactor({ fileSystem, walkProduce });
//   reactor.start(() => …);  const { id } = await reactor.listen(…);  const client = reactor.connect(id);
//   client.sendFrame(bytes);  reactor.runUntilIdle();  client.takeFrames();
//
// One runTick(): file work that was in line ends, what clients sent arrives, a deadline that has passed fires, and
// then the engine's tick runs if there is anything for it.

import { assert } from '../../engine/base/assert.ts';
import type { Clock } from '../../engine/base/clock.ts';
import type { FileSystem } from '../../engine/io/file-system.ts';
import type { WalkProduce } from './frame-slot.ts';
import { MemoryClient } from './memory-client.ts';
import { MemoryFiles } from './memory-files.ts';
import { MemoryLink } from './memory-link.ts';
import type { ListenOptions, Listening, ReactorOptions, ReactorReport } from './reactor.ts';
import type { ReactorConnection } from './reactor-connection.ts';
import { ReactorCore } from './reactor-core.ts';
import type { RingSizes } from './ring-memory.ts';

const FIRST_PORT = 40_000;
const MIB = 1024 * 1024;
const DEFAULT_OPTIONS: ReactorOptions = {
  requestMaxBytes: 4 * MIB,
  arenaBytes: 16 * MIB,
  sendQueueMaxBytes: 4 * MIB,
  maxConnections: 1024,
  fileThreads: 1,
  receiveBufferBytes: 0,
  sendBufferBytes: 0,
  ioUring: false,
  managedBytes: 0,
  ownsThread: false,
};

export interface MemoryReactorParts {
  readonly fileSystem: FileSystem;
  readonly walkProduce: WalkProduce;
  readonly options?: Partial<ReactorOptions>;
  readonly rings?: Partial<RingSizes>;
  readonly arenaIndex?: number;
  /** Shared by several reactors of one simulation; its own otherwise. */
  readonly clock?: VirtualClock;
}

/** Time that moves only when told. */
export class VirtualClock implements Clock {
  private nowMs = 0;
  private readonly epochMs: number;

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.epochMs = epochMs;
  }

  advance(ms: number): void {
    assert(ms >= 0, 'time goes forward', ms);
    this.nowMs += ms;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.epochMs + this.nowMs;
  }
}

export class MemoryReactor extends ReactorCore {
  readonly report: ReactorReport = {
    kind: 'memory',
    rows: [{ facility: 'reactor', engine: 'memory', reason: 'asked for: no sockets and no disk' }],
  };
  /** Faults are asked for here: failNextAppend(), failNextSync(), holdSyncs … */
  readonly files: MemoryFiles;
  readonly virtualClock: VirtualClock;
  /** A tick is due even without completions. */
  private due = false;
  private readonly listeners: { readonly port: number; open: boolean }[] = [];
  private readonly links: { readonly link: MemoryLink; readonly connection: ReactorConnection }[] = [];
  private clients = 0;
  private alarmMs = Infinity;

  constructor(parts: MemoryReactorParts) {
    const clock = parts.clock ?? new VirtualClock();
    super({ ...parts, options: { ...DEFAULT_OPTIONS, ...parts.options }, clock });
    this.virtualClock = clock;
    this.files = new MemoryFiles(parts.fileSystem);
  }

  async listen(options: ListenOptions): Promise<Listening> {
    const id = this.listeners.length;
    const port = options.port === 0 ? FIRST_PORT + id : options.port;
    if (!options.reusePort && this.listeners.some((listener) => listener.open && listener.port === port)) {
      throw Object.assign(new Error(`port ${port} is in use`), { code: 'EADDRINUSE' });
    }
    this.listeners.push({ port, open: true });
    return { id, port };
  }

  stopListening(): void {
    for (const listener of this.listeners) listener.open = false;
  }

  /** A client connects to a listener. @throws ECONNREFUSED when it does not listen */
  connect(listener = 0): MemoryClient {
    if (this.closed || this.listeners[listener]?.open !== true) {
      throw Object.assign(new Error(`nothing listens as ${listener}`), { code: 'ECONNREFUSED' });
    }
    const link = new MemoryLink(`127.0.0.1:${1024 + this.clients++}`);
    const connection = this.accept(link, listener);
    if (connection === null) link.destroy();
    else this.links.push({ link, connection });
    return new MemoryClient(link);
  }

  /** Move time on; a deadline it passes fires in the next tick. */
  advance(ms: number): void {
    this.virtualClock.advance(ms);
  }

  /** Something would happen in runTick(). */
  get busy(): boolean {
    return !this.closed && (this.due || !this.completions.isEmpty || this.files.hasWork || this.timerDue || this.links.some(isReadable));
  }

  /** When time alone would give it something to do; Infinity: never. */
  get nextDeadlineMs(): number {
    return this.alarmMs;
  }

  /** Named apart from the engine's tick: everything that is due happens once. */
  override runTick(): void {
    if (this.closed) return;
    this.files.runDue();
    this.deliver();
    if (this.timerDue) this.alarm();
    if (!this.due && this.completions.isEmpty) return;
    this.due = false;
    super.runTick();
  }

  /** @throws when it is still busy after `maxTicks`: something keeps itself going */
  runUntilIdle(maxTicks = 100_000): void {
    for (let ticks = 0; this.busy; ticks++) {
      assert(ticks < maxTicks, 'the reactor comes to rest', maxTicks);
      this.runTick();
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.stopListening();
    for (const connection of this.connections.all()) this.closeNow(connection, 0);
    this.files.drain();
  }

  protected requestTick(): void {
    this.due = true;
  }

  protected setAlarm(atMs: number): void {
    this.alarmMs = atMs;
  }

  private get timerDue(): boolean {
    return this.virtualClock.monotonicMs() >= this.alarmMs;
  }

  private deliver(): void {
    for (let i = 0; i < this.links.length; i++) {
      const { link, connection } = this.links[i]!;
      while (link.readable) {
        const piece = link.take();
        if (piece === null) this.receiveEnd(connection);
        else this.receive(connection, piece);
      }
    }
    for (let i = this.links.length - 1; i >= 0; i--) if (this.links[i]!.connection.dead) this.links.splice(i, 1);
  }
}

function isReadable(entry: { readonly link: MemoryLink }): boolean {
  return entry.link.readable;
}

export function createMemoryReactor(parts: MemoryReactorParts): MemoryReactor {
  return new MemoryReactor(parts);
}
