// One WebSocket as its route sees it, whichever server carries it. Owner: shared words of the HTTP room; the supervisor's
// thread runs it. Warm: once a frame.

import type { HttpRequest } from './http-exchange.ts';

export interface SocketPeer {
  /** They go into the peer's buffer, with one write: whoever sends much waits for drained() between. */
  send(frames: readonly Uint8Array[]): void;
  /** Sent, and not taken by the kernel yet. */
  readonly bufferedBytes: number;
  /** Resolves when bufferedBytes is small again, or the peer is gone. */
  drained(): Promise<void>;
  /** The connection goes also when the client does not answer. @param reason of at most 123 bytes */
  close(code: number, reason: string): void;
}

interface SocketHandler {
  /** The bytes are the handler's own. */
  onFrame(frame: Uint8Array): void;
  onClose(): void;
}

export interface SocketRoute {
  readonly path: string;
  /** Of the subprotocols that a client offers, the one that is answered. */
  readonly protocol: string;
  readonly frameBytesMax: number;
  readonly open: (request: HttpRequest, peer: SocketPeer) => SocketHandler;
}

/** As RFC 6455 has them. */
export const SocketClose = { NORMAL: 1000, GOING_AWAY: 1001, UNSUPPORTED: 1003, POLICY: 1008, TOO_LARGE: 1009, RESTART: 1012 } as const;
