// Metadata that lives as long as its object: for tests and the simulator. Owner: the controller's thread. Not hot.

import { KeySpace } from './key-space.ts';
import { MetadataStoreFailed } from './metadata-store.ts';
import type { KeyValue, MetadataStore, RangeResult, Transaction, TransactionResult, Watch, WatchListener } from './metadata-store.ts';

export class MemoryMetadataStore implements MetadataStore {
  private readonly keys = new KeySpace();
  private closed = false;

  async get(key: string): Promise<KeyValue | null> {
    return this.keys.get(key);
  }

  async range(prefix: string): Promise<RangeResult> {
    return this.keys.range(prefix);
  }

  async transaction(transaction: Transaction): Promise<TransactionResult> {
    if (this.closed) throw new MetadataStoreFailed('the metadata store is closed');
    const ok = this.keys.holds(transaction);
    if (ok && this.keys.changes(transaction)) this.keys.apply(transaction, this.keys.revision + 1);
    return { ok, revision: this.keys.revision };
  }

  watch(fromRevision: number, listener: WatchListener): Watch {
    return this.keys.watch(fromRevision, listener);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
