// The memory in which an embedded caller lays out its batches: shared with the shards, which append from it. Bounded, and
// that is the bound of what a caller has in flight. Owner: the supervisor's thread. Hot: take() and give(), once a batch.

import { BlockAllocator } from '../../net/reactor/block-allocator.ts';

interface Waiter {
  readonly lengthBytes: number;
  readonly taken: (offset: number) => void;
  readonly fail: (reason: unknown) => void;
}

export class BatchArena {
  readonly bytes: Buffer<SharedArrayBuffer>;
  readonly view: DataView;
  private readonly blocks: BlockAllocator;
  /** In the order they asked. */
  private readonly waiters: Waiter[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    this.blocks = new BlockAllocator(memory.byteLength);
  }

  get totalBytes(): number {
    return this.blocks.totalBytes;
  }

  get takenBytes(): number {
    return this.blocks.takenBytes;
  }

  /** A block of at least `lengthBytes`: its offset, or -1 when there is no room, or others wait for it. */
  take(lengthBytes: number): number {
    return this.waiters.length > 0 ? -1 : this.blocks.take(lengthBytes);
  }

  give(offset: number): void {
    this.blocks.give(offset);
    while (this.waiters.length > 0) {
      const first = this.waiters[0]!;
      const at = this.blocks.take(first.lengthBytes);
      if (at < 0) return;
      this.waiters.shift();
      first.taken(at);
    }
  }

  /** As take(), when there is room. @throws (rejects with) the signal's reason, or what close() was told */
  takeLater(lengthBytes: number, signal: AbortSignal | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => waiter.fail(signal!.reason);
      const waiter: Waiter = {
        lengthBytes,
        taken: (offset) => {
          signal?.removeEventListener('abort', aborted);
          resolve(offset);
        },
        fail: (reason) => {
          signal?.removeEventListener('abort', aborted);
          const at = this.waiters.indexOf(waiter);
          if (at >= 0) this.waiters.splice(at, 1);
          reject(reason);
        },
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.waiters.push(waiter);
    });
  }

  /** Nobody waits any more. */
  close(reason: unknown): void {
    for (const waiter of [...this.waiters]) waiter.fail(reason);
  }
}
