// Keys with revisions in memory, and who watches them: the state behind both local stores.
// Owner: the controller's thread (main). Not hot.

import { assert } from '../base/assert.ts';
import { repeated } from './controller-view.ts';
import type { KeyValue, MetadataEvent, RangeResult, Transaction, Watch, WatchListener } from './metadata-store.ts';

/** Transactions a watch can look back on. */
export const HISTORY_MAX = 10_000;

interface Change {
  readonly revision: number;
  readonly events: readonly MetadataEvent[];
}

export class KeySpace {
  private readonly items = new Map<string, KeyValue>();
  private readonly watches = new Set<{ listener: WatchListener; fromRevision: number }>();
  private history: Change[] = [];
  private lastRevision: number;
  /** Changes up to here cannot be looked back on. */
  private compactedRevision: number;

  constructor(revision = 0, items: readonly KeyValue[] = []) {
    this.lastRevision = revision;
    this.compactedRevision = revision;
    for (const item of items) this.items.set(item.key, item);
  }

  /** Of the last transaction that changed something. */
  get revision(): number {
    return this.lastRevision;
  }

  get(key: string): KeyValue | null {
    return this.items.get(key) ?? null;
  }

  range(prefix: string): RangeResult {
    const items = Array.from(this.items.values()).filter(({ key }) => key.startsWith(prefix));
    return { revision: this.lastRevision, items: items.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  holds({ compares }: Transaction): boolean {
    return compares.every(({ key, modRevision }) => (this.items.get(key)?.modRevision ?? 0) === modRevision);
  }

  /** Whether it would change anything, and so raise the revision. */
  changes({ puts, deletes }: Transaction): boolean {
    const twice = repeated([...puts.map(({ key }) => key), ...deletes]);
    assert(twice.size === 0, 'a transaction touches a key once', ...twice);
    return puts.length > 0 || deletes.some((key) => this.items.has(key));
  }

  /** Applies a transaction that is durable as `revision`. */
  apply({ puts, deletes }: Omit<Transaction, 'compares'>, revision: number): void {
    assert(revision === this.lastRevision + 1, 'revisions are consecutive', this.lastRevision, revision);
    this.lastRevision = revision;
    const events: MetadataEvent[] = [];
    for (const { key, value } of puts) {
      const item = { key, value, modRevision: revision };
      this.items.set(key, item);
      events.push({ kind: 'put', item });
    }
    for (const key of deletes) {
      if (this.items.delete(key)) events.push({ kind: 'delete', key, modRevision: revision });
    }
    this.remember({ revision, events });
    // A listener may open a watch, which looks back on this change by itself.
    const watches = Array.from(this.watches);
    for (const watch of watches) {
      if (this.watches.has(watch) && revision >= watch.fromRevision) watch.listener.onChange(revision, events);
    }
  }

  watch(fromRevision: number, listener: WatchListener): Watch {
    if (fromRevision <= this.compactedRevision) {
      listener.onCompacted(this.compactedRevision);
      return { close: () => undefined };
    }
    const watch = { listener, fromRevision };
    this.watches.add(watch);
    for (const { revision, events } of this.history.slice()) {
      if (revision >= fromRevision && this.watches.has(watch)) listener.onChange(revision, events);
    }
    return { close: () => void this.watches.delete(watch) };
  }

  private remember(change: Change): void {
    this.history.push(change);
    // Twice the size before half is dropped, so that dropping costs nothing on average.
    if (this.history.length < HISTORY_MAX * 2) return;
    this.history = this.history.slice(-HISTORY_MAX);
    this.compactedRevision = this.history[0]!.revision - 1;
  }
}
