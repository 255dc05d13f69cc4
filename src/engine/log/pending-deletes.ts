// PendingDeletes: files and directories renamed for deletion, removed when their delay has passed. Owner: the shard's
// thread. Not hot; expire() is one comparison a tick. Freeing pages and blocks takes as long as a file is large, which the
// shard does not wait for. What a crash leaves is removed at the next start by its suffix.

import type { FileSystem } from '../io/file-system.ts';

interface PendingDelete {
  readonly path: string;
  readonly dueMs: number;
  /** When it is due: somebody else has a use for the file. */
  readonly keep: (() => boolean) | null;
}

export class PendingDeletes {
  private readonly fs: FileSystem;
  private entries: PendingDelete[] = [];
  private nextDueMs = Infinity;

  constructor(fs: FileSystem) {
    this.fs = fs;
  }

  add(path: string, dueMs: number, keep: (() => boolean) | null = null): void {
    this.entries.push({ path, dueMs, keep });
    this.nextDueMs = Math.min(this.nextDueMs, dueMs);
  }

  /** Remove what is due; one that cannot be removed now is left to the next start. */
  expire(nowMs: number): void {
    if (nowMs < this.nextDueMs) return;
    const left: PendingDelete[] = [];
    this.nextDueMs = Infinity;
    for (const entry of this.entries) {
      if (entry.dueMs > nowMs) {
        left.push(entry);
        this.nextDueMs = Math.min(this.nextDueMs, entry.dueMs);
        continue;
      }
      if (entry.keep?.() !== true) this.fs.discard(entry.path);
    }
    this.entries = left;
  }

  /** A directory was renamed: what lies in it goes with it. */
  forgetUnder(dir: string): void {
    this.entries = this.entries.filter((entry) => !entry.path.startsWith(`${dir}/`));
  }
}
