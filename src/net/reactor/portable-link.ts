// One node:net socket behind the Link face. Owner: the shard's thread. Hot: write().

import type { Socket } from 'node:net';
import type { Link } from './link.ts';

/** How long a peer has to close after it was told the end: closing earlier with its bytes unread would reset it. */
const LINGER_MS = 1000;

export class PortableLink implements Link {
  readonly peer: string;
  private readonly socket: Socket;
  private linger: NodeJS.Timeout | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    const host = socket.remoteAddress ?? '';
    this.peer = `${host.includes(':') ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.socket.write(bytes, (error) => {
      // A failed write is told by the socket's own error event.
      if (error == null) done();
    });
  }

  setReading(reading: boolean): void {
    if (reading) this.socket.resume();
    else this.socket.pause();
  }

  finish(done: () => void): void {
    const { socket } = this;
    socket.end(() => {
      if (socket.destroyed) return;
      if (socket.readableEnded) {
        done();
        return;
      }
      this.linger = setTimeout(done, LINGER_MS);
      socket.once('end', done);
      socket.resume();
    });
  }

  destroy(): void {
    if (this.linger !== null) clearTimeout(this.linger);
    this.linger = null;
    this.socket.destroy();
  }
}
