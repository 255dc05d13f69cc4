// One reactor under test, whichever it is: clients, files, waiting. The conformance suite knows reactors only by this.

import { Cq } from '../../../src/engine/io/tick-layout.ts';
import type { Listening, Reactor, ReactorOptions } from '../../../src/net/reactor/reactor.ts';
import type { ChangeSignal } from './change-signal.ts';
import { Submitter, type ConnectionName } from './submitter.ts';
import { TickRecorder } from './tick-recorder.ts';

export const KIB = 1024;
export const MIB = 1024 * 1024;

/** A client of the reactor under test. */
export interface TestPeer {
  /** Bytes on the wire at once, without delay. */
  send(bytes: Uint8Array): void;
  /** All bytes got so far. */
  received(): Buffer;
  readonly receivedBytes: number;
  /** Bytes sent that the wire has not taken. */
  readonly unsentBytes: number;
  /** The reactor closed its end, and all its bytes were read. */
  readonly ended: boolean;
  /** Send no more, and go when the other end has gone. */
  end(): void;
  /** Gone at once. */
  destroy(): void;
  /** Read nothing until resume(). */
  pause(): void;
  resume(): void;
}

export interface BenchSettings {
  readonly options?: Partial<ReactorOptions>;
  /** Small rings where the engine lets one choose them. */
  readonly smallRings?: boolean;
}

export interface TestEngine {
  readonly name: string;
  /** Small rings can be had, and foreign arenas and so on of the TypeScript engines. */
  readonly choosesRings: boolean;
  open(settings: BenchSettings): Promise<ReactorBench>;
}

export interface ConformanceContext {
  readonly engine: TestEngine;
  /** A started, listening reactor; closed after the test. */
  open(settings?: BenchSettings): Promise<ReactorBench>;
}

export const TEST_OPTIONS: ReactorOptions = {
  requestMaxBytes: 8 * MIB,
  arenaBytes: 64 * MIB,
  sendQueueMaxBytes: 64 * MIB,
  maxConnections: 64,
  fileThreads: 2,
  receiveBufferBytes: 0,
  sendBufferBytes: 0,
  ioUring: false,
  managedBytes: 8 * 1024 * 1024,
  ownsThread: false,
};

export const SMALL_RINGS = { cqCapacity: 16, sqCapacity: 8, descCapacity: 8, outBytes: 256 * KIB };

export abstract class ReactorBench {
  readonly reactor: Reactor;
  readonly recorder: TickRecorder;
  readonly submitter: Submitter;
  protected readonly signal: ChangeSignal;
  private listening: Listening | null = null;

  constructor(reactor: Reactor, signal: ChangeSignal) {
    this.reactor = reactor;
    this.signal = signal;
    this.recorder = new TickRecorder(reactor, signal);
    this.submitter = new Submitter(reactor);
  }

  abstract openPeer(listening: Listening): Promise<TestPeer>;
  /** A file with these bytes, open for reading and writing. */
  abstract openFile(bytes: Uint8Array): number;
  abstract fileBytes(fd: number): Buffer;
  abstract until(condition: () => boolean, what: string): Promise<void>;
  protected abstract dispose(): void;

  async begin(): Promise<void> {
    this.reactor.start(() => this.recorder.tick());
    this.listening = await this.reactor.listen({ host: '127.0.0.1', port: 0, reusePort: false, backlog: 128 });
  }

  get port(): Listening {
    return this.listening!;
  }

  /** A client and the connection the reactor has made of it. */
  async connect(): Promise<{ peer: TestPeer; name: ConnectionName }> {
    const before = this.recorder.of(Cq.ACCEPTED).length;
    const peer = await this.openPeer(this.port);
    await this.until(() => this.recorder.of(Cq.ACCEPTED).length > before, 'ACCEPTED');
    const { conn, generation } = this.recorder.of(Cq.ACCEPTED)[before]!;
    return { peer, name: { conn, generation } };
  }

  async untilFrames(count: number): Promise<void> {
    await this.until(() => this.recorder.frames.length >= count, `${count} frames (${this.recorder.frames.length} came)`);
  }

  async untilReceived(peer: TestPeer, bytes: number): Promise<Buffer> {
    await this.until(() => peer.receivedBytes >= bytes || peer.ended, `${bytes} bytes at the client`);
    if (peer.receivedBytes < bytes) throw new Error(`the connection ended after ${peer.receivedBytes} of ${bytes} bytes`);
    return peer.received();
  }

  async untilCompleted(op: number, count: number): Promise<void> {
    await this.until(() => this.recorder.of(op).length >= count, `${count} completions of kind ${op}`);
  }

  async untilClosed(name: ConnectionName): Promise<number> {
    await this.until(() => this.recorder.closedResult(name.conn, name.generation) !== undefined, 'CLOSED');
    return this.recorder.closedResult(name.conn, name.generation)!;
  }

  /** Run `work` inside a tick, as the engine's own verbs run. */
  async inTick(work: () => void): Promise<void> {
    let done = false;
    this.recorder.onTickStart = () => {
      this.recorder.onTickStart = null;
      work();
      done = true;
    };
    this.reactor.schedule();
    await this.until(() => done, 'a tick');
  }

  async end(): Promise<void> {
    await this.reactor.close();
    this.dispose();
  }
}
