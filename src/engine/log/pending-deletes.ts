// PendingDeletes: files and directories renamed for deletion, removed when their delay has passed. Owner: the shard's
// thread. Not hot; due() is one comparison a tick. What a crash leaves is removed at the next start by its suffix.

import { forgiveDisk } from '../io/disk-error.ts';
import type { FileSystem } from '../io/file-system.ts';

interface PendingDelete {
  readonly path: string;
  readonly isTree: boolean;
  readonly dueMs: number;
}

export class PendingDeletes {
  private readonly fs: FileSystem;
  private entries: PendingDelete[] = [];
  private nextDueMs = Infinity;

  constructor(fs: FileSystem) {
    this.fs = fs;
  }

  add(path: string, isTree: boolean, dueMs: number): void {
    this.entries.push({ path, isTree, dueMs });
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
      try {
        if (entry.isTree) this.fs.removeTree(entry.path);
        else this.fs.remove(entry.path);
      } catch (error) {
        // Its suffix has it removed at the next start.
        forgiveDisk(error);
      }
    }
    this.entries = left;
  }

  /** A directory was renamed: what lies in it goes with it. */
  forgetUnder(dir: string): void {
    this.entries = this.entries.filter((entry) => !entry.path.startsWith(`${dir}/`));
  }
}
