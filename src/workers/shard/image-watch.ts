// The newest metadata image of a shard, and who waits for what it will say. Owner: the shard's thread. Not hot.

import type { MetadataImage } from '../../engine/metadata/metadata-image.ts';

interface Waiter {
  readonly predicate: (image: MetadataImage) => boolean;
  readonly resolve: (met: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

export class ImageWatch {
  current: MetadataImage;
  private readonly waiters = new Set<Waiter>();

  constructor(first: MetadataImage) {
    this.current = first;
  }

  advance(image: MetadataImage): void {
    this.current = image;
    for (const waiter of this.waiters) {
      if (!waiter.predicate(image)) continue;
      this.waiters.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(true);
    }
  }

  /** True once an image satisfies `predicate`; false when none has within `timeoutMs`. */
  wait(predicate: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean> {
    if (predicate(this.current)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        predicate,
        resolve,
        timer: setTimeout(() => {
          this.waiters.delete(waiter);
          resolve(false);
        }, timeoutMs),
      };
      this.waiters.add(waiter);
    });
  }
}
