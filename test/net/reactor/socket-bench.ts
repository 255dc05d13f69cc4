// A bench for reactors with real sockets and real files.

import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Listening, Reactor } from '../../../src/net/reactor/reactor.ts';
import { ChangeSignal } from './change-signal.ts';
import { ReactorBench, type TestPeer } from './reactor-bench.ts';

class SocketPeer implements TestPeer {
  ended = false;
  receivedBytes = 0;
  private readonly socket: Socket;
  private chunks: Buffer[] = [];

  constructor(socket: Socket, signal: ChangeSignal) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.receivedBytes += chunk.length;
      signal.notify();
    });
    const onEnd = (): void => {
      this.ended = true;
      signal.notify();
    };
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.on('error', () => undefined);
  }

  send(bytes: Uint8Array): void {
    this.socket.write(Buffer.from(bytes));
  }

  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  received(): Buffer {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0] ?? Buffer.alloc(0);
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}

export class SocketBench extends ReactorBench {
  private readonly peers: SocketPeer[] = [];
  private readonly fds: number[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'ringlog-reactor-'));

  constructor(reactor: Reactor) {
    super(reactor, new ChangeSignal());
  }

  async openPeer(listening: Listening): Promise<TestPeer> {
    const socket = connect(listening.port, '127.0.0.1');
    const peer = new SocketPeer(socket, this.signal);
    this.peers.push(peer);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return peer;
  }

  openFile(bytes: Uint8Array): number {
    const fd = openSync(join(this.directory, `file-${this.fds.length}`), 'w+');
    if (bytes.length > 0) writeSync(fd, bytes);
    this.fds.push(fd);
    return fd;
  }

  fileBytes(fd: number): Buffer {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, bytes, 0, bytes.length, 0);
    return bytes;
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return this.signal.until(condition, what);
  }

  protected dispose(): void {
    for (const peer of this.peers) peer.destroy();
    for (const fd of this.fds) closeSync(fd);
    rmSync(this.directory, { recursive: true });
  }
}
