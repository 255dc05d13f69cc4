// A bench for the memory reactor: time and ticks move only inside until().

import type { MemoryFileSystem } from '../../../src/engine/io/memory-file-system.ts';
import type { MemoryClient } from '../../../src/net/reactor/memory-client.ts';
import type { MemoryReactor } from '../../../src/net/reactor/memory-reactor.ts';
import type { Listening } from '../../../src/net/reactor/reactor.ts';
import { ChangeSignal } from './change-signal.ts';
import { ReactorBench, type TestPeer } from './reactor-bench.ts';

/** The kernel's socket buffers, in the fake: what a client that does not read still takes. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

class MemoryPeer implements TestPeer {
  private readonly client: MemoryClient;

  constructor(client: MemoryClient) {
    this.client = client;
  }

  get ended(): boolean {
    return this.client.closed;
  }

  send(bytes: Uint8Array): void {
    this.client.send(bytes);
  }

  get receivedBytes(): number {
    return this.client.receivedBytes;
  }

  get unsentBytes(): number {
    return this.client.unsentBytes;
  }

  received(): Buffer {
    return this.client.received();
  }

  end(): void {
    this.client.close();
  }

  destroy(): void {
    this.client.close();
  }

  pause(): void {
    this.client.takeOnly(SOCKET_BUFFER_BYTES);
  }

  resume(): void {
    this.client.takeOnly(Infinity);
  }
}

export class MemoryBench extends ReactorBench {
  readonly memory: MemoryReactor;
  private readonly fileSystem: MemoryFileSystem;
  private readonly names = new Map<number, string>();

  constructor(reactor: MemoryReactor, fileSystem: MemoryFileSystem) {
    super(reactor, new ChangeSignal());
    this.memory = reactor;
    this.fileSystem = fileSystem;
  }

  async openPeer(listening: Listening): Promise<TestPeer> {
    return new MemoryPeer(this.memory.connect(listening.id));
  }

  openFile(bytes: Uint8Array): number {
    const name = `/file-${this.names.size}`;
    this.fileSystem.putFile(name, bytes);
    const fd = this.fileSystem.open(name, 'r+');
    this.names.set(fd, name);
    return fd;
  }

  fileBytes(fd: number): Buffer {
    return Buffer.from(this.fileSystem.bytesOf(this.names.get(fd)!));
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.memory.busy) this.memory.runTick();
      else if (this.memory.nextDeadlineMs < Infinity)
        this.memory.advance(this.memory.nextDeadlineMs - this.memory.virtualClock.monotonicMs());
      else throw new Error(`cannot happen any more: ${what}`);
    }
  }

  protected dispose(): void {
    this.names.clear();
  }
}
