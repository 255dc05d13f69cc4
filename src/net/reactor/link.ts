// One connection's socket as the shared reactor code sees it: node:net behind the portable one, a fake client behind
// the one in memory. Owner: the shard's thread. Hot: write().

export interface Link {
  /** `address:port`, IPv6 addresses in brackets. */
  readonly peer: string;
  /** `done` when the socket has taken all of it, which may be before this returns; never after destroy(). */
  write(bytes: Uint8Array, done: () => void): void;
  setReading(reading: boolean): void;
  /** Nothing more will be written: `done` when the peer has closed too, or had its time to; never after destroy(). */
  finish(done: () => void): void;
  /** Gone at once. */
  destroy(): void;
}
