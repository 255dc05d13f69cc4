// One client connection: who it is, and its requests in line. Owner: the shard's thread.
// Allocated at accept; its request objects come from the shard's pools.

import { RequestLine } from '../../../engine/purgatory/request-line.ts';

export class Connection {
  readonly conn: number;
  readonly generation: number;
  /** address:port of the peer. */
  readonly peer: string;
  /** The listener it came in by: there is one. */
  readonly listener = 'PLAINTEXT';
  readonly line = new RequestLine();
  /** Client id of the newest cold request: for logs and member ids. */
  clientId = '';
  softwareName = '';
  softwareVersion = '';
  /** Bytes of the frames whose requests are kept until everything before them has answered. */
  waitingBytes = 0;
  /** Reading is paused because too many requests wait for their answers, or too large ones for their turn. */
  paused = false;
  closing = false;
  /** Looks of IdleConnections since the last frame. */
  silentLooks = 0;

  constructor(conn: number, generation: number, peer: string) {
    this.conn = conn;
    this.generation = generation;
    this.peer = peer;
  }

  /** The peer's address without its port. */
  get clientHost(): string {
    const colon = this.peer.lastIndexOf(':');
    return colon < 0 ? this.peer : this.peer.slice(0, colon);
  }
}
